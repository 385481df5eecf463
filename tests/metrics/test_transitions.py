from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics import (
    CocycleError,
    InverseError,
    TransitionError,
    TransitionR2,
    chart_changes,
    transitions,
    transitions_by_pair,
)
from latentatlas.models import FactorizedJumps, TiedJumps


def affine_charts(mirror: bool = True) -> tuple[np.ndarray, TiedJumps]:
    """Charts that are affine maps of one plane, and the jumps between them, laid out from the rows."""
    torch.manual_seed(0)
    plane = torch.randn(80, 2)
    maps = torch.stack([torch.eye(2), torch.tensor([[0.0, 2.0], [1.0, 0.3]]), torch.tensor([[1.0, 0.5], [0.0, 0.5]])])
    local = torch.einsum("nd,ked->nke", plane, maps) + torch.arange(3.0)[:, None]
    jumps = TiedJumps(3, 2)
    jumps.seat(local, torch.full((80, 3), 1 / 3))
    return local.numpy(), jumps


@torch.no_grad()
def test_exact_affine_charts_have_all_of_their_variance_explained():
    local, jumps = affine_charts()
    reached, even = jumps(torch.from_numpy(local)).numpy(), np.full((80, 3), 1 / 3)
    found = transitions(local, reached, even)
    assert found.explained == pytest.approx(1, abs=1e-6)
    assert found.largest < 1e-4
    assert found.pairs == 80 * 6
    assert TransitionR2()(local, reached, even) == found.explained
    assert TransitionError()(local, reached, even) == found.mean
    mean = np.broadcast_to(local.mean(axis=0), (80, 3, 3, 2))
    assert TransitionR2()(local, mean, even) == pytest.approx(0, abs=1e-6)


@torch.no_grad()
def test_tied_jumps_are_a_cocycle_and_factorised_ones_are_not():
    local, tied = affine_charts()
    rows = torch.from_numpy(local)
    assert CocycleError()(tied(rows).numpy(), tied.twice(rows).numpy()) < 1e-6
    assert InverseError()(local, tied.twice(rows).numpy()) < 1e-6
    lossy = FactorizedJumps(3, 2, rank=1)
    assert CocycleError()(lossy(rows).numpy(), lossy.twice(rows).numpy()) < 1e-6  # a projection, applied twice
    assert InverseError()(local, lossy.twice(rows).numpy()) > 0.3


def test_only_rows_in_both_charts_count_by_their_memberships():
    local = np.array([[[0.0], [0.0]], [[0.0], [1.0]], [[0.0], [100.0]]])
    reached = np.repeat(local[:, :, None], 2, axis=2)
    w = np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
    found = transitions(local, reached, w)
    assert found.pairs == 4
    assert found.largest == 1
    assert found.mean == pytest.approx(0.09 / (0.25 + 0.09))


def test_nothing_to_look_at():
    local = np.zeros((3, 2, 1))
    found = transitions(local, np.zeros((3, 2, 2, 1)), np.eye(2)[[0, 1, 0]])
    assert math.isnan(found.mean)
    assert found.pairs == 0
    assert TransitionError()(local, np.zeros((3, 2, 2, 1)), np.eye(2)[[0, 1, 0]]) == 0
    assert TransitionR2()(np.zeros((3, 1, 1)), np.zeros((3, 1, 1, 1)), np.ones((3, 1))) == 1


def test_errors_beside_no_spread():
    once = np.ones((2, 1, 1, 1))
    assert CocycleError()(once, once[:, None]) == 0
    assert CocycleError()(once, once[:, None] + 1) == math.inf


def test_changes_of_charts_along_a_path():
    w = np.eye(3)[[0, 0, 2, 2, 1]]
    found = chart_changes(w)
    assert (found.step.tolist(), found.source.tolist(), found.target.tolist()) == ([2, 4], [0, 2], [2, 1])
    assert len(chart_changes(np.ones((5, 1))).step) == 0


def test_wrong_input(unchecked: None):
    local, w = np.zeros((3, 2, 1)), np.full((3, 2), 0.5)
    with pytest.raises(ShapeError, match="wants 3 rows of 2 charts, each taken to each"):
        transitions(local, np.zeros((3, 2, 1)), w)
    with pytest.raises(SpecError, match="0 < least ≤ ½; got 0"):
        transitions(local, np.zeros((3, 2, 2, 1)), w, least=0.0)
    with pytest.raises(ShapeError, match="wants two jumps for each single one"):
        CocycleError()(np.zeros((3, 2, 2, 1)), np.zeros((3, 2, 2, 2, 2)))
    with pytest.raises(SpecError, match="0 ≤ margin < 1; got 1"):
        chart_changes(w, margin=1.0)
    with pytest.raises(DataError, match="sum to 1"):
        chart_changes(np.ones((3, 2)))


def test_pairs_apart_are_what_their_charts_alone_say():
    local, jumps = affine_charts()
    with torch.no_grad():
        reached = jumps(torch.from_numpy(local)).numpy()
    reached[:, 0, 1] += 1.0  # one jump that leads elsewhere, by √2
    w = np.full((80, 3), 1 / 3)
    w[:40] = [0.5, 0.5, 0.0]
    found = transitions_by_pair(local, reached, w)
    assert list(zip(found.source.tolist(), found.target.tolist(), strict=True)) == [
        (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)
    ]  # fmt: skip
    assert found.rows.tolist() == [80, 40, 80, 40, 40, 40]
    assert found.mean[0] == pytest.approx(math.sqrt(2), rel=1e-4)
    assert found.mean[1:] == pytest.approx(0, abs=1e-3)
    two = transitions(local[40:, [0, 2]], reached[40:, [0, 2]][:, :, [0, 2]], np.full((40, 2), 0.5))
    assert found.explained[1] == pytest.approx(two.explained, abs=1e-2)


def test_of_two_charts_the_pairs_make_the_whole(rng: np.random.Generator):
    local, w = rng.normal(size=(50, 2, 2)), np.full((50, 2), 0.5)
    reached = rng.normal(size=(50, 2, 2, 2))
    whole, pairs = transitions(local, reached, w), transitions_by_pair(local, reached, w)
    assert pairs.mean.mean() == pytest.approx(whole.mean)
    assert pairs.rows.sum() == whole.pairs


def test_charts_that_share_no_rows_have_no_pairs():
    found = transitions_by_pair(np.zeros((4, 2, 1)), np.zeros((4, 2, 2, 1)), np.array([[1.0, 0.0]] * 4))
    assert all(len(each) == 0 for each in found)
