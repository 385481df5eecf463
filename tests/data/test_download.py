from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from latentatlas.core import DataError
from latentatlas.data import CorpusFile
from latentatlas.data.download import Files, cache_folder, checksum_of

CONTENT = b"forty-two rows"
CLOSED = "http://127.0.0.1:9/"  # the discard port: nobody answers


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server with one file; yields its address and its folder. The cache is empty."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "rows.gz").write_bytes(CONTENT)
    monkeypatch.delenv("LATENTATLAS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as web:
        threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}/", folder
        web.shutdown()


def _get(*urls: str, algorithm: str = "sha256", **options):
    digest = hashlib.new(algorithm, CONTENT).hexdigest()
    file = CorpusFile("folder/rows.gz", f"{algorithm}:{digest}", len(CONTENT), urls)
    return Files("corpus", [file], **options)["rows.gz"]


def test_checksums_by_hand(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checksum_of(tmp_path / "f") == f"sha256:{sha256}"
    assert checksum_of(tmp_path / "f", "md5") == "md5:900150983cd24fb0d6963f7d28e17f72"


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_download_is_kept(server, algorithm):
    url, folder = server
    path = _get(url + "rows.gz", algorithm=algorithm)
    assert path == cache_folder() / "folder" / "rows.gz"
    assert path.read_bytes() == CONTENT
    (folder / "rows.gz").unlink()
    assert _get(url + "rows.gz", algorithm=algorithm) == path


def test_the_next_mirror_is_asked(server):
    url, _ = server
    assert _get(url + "missing.gz", url + "rows.gz").read_bytes() == CONTENT
    assert _get(CLOSED, url + "rows.gz").read_bytes() == CONTENT


def test_a_mirror_with_other_content_is_passed_over(server):
    url, folder = server
    (folder / "old.gz").write_bytes(b"an older version")
    assert _get(url + "old.gz", url + "rows.gz").read_bytes() == CONTENT


def test_a_damaged_file_in_the_cache_is_fetched_anew(server):
    url, _ = server
    path = _get(url + "rows.gz")
    path.write_bytes(b"damaged")
    assert _get(url + "rows.gz").read_bytes() == CONTENT


def test_a_download_with_a_wrong_checksum_is_refused(server):
    url, folder = server
    (folder / "rows.gz").write_bytes(b"something else")
    wanted, found = (hashlib.sha256(content).hexdigest() for content in (CONTENT, b"something else"))
    with pytest.raises(DataError, match=rf"wants folder/rows.gz .*download failed .*{wanted}.*{found}.*LATENTATLAS"):
        _get(url + "rows.gz")
    assert not list((cache_folder() / "folder").iterdir()), "nothing of a refused download stays"


def test_no_network(server):
    with pytest.raises(DataError, match=rf"{CLOSED}rows.gz: no connection.*With a network run `latentatlas data get"):
        _get(CLOSED + "rows.gz")


def test_a_file_without_an_address(server):
    with pytest.raises(DataError, match=r"no address of it is known\. Set LATENTATLAS_DATA to a folder that holds"):
        _get()


def test_the_prepared_folder_goes_first(server, tmp_path, monkeypatch):
    prepared = tmp_path / "prepared" / "folder" / "rows.gz"
    prepared.parent.mkdir(parents=True)
    prepared.write_bytes(CONTENT)
    monkeypatch.setenv("LATENTATLAS_DATA", str(tmp_path / "prepared"))
    assert _get(CLOSED) == prepared
    prepared.write_bytes(b"damaged")
    with pytest.raises(DataError, match=rf"{prepared} with sha256:\w+; found sha256:\w+.*remove it and run"):
        _get(CLOSED)
    with pytest.raises(DataError, match="remove it and copy it anew"):
        _get()


def test_every_failed_address_is_named(server):
    url, _ = server
    with pytest.raises(DataError, match=r"a\.gz: 404.*b\.gz: 404"):
        _get(url + "a.gz", url + "b.gz")


class _Bar:
    total = 0

    def __init__(self, file):
        self.file, self.done, self.closed = file, 0, False

    def update(self, amount):
        self.done += amount

    def reset(self):
        self.done = 0

    def close(self):
        self.closed = True


def test_progress_is_shown(server):
    url, _ = server
    bars = []

    def progress(file):
        bars.append(_Bar(file))
        return bars[-1]

    _get(url + "rows.gz", progress=progress)
    _get(url + "rows.gz", progress=progress)
    assert [(bar.file.name, bar.done, bar.total, bar.closed) for bar in bars] == [("folder/rows.gz", 14, 14, True)]
