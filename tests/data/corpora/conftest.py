"""Corpora of the same layout as the real ones, small enough to be written in a test."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from latentatlas.data import Corpus, corpora
from latentatlas.data.corpora import registry
from latentatlas.data.download import checksum_of

Install = Callable[[str, str, Mapping[str, bytes]], Path]


def _zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def _tarred(members: Mapping[str, bytes]) -> bytes:
    """A gzipped tar archive."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _gzipped(text: str) -> bytes:
    """Gzipped UTF-8 text."""
    return gzip.compress(text.encode(), mtime=0)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """`install(corpus, edition, {file: content})` puts files in the data folder and their checksums in the registry.

    Nothing else is in the data folder or the cache, and every address is unreachable. Returns the folder.
    """
    home = tmp_path / "home"
    monkeypatch.setenv("LATENTATLAS_DATA", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def put(name: str, edition: str, contents: Mapping[str, bytes]) -> Path:
        corpus: Corpus = corpora()[name]
        chosen = corpus.edition(edition)
        files = []
        for file in chosen.files:
            path = home / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents[file.short_name])
            urls = ("http://127.0.0.1:9/",) if file.urls else ()  # the discard port: nobody answers
            algorithm = file.checksum.partition(":")[0]
            files.append(replace(file, checksum=checksum_of(path, algorithm), size=path.stat().st_size, urls=urls))
        assert set(contents) == {file.short_name for file in files}
        small = replace(chosen, files=tuple(files))
        editions = tuple(small if each.name == edition else each for each in corpus.editions)
        monkeypatch.setitem(registry._CORPORA, name, replace(corpus, editions=editions))
        return home

    return put


@pytest.fixture
def zipped() -> Callable[[Mapping[str, bytes]], bytes]:
    """Members by name to the content of a zip archive."""
    return _zipped


@pytest.fixture
def tarred() -> Callable[[Mapping[str, bytes]], bytes]:
    """Members by name to the content of a gzipped tar archive."""
    return _tarred


@pytest.fixture
def gzipped() -> Callable[[str], bytes]:
    """Text to its gzipped UTF-8 bytes."""
    return _gzipped
