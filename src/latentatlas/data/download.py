"""Files of public data sets: a prepared copy, the cache, or a download, always with the right checksum."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from latentatlas.core import DataError

__all__ = ["CorpusFile", "Files", "ProgressOf", "cache_folder", "checksum_of", "data_folder", "silent"]

_HOME = "LATENTATLAS_DATA"


@final
@dataclass(frozen=True)
class CorpusFile:
    """A file of a public data set.

    Attributes:
        name: path below the data folder and below the cache, with forward slashes: "mnist/train-labels.gz".
        checksum: "sha256:" or "md5:" (where only that was published) and hexadecimal digits.
        size: bytes; None where it is not known.
        urls: where to download it, best first; empty for a prepared file that is published nowhere.
    """

    name: str
    checksum: str
    size: int | None = None
    urls: tuple[str, ...] = ()

    @property
    def short_name(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    def path(self) -> Path | None:
        """Where a copy is at hand, prepared or cached; its checksum is not looked at. None if there is none."""
        candidates = (folder / self.name for folder in (data_folder(), cache_folder()) if folder is not None)
        return next((path for path in candidates if path.is_file()), None)


ProgressOf = Callable[[CorpusFile], Any]
"""Called before a file is downloaded; returns a bar with `total`, `update(bytes)`, `reset()`, `close()`, or False."""


def silent(file: CorpusFile) -> bool:
    """No progress is shown."""
    return False


def data_folder() -> Path | None:
    """The folder of prepared data sets that `$LATENTATLAS_DATA` names; None if it names none."""
    home = os.environ.get(_HOME)
    return Path(home).expanduser() if home else None


def cache_folder() -> Path:
    """Where downloads are kept: the user's cache folder of this system."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("latentatlas"))


def checksum_of(path: Path, algorithm: str = "sha256") -> str:
    """The checksum of a file, written as in `CorpusFile.checksum`. Cost: O(bytes)."""
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


@final
class Files(Mapping[str, Path]):
    """Verified local copies of the files of a corpus by the last part of their names; each is got when asked for.

    A file is looked for in `$LATENTATLAS_DATA`, then in the cache; else it is downloaded to the cache.

    Args:
        corpus: name of the corpus, for messages.
        files: its files.
        progress: shows downloads; see `ProgressOf`.

    Raises:
        DataError: on access, if a prepared file has a wrong checksum, or a file is nowhere and cannot be downloaded.
    """

    def __init__(self, corpus: str, files: Sequence[CorpusFile], *, progress: ProgressOf = silent):
        self.corpus = corpus
        self.files = tuple(files)
        self.progress = progress
        self._by_name = {file.short_name: file for file in files}

    def __getitem__(self, name: str) -> Path:
        file = self._by_name[name]
        return _prepared(self.corpus, file) or _downloaded(self.corpus, file, self.progress)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def _prepared(corpus: str, file: CorpusFile) -> Path | None:
    folder = data_folder()
    path = None if folder is None else folder / file.name
    if path is None or not path.is_file():
        return None
    found = checksum_of(path, file.checksum.partition(":")[0])
    if found != file.checksum:
        cure = f"run `latentatlas data get {corpus}`, which downloads it" if file.urls else "copy it"
        raise DataError(
            f"Corpus {corpus!r} wants {path} with {file.checksum}; found {found}. The file is damaged or another one: "
            f"remove it and {cure} anew."
        )
    return path


def _downloaded(corpus: str, file: CorpusFile, progress: ProgressOf) -> Path:
    import pooch

    path, reasons = cache_folder() / file.name, []
    if path.is_file() and checksum_of(path, file.checksum.partition(":")[0]) == file.checksum:
        return path
    for url in file.urls:
        downloader = pooch.HTTPDownloader(progressbar=progress(file))
        try:
            return Path(pooch.retrieve(url, file.checksum, path.name, path.parent, downloader=downloader))
        except (OSError, ValueError) as error:  # no network, no permission, HTTP errors, wrong checksum
            reasons.append(f"{url}: {_why(error)}")
    size = "" if file.size is None else f" ({file.size / 1e6:.1f} MB)"
    outcome = f"and the download failed ({'; '.join(reasons)})" if reasons else "and no address of it is known"
    online = f"With a network run `latentatlas data get {corpus}`; without one, set" if reasons else "Set"
    raise DataError(
        f"Corpus {corpus!r} wants {file.name}{size}; it is neither in ${_HOME} ({data_folder() or 'not set'}) nor in "
        f"{cache_folder()}, {outcome}. {online} {_HOME} to a folder that holds {file.name}."
    )


def _why(error: Exception) -> str:
    """The first line of an error; what requests says about a missing connection is several lines of nested names."""
    if type(error).__name__ in ("ConnectionError", "ConnectTimeout"):
        return "no connection"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
