from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from latentatlas.core import DataError
from latentatlas.data import RemoteFile
from latentatlas.data.download import cache_folder, fetch, sha256_of

CONTENT = b"forty-two rows"


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


def _file(*urls: str) -> RemoteFile:
    return RemoteFile("rows.gz", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), urls)


def test_checksum_by_hand(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256_of(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_download_is_kept(server):
    url, folder = server
    (path,) = fetch("corpus", [_file(url + "rows.gz")])
    assert path == cache_folder() / "corpus" / "rows.gz"
    assert path.read_bytes() == CONTENT
    (folder / "rows.gz").unlink()
    assert fetch("corpus", [_file(url + "rows.gz")]) == [path]


def test_the_next_mirror_is_asked(server):
    url, _ = server
    (path,) = fetch("corpus", [_file(url + "missing.gz", url + "rows.gz")])
    assert path.read_bytes() == CONTENT


def test_a_damaged_file_in_the_cache_is_fetched_anew(server):
    url, _ = server
    (path,) = fetch("corpus", [_file(url + "rows.gz")])
    path.write_bytes(b"damaged")
    assert fetch("corpus", [_file(url + "rows.gz")])[0].read_bytes() == CONTENT


def test_a_download_with_a_wrong_checksum_is_refused(server):
    url, folder = server
    (folder / "rows.gz").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"wants rows.gz .*download failed .*SHA256.*LATENTATLAS_DATA"):
        fetch("corpus", [_file(url + "rows.gz")])
    assert not (cache_folder() / "corpus" / "rows.gz").exists()


def test_the_prepared_folder_goes_first(server, tmp_path, monkeypatch):
    prepared = tmp_path / "prepared" / "corpus" / "rows.gz"
    prepared.parent.mkdir(parents=True)
    prepared.write_bytes(CONTENT)
    monkeypatch.setenv("LATENTATLAS_DATA", str(tmp_path / "prepared"))
    assert fetch("corpus", [_file("http://127.0.0.1:9/rows.gz")]) == [prepared]


def test_every_failed_address_is_named(server):
    url, _ = server
    with pytest.raises(DataError, match=r"a\.gz: 404.*b\.gz: 404"):
        fetch("corpus", [_file(url + "a.gz", url + "b.gz")])
