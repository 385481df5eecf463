"""The eraser by places: what it undoes, what it keeps, new rows, and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.erasure import ErasureWarning, KernelEraser, LinearEraser
from latentatlas.experiments.erasures import same_group_share, within_group_overlap
from latentatlas.metrics import NeighbourProbe, ProbeScore


def batches(rng: np.random.Generator, n: int = 900) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four clusters, each moved by its own shift in batch b: the mean of a batch is not what differs."""
    kind, batch = rng.integers(0, 4, n), rng.choice(["a", "b"], n)
    shifts = 2.5 * np.array([[1, 1], [-1, 1], [1, -1], [-1, -1]])
    x = 12 * np.eye(6)[kind] + 0.7 * rng.normal(size=(n, 6))
    x[:, 4:] += (batch == "b")[:, None] * shifts[kind]
    return x, batch, kind


def test_it_undoes_shifts_of_single_clusters_where_no_linear_map_can(rng: np.random.Generator):
    x, batch, kind = batches(rng)
    train, test = np.arange(600), np.arange(600, 900)
    kernel = KernelEraser(clusters=12).fit(x[train], batch[train])
    linear = LinearEraser().fit(x[train], batch[train])
    probe = ProbeScore(NeighbourProbe(15))
    assert probe.excess(linear.transform(x[test]), batch[test]) > 0.8
    moved = kernel.transform(x[test], batch[test])
    assert probe.excess(moved, batch[test]) < 0.2
    assert within_group_overlap(x[test], moved, batch[test]) > 0.8
    assert ProbeScore(NeighbourProbe(15)).excess(moved, kind[test]) > 0.99


def test_rows_without_a_nuisance_are_moved_by_a_guess(rng: np.random.Generator):
    x, batch, _ = batches(rng)
    x[:, 5] += 20 * (batch == "b")  # the batch is plain to see
    kernel = KernelEraser(clusters=12).fit(x, batch)
    np.testing.assert_allclose(kernel.erasure.probabilities(x).sum(axis=1), 1)
    np.testing.assert_allclose(kernel.transform(x), kernel.transform(x, batch), atol=1e-6)


def test_guesses_mix_the_moves():
    x = np.array([[-1.0], [0.0], [1.0], [2.0]] * 10)
    kernel = KernelEraser(clusters=1, balance=0.0).fit(x, ["a", "a", "b", "b"] * 10)
    middle = kernel.transform(np.array([[0.5]]))
    np.testing.assert_allclose(kernel.erasure.probabilities(np.array([[0.5]])), 0.5)
    np.testing.assert_allclose(middle, 0.5, atol=1e-12)
    assert kernel.transform(np.array([[0.5]]), ["a"]).item() == pytest.approx(1.5, abs=0.01)
    assert kernel.transform(np.array([[0.5]]), ["b"]).item() == pytest.approx(-0.5, abs=0.01)


def test_groups_that_do_not_differ_are_hardly_moved(rng: np.random.Generator):
    x, group = rng.normal(size=(2000, 5)), rng.choice(["a", "b"], 2000)
    moved = KernelEraser(clusters=5).fit(x, group).transform(x, group)
    assert np.abs(moved - x).mean() < 0.1
    assert within_group_overlap(x, moved, group) > 0.9


def test_balance_brings_clusters_of_one_group_together(rng: np.random.Generator):
    group = np.repeat(["a", "b"], 300)
    x = rng.normal(size=(600, 2)) + np.where(group == "a", 0, 6)[:, None] * [1.0, 0.0]
    x[:90, 1] += 9  # a part of one group, and of no other
    shares = {}
    for balance in (0.0, 1.0):
        kernel = KernelEraser(clusters=10, balance=balance, softness=0.5).fit(x, group)
        shares[balance] = same_group_share(kernel.transform(x, group), group, k=10, rows=np.arange(90))
    assert shares[0.0] > 0.9
    assert shares[1.0] < shares[0.0] - 0.2


def test_updates_sample_rows_uniformly(rng: np.random.Generator):
    x, batch, _ = batches(rng)
    whole, stream = KernelEraser(clusters=5).fit(x, batch), KernelEraser(clusters=5)
    for part in np.array_split(np.arange(900), 4):
        stream.update(x[part], batch[part])
    np.testing.assert_array_equal(stream.transform(x, batch), whole.transform(x, batch))
    few = KernelEraser(clusters=5, rows=200)
    for part in np.array_split(np.arange(900), 9):
        few.update(np.column_stack([part, x[part]]), batch[part])
    assert few._sample is not None
    kept = few._sample.x[:, 0]
    assert len(kept) == 200
    assert 380 < kept.mean() < 520
    again = KernelEraser(clusters=5).fit(x, batch)
    np.testing.assert_array_equal(again.transform(x, batch), whole.transform(x, batch))


def test_several_nuisances_and_numbers_make_groups(rng: np.random.Generator):
    x, batch, _ = batches(rng)
    day, age = rng.integers(0, 3, 900), rng.random(900)
    kernel = KernelEraser(bins=2).fit(x, {"batch": batch, "day": day, "age": age})
    assert len(kernel.erasure.grouping) == 2 * 3 * 2
    assert kernel.erasure.grouping.named(kernel.erasure.grouping.keys[0]) == "batch = a, day = 0, age = bin 1 of 2"
    far = {"batch": batch[:2], "day": day[:2], "age": np.array([-100.0, 100.0])}
    assert kernel.transform(x[:2], far).shape == (2, 6)
    numbers = KernelEraser(bins=3, numeric=["day"]).fit(x, {"day": day})
    assert numbers.erasure.grouping.binned == ("day",)


def test_constant_features_stay(rng: np.random.Generator):
    x, batch, _ = batches(rng)
    x = np.column_stack([x, np.zeros(900), np.full(900, 0.1)])
    moved = KernelEraser(clusters=5).fit(x, batch).transform(x, batch)
    np.testing.assert_array_equal(moved[:, 6:], x[:, 6:])


# ---------------------------------------------------------------- bad input


def test_a_category_that_was_never_seen(rng: np.random.Generator):
    x, batch, _ = batches(rng)
    kernel = KernelEraser(clusters=3).fit(x, {"batch": batch})
    with pytest.raises(DataError, match=r"categories of 'batch' that the fit had; 'c' is none of them"):
        kernel.transform(x[:1], {"batch": ["c"]})
    with pytest.raises(DataError, match="wants the nuisances batch; got lot"):
        kernel.transform(x[:1], {"lot": ["a"]})
    pairs = {"batch": batch, "day": np.where(batch == "a", 0, 1)}
    with pytest.raises(DataError, match="no row of it had batch = a, day = 1"):
        KernelEraser(clusters=3).fit(x, pairs).transform(x[:1], {"batch": ["a"], "day": [1]})


@pytest.mark.parametrize(
    ("nuisance", "message"),
    [
        (["a"] * 8, "wants a nuisance that varies; nuisance puts all 8 rows into one group"),
        ([*"abababa", None], "1 of 8 are missing"),
        (list(range(8)), "makes 8 groups of 8 rows, as ids do"),
        (np.full(8, 0.5), "one group"),
    ],
)
def test_a_nuisance_that_cannot_be_erased(rng: np.random.Generator, nuisance, message: str):
    with pytest.raises(DataError, match=message):
        KernelEraser().fit(rng.normal(size=(8, 2)), nuisance)


def test_arguments_out_of_range(rng: np.random.Generator):
    for wrong in ({"clusters": 0}, {"bins": 1}, {"rows": 1}, {"softness": 0.0}, {"balance": 1.5}):
        with pytest.raises(DataError, match="KernelEraser wants"):
            KernelEraser(**wrong)
    with pytest.raises(DataError, match="no form for a label"):
        KernelEraser().fit(rng.normal(size=(8, 2)), list("abababab"), label=list("aabbaabb"))
    with pytest.raises(DataError, match="two rows or more; 0 came"):
        _ = KernelEraser().erasure


def test_few_rows_one_feature_and_groups_of_one_row(rng: np.random.Generator):
    group = np.array([*"ab" * 20, "c"])
    x = rng.normal(size=(41, 1)) + np.where(group == "b", 4, 0)[:, None]
    with pytest.warns(ErasureWarning, match=r"fewer than 10 rows in 1 of 3 groups, first nuisance = c with 1"):
        kernel = KernelEraser().fit(x, group)
    moved = kernel.transform(x, group)
    assert np.isfinite(moved).all()
    assert abs(moved[group == "a"].mean() - moved[group == "b"].mean()) < 0.5
    with pytest.warns(ErasureWarning, match="fewer than 10 rows"):
        wide = KernelEraser().fit(rng.normal(size=(12, 50)), list("abcabcabcabc"))
    assert np.isfinite(wide.transform(rng.normal(size=(3, 50)))).all()
