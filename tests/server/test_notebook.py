from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

import latentatlas as la
from latentatlas.core import StoreError
from latentatlas.store import open_run


def post(url: str, body: object) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    urllib.request.urlopen(request).read()


def test_a_notebook_shows_the_page_and_reads_its_selection(run: Path):
    shown = la.explore(open_run(run))
    try:
        assert f'<iframe src="{shown.address.url}"' in shown._repr_html_()
        assert shown.selected is None
        mask = np.arange(60) % 7 == 3
        bits = base64.b64encode(np.packbits(mask, bitorder="little").tobytes()).decode()
        post(f"{shown.address.url}api/selection", {"mask": bits})
        assert shown.selected is not None
        assert shown.selected.tolist() == np.flatnonzero(mask).tolist()
        post(f"{shown.address.url}api/selection", {"mask": None})
        assert shown.selected is None
    finally:
        shown.close()
    with pytest.raises(URLError):
        urllib.request.urlopen(f"{shown.address.url}api/run", timeout=2)


def test_what_is_no_run(tmp_path: Path):
    with pytest.raises(StoreError, match="does not exist"):
        la.explore(tmp_path / "nothing")
