from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentatlas.data import Table
from latentatlas.experiments import run_study
from latentatlas.experiments.stack import to_markdown
from latentatlas.experiments.stack.methods import Budget, plain, principal, single, weights
from latentatlas.experiments.stack.rows import COLUMNS, SOURCES, Rows
from latentatlas.experiments.stack.study import _stops as stops


def rows() -> Rows:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(160, 8, generator=generator) @ torch.randn(8, COLUMNS, generator=generator)
    return Rows(scores[:100], scores[100:130], scores[130:], 1.0)


def test_principal_axes_leave_nothing_of_rows_that_have_no_more():
    assert principal(rows(), 2) == pytest.approx(0.0, abs=1e-5)
    assert 0.1 < principal(rows(), 1) < 0.9


def test_a_single_block_has_the_weights_of_so_many():
    found = single(rows(), Budget(steps=2), 3, seed=0)
    assert found["weights"] == pytest.approx(3 * weights(plain()), rel=0.03)
    assert found["left"] > 0


def test_the_stop_rule():
    assert stops([0.5, 0.2, 0.04, 0.3]) == 2
    assert stops([0.01, 0.2]) == 2  # the first is kept whatever it explains
    assert stops([0.5, 0.5]) == 2


def test_heartbeats_are_divided_by_record():
    record = np.repeat(np.arange(48), 20)
    table = Table(np.zeros((960, 2), np.float32), metadata={"record": record})
    parts = [set(record[part].tolist()) for part in SOURCES["mitbih"].split(table, 300, 100)]
    assert len(set.union(*parts)) == sum(map(len, parts))
    images = SOURCES["mnist"].split(Table(np.zeros((60, 2), np.float32)), 30, 10)
    assert len(np.unique(np.concatenate(images))) == 50


def test_quick_run(data_home: Path, tmp_path: Path):
    result = run_study("stack", tmp_path, quick=True, log=lambda line: None)
    page = (tmp_path / "stack.md").read_text()
    assert "## MNIST digits" in page
    assert "| block 2 |" in page
    assert (tmp_path / "stack.png").stat().st_size > 10_000
    assert "least that one of" in to_markdown(result | {"quick": False})
