"""The pages for people, run as they stand by the interpreter that runs the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "docs" / "start.md", *(ROOT / "docs" / "guides").glob("*.md")])
LEFT_OUT = {
    "README.md": 3,
    "texts.md": 5,
    "minima.md": 1,
    "nuisance.md": 3,
    "explore.md": 2,
} | dict.fromkeys(("start.md", "signals.md", "scikit-learn.md", "new-rows.md", "interactions.md"), 1)
"""Blocks that are not run here: installations, files of the reader, models that must be downloaded."""

QUICK = ("csv-to-map.md", "interactions.md")


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.stem, marks=[pytest.mark.slow] * (page.name not in QUICK)) for page in PAGES]
)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path):
    model = os.environ.get("LATENTATLAS_SENTENCE_MODEL")  # a folder, for the texts
    if model:
        (tmp_path / "minilm").symlink_to(model)
    environment = os.environ | {"MPLBACKEND": "Agg", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "default"}
    command = [sys.executable, str(ROOT / "tests" / "docs" / "pages.py"), str(page)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    left_out = json.loads(done.stdout.splitlines()[-1])
    assert len(left_out) <= LEFT_OUT.get(page.name, 0), left_out


def test_every_guide_is_linked():
    index = (ROOT / "docs" / "guides" / "index.md").read_text()
    for guide in (ROOT / "docs" / "guides").glob("*.md"):
        if guide.stem != "index":
            assert f"]({guide.name})" in index
            assert f"\n{guide.stem}\n" in index
