"""LEACE: known answers, the reference library, least change, streams, labels, and every bad input."""

from __future__ import annotations

import warnings

import numpy as np
import pandas
import pytest
import torch

from latentatlas.core import DataError, ShapeError
from latentatlas.erasure import ErasureWarning, LinearEraser


def leaking(rng: np.random.Generator, n: int = 400, dim: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Correlated rows whose mean depends on one of three categories."""
    group = rng.integers(0, 3, n)
    x = rng.normal(size=(n, dim)) @ rng.normal(size=(dim, dim)) + 2 * rng.normal(size=(3, dim))[group] + 5
    return x, group


def one_hot(values: np.ndarray) -> np.ndarray:
    return (values[:, None] == np.unique(values)).astype(float)


def cross_covariance(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)).T @ (z - z.mean(axis=0)) / len(x)


def test_by_hand():
    # The covariance of x is diagonal with the nuisance on the first axis: it goes, the second axis stays.
    x = np.array([[-1.0, 3.0], [-1.0, -3.0], [5.0, 3.0], [5.0, -3.0]])
    erased = LinearEraser().fit(x, ["a", "a", "b", "b"]).transform(x)
    np.testing.assert_allclose(erased, [[2, 3], [2, -3], [2, 3], [2, -3]], atol=1e-12)


def test_the_mean_stays_and_the_covariance_is_zero(rng: np.random.Generator):
    x, group = leaking(rng)
    erasure = LinearEraser().fit(x, group).erasure
    erased = erasure(x)
    np.testing.assert_allclose(erased.mean(axis=0), x.mean(axis=0), atol=1e-12)
    assert np.abs(cross_covariance(x, one_hot(group))).max() > 0.1
    assert np.abs(cross_covariance(erased, one_hot(group))).max() < 1e-12
    assert erasure.rank == 2
    np.testing.assert_allclose(erasure(erased), erased, atol=1e-10)  # once is enough


def test_no_linear_model_beats_a_constant(rng: np.random.Generator):
    from sklearn.linear_model import LogisticRegression

    x, group = leaking(rng)
    shares = np.bincount(group) / len(group)
    constant = -(shares * np.log(shares)).sum()

    def loss(z: np.ndarray) -> float:
        z = (z - z.mean(axis=0)) / z.std(axis=0)
        p = LogisticRegression(C=1e6, max_iter=5000).fit(z, group).predict_proba(z)
        return float(-np.log(p[np.arange(len(group)), group]).mean())

    assert loss(x) < 0.8 * constant
    assert loss(LinearEraser().fit(x, group).transform(x)) == pytest.approx(constant, abs=1e-5)


def test_equals_the_reference_library(rng: np.random.Generator):
    reference = pytest.importorskip("concept_erasure")
    x, group = leaking(rng, dim=10)
    z = torch.from_numpy(one_hot(group))
    fitter = reference.LeaceFitter.fit(torch.from_numpy(x), z, shrinkage=False, constrain_cov_trace=False, svd_tol=1e-9)
    wanted = fitter.eraser(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(LinearEraser().fit(x, group).transform(x), wanted, atol=1e-9)


def test_no_affine_map_with_zero_covariance_changes_less(rng: np.random.Generator):
    # By brute force: minimise E‖Px − x‖² under P Cov(x, z) = 0 by its Lagrange equations.
    x, group = leaking(rng, n=200, dim=4)
    centred = x - x.mean(axis=0)
    covariance, cross = centred.T @ centred / len(x), cross_covariance(x, one_hot(group))[:, :2]
    zeros = np.zeros((2, 2))
    system = np.block([[2 * covariance, cross], [cross.T, zeros]])
    right = np.vstack([2 * covariance, np.zeros((2, 4))])
    p = np.linalg.solve(system, right)[:4].T
    np.testing.assert_allclose(p @ cross, 0, atol=1e-10)
    wanted = x.mean(axis=0) + centred @ p.T
    np.testing.assert_allclose(LinearEraser().fit(x, group).transform(x), wanted, atol=1e-9)


def test_a_stream_is_the_whole(rng: np.random.Generator):
    x, group = leaking(rng)
    order = np.argsort(group, kind="stable")  # the first batch has seen one category only
    whole = LinearEraser().fit(x, group)
    stream = LinearEraser()
    for part in np.array_split(order, 7):
        stream.update(x[part], group[part])
    np.testing.assert_allclose(stream.transform(x), whole.transform(x), atol=1e-9)
    assert stream.erasure.rows == len(x)
    stream.fit(x[:100], group[:100])
    assert stream.erasure.rows == 100, "fit forgets"


def test_whole_numbers_are_categories_unless_they_are_named(rng: np.random.Generator):
    day = rng.integers(0, 4, 500)
    x = rng.normal(size=(500, 5))
    x[:, 0] += np.array([0.0, 2.0, 0.0, 2.0])[day]  # not linear in the number
    categories = LinearEraser().fit(x, {"day": day})
    numbers = LinearEraser(numeric=["day"]).fit(x, {"day": day})
    assert (categories.erasure.rank, numbers.erasure.rank) == (3, 1)
    assert np.abs(cross_covariance(categories.transform(x), one_hot(day))).max() < 1e-12
    assert np.abs(cross_covariance(numbers.transform(x), day[:, None].astype(float))).max() < 1e-12
    assert np.abs(cross_covariance(numbers.transform(x), one_hot(day))).max() > 0.05


def test_several_nuisances_nested_and_real_at_once(rng: np.random.Generator):
    session = rng.integers(0, 6, 600)
    author, age = session // 2, rng.normal(size=600)
    x = rng.normal(size=(600, 12)) + rng.normal(size=(6, 12))[session] + age[:, None] * rng.normal(size=12)
    frame = pandas.DataFrame({"session": session, "author": author.astype(str), "age": age})
    eraser = LinearEraser().fit(x, frame)
    assert eraser.erasure.rank == 5 + 1, "authors lie in the span of their sessions"
    assert list(eraser.erasure.nuisances) == ["session", "author", "age"]
    for told in (one_hot(session), one_hot(author), age[:, None]):
        assert np.abs(cross_covariance(eraser.transform(x), told)).max() < 1e-12


def test_a_label_is_kept_where_the_nuisance_goes_with_it(rng: np.random.Generator):
    label = rng.integers(0, 2, 2000)
    domain = np.where(rng.random(2000) < 0.9, label, 1 - label)
    x = rng.normal(size=(2000, 4))
    x[:, 0] += 2 * label
    x[:, 1] += 2 * domain
    alone, within = LinearEraser().fit(x, domain), LinearEraser().fit(x, domain, label)
    for value in (0, 1):
        here = label == value
        erased = within.transform(x)[here]
        assert np.abs(cross_covariance(erased, one_hot(domain[here]))).max() < 1e-12
    assert within.erasure.within_label

    def gap(z: np.ndarray) -> float:
        return float(np.linalg.norm(z[label == 1].mean(axis=0) - z[label == 0].mean(axis=0)))

    assert gap(within.transform(x)) > 1.7
    assert gap(alone.transform(x)) < 0.8 * gap(within.transform(x))


def test_rank_deficient_and_constant_features(rng: np.random.Generator):
    x, group = leaking(rng)
    wide = np.column_stack([x, x @ rng.normal(size=(6, 3)), np.zeros(400), np.full(400, -5.96e-8), 1e-8 * x[:, 0]])
    erased = LinearEraser().fit(wide, group).transform(wide)
    scaled = erased / np.where(wide.std(axis=0) > 1e-12, wide.std(axis=0), 1)
    assert np.abs(cross_covariance(scaled, one_hot(group))).max() < 1e-9
    np.testing.assert_array_equal(erased[:, 9:11], wide[:, 9:11])  # rounding is not scaled up to a feature


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_of_features_do_not_matter(rng: np.random.Generator, scale: float):
    x, group = leaking(rng)
    units = np.array([scale, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(
        LinearEraser().fit(x * units, group).transform(x * units) / units,
        LinearEraser().fit(x, group).transform(x),
        rtol=1e-7,
        atol=1e-7,
    )


def test_precision_is_that_of_the_rows(rng: np.random.Generator):
    x, group = leaking(rng)
    for dtype in (np.float32, np.float64):
        assert LinearEraser().fit(x.astype(dtype), group).transform(x.astype(dtype)).dtype == dtype
    tensor = torch.from_numpy(x)
    np.testing.assert_allclose(LinearEraser().fit(tensor, torch.from_numpy(group)).transform(tensor),
                               LinearEraser().fit(x, group).transform(x))  # fmt: skip


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("nuisance", "message"),
    [
        (["a"] * 8, r"wants a nuisance that varies; 'nuisance' has the same value in all 8 rows\. Leave it out\."),
        (np.full(8, 0.5), r"wants a nuisance that varies"),
        ([*"abababa", None], r"wants a value of 'nuisance' in every row; 1 of 8 are missing, the first in row 7"),
        ([0.5] * 7 + [np.nan], r"1 of 8 are missing"),
        (["a", 1] * 4, r"values of one kind in 'nuisance'; got text and numbers"),
        (list(range(8)), r"wants categories that rows share; 'nuisance' has 8 in 8 rows, as ids have"),
        ({}, r"wants one nuisance or more; got none"),
        ({"a": list("abababab"), "b": ["x"] * 8}, r"'b' has the same value in all 8 rows"),
    ],
)
def test_a_nuisance_that_cannot_be_erased(rng: np.random.Generator, nuisance, message: str):
    with pytest.raises(DataError, match=message):
        LinearEraser().fit(rng.normal(size=(8, 2)), nuisance)


def test_a_nuisance_equal_to_the_label_cannot_be_separated(rng: np.random.Generator):
    x, side = rng.normal(size=(40, 3)), np.repeat(["left", "right"], 20)
    with pytest.raises(DataError, match=r"in every class it has one value: nuisance and label cannot be separated"):
        LinearEraser().fit(x, {"side": side}, label=side)
    with pytest.raises(DataError, match="has the same value in all 40 rows"):
        LinearEraser().fit(x, ["a"] * 40, label=side)
    assert LinearEraser().fit(x, side, label=np.tile(["up", "down"], 20)).erasure.rank == 2


def test_rows_that_do_not_fit(unchecked: None, rng: np.random.Generator):
    x, group = leaking(rng)
    with pytest.raises(ShapeError, match=r"one value of 'nuisance' for each of the 400 rows; got shape \(399,\)"):
        LinearEraser().fit(x, group[:-1])
    with pytest.raises(ShapeError, match="rows × features"):
        LinearEraser().fit(x[0], group[:1])
    with pytest.raises(ShapeError, match="one of each at least"):
        LinearEraser().fit(x[:0], group[:0])
    with pytest.raises(ShapeError, match="the 6 features it was fitted on; got 5"):
        LinearEraser().fit(x, group).transform(x[:, :5])
    with pytest.raises(DataError, match="hold NaN or infinity, the first is row 3"):
        LinearEraser().fit(np.where(np.arange(400)[:, None] == 3, np.nan, x), group)
    with pytest.raises(DataError, match="real numbers"):
        LinearEraser().fit(x.astype(str), group)
    with pytest.raises(DataError, match="two rows or more; 0 came"):
        _ = LinearEraser().erasure
    with pytest.raises(DataError, match="all are equal"):
        LinearEraser().fit(np.ones((6, 2)), list("ababab"))


def test_updates_that_do_not_fit(rng: np.random.Generator):
    x, group = leaking(rng)
    eraser = LinearEraser().fit(x, {"author": group})
    with pytest.raises(DataError, match="wants the nuisances author; got editor"):
        eraser.update(x, {"editor": group})
    with pytest.raises(DataError, match="label with all batches or with none"):
        eraser.update(x, {"author": group}, label=group)
    with pytest.raises(DataError, match=r"numeric names 'autor', which is no nuisance\. Did you mean 'author'\?"):
        LinearEraser(numeric=["autor"]).fit(x, {"author": group})
    with pytest.raises(DataError, match="tolerance between 0 and 1"):
        LinearEraser(tolerance=0.0)


def test_one_feature_is_erased_whole_with_a_warning():
    x = np.array([[0.0], [1.0], [4.0], [5.0]])
    with pytest.warns(ErasureWarning, match="erased all 1 dimensions"):
        erased = LinearEraser().fit(x, list("aabb")).transform(x)
    np.testing.assert_allclose(erased, 2.5)


def test_fewer_rows_than_features_warn(rng: np.random.Generator):
    x, group = rng.normal(size=(12, 30)), np.tile([0, 1, 2], 4)
    with pytest.warns(ErasureWarning, match="12 rows for 30 features"):
        erased = LinearEraser().fit(x, group).transform(x)
    assert np.abs(cross_covariance(erased, one_hot(group))).max() < 1e-9


def test_a_group_of_one_row(rng: np.random.Generator):
    x, group = leaking(rng)
    group[0] = 9
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        erased = LinearEraser().fit(x, group).transform(x)
    assert np.abs(cross_covariance(erased, one_hot(group))).max() < 1e-12
