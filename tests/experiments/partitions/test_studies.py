"""The studies of partition from the command to the page, on a few rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from latentatlas.experiments import page_of, run_study


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("partition-images", ["partition_images_blocks", "partition_images_similarity"]),
        ("partition-multimodal", ["partition_multimodal"]),
        ("partition-ablation", ["partition_ablation"]),
    ],
)
def test_a_study_writes_its_page_and_pictures(name: str, figures: list[str], tmp_path: Path):
    lines: list[str] = []
    run_study(name, tmp_path, quick=True, log=lines.append)
    stem = name.replace("-", "_")
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == figures
    assert not list(tmp_path.glob("*.partial.json"))
    assert (tmp_path / f"{stem}.md").read_text() == page_of(name, tmp_path)
    assert json.loads((tmp_path / f"{stem}.json").read_text())["quick"] is True
    assert "nan" not in page_of(name, tmp_path)
