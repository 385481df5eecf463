"""Every public metric under the same laws."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from latentatlas import metrics
from latentatlas.core import ShapeError, to_spec
from latentatlas.metrics import Metric

_RNG = np.random.default_rng(7)
_LABEL = np.repeat(np.arange(4), 40)
_X = 3 * np.eye(4)[_LABEL] @ _RNG.normal(size=(4, 6)) + _RNG.normal(size=(160, 6))
_MIX = _RNG.permutation(160)
_NAMES = np.array(["d", "c", "b", "a"])[_LABEL]
_LINE = _X[:, :1] * np.ones((1, 3))
_RELEVANT = np.eye(12)[np.arange(160) % 12]
_FIRST = (np.arange(160)[:, None] + np.arange(12)) % 12
_CIRCLE = np.column_stack([np.cos(np.arange(160) * np.pi / 80), np.sin(np.arange(160) * np.pi / 80)])
_PAIRS = np.arange(160.0)[:, None]
_SIDES = np.arange(160) % 2
_FACTORS = np.stack([np.arange(160) % 4, np.arange(160) // 4 % 4], axis=1)
_CODE = _FACTORS * [1.0, 2.0]
_FIRST_FACTOR, _SECOND_FACTOR = _FACTORS.T
_HARD = np.eye(4)[_LABEL]
_SOFT = np.full((160, 4), 0.25)
_LOCAL = _RNG.normal(size=(160, 4, 2))
_REACHED = np.repeat(_LOCAL[:, None], 4, axis=1)  # every jump ends where the other chart says
_AWAY = _REACHED + 0.5 * _RNG.normal(size=_REACHED.shape)
_TWICE = np.repeat(_REACHED[:, None], 4, axis=1)
_CHAINS = [{k >> up for up in range(k.bit_length())} for k in range(1, 41)]  # of a tree: k has the parent k // 2
_STEPS = np.array([[float(len(a ^ b)) for b in _CHAINS] for a in _CHAINS])
_FLAT_APART = np.linalg.norm(_X[:40, None, :2] - _X[None, :40, :2], axis=2)
_CLOUD = np.concatenate([np.eye(3), -np.eye(3)] * 20)


class Case(NamedTuple):
    """A metric, arrays it should like best, arrays it should dislike, and the best value."""

    make: Callable[[], Metric]
    perfect: tuple[np.ndarray, ...]
    worse: tuple[np.ndarray, ...]
    best: float
    best_tolerance: float = 1e-9
    order_tolerance: float = 1e-9
    square: bool = False  # rows and columns are the same points


CASES = [
    Case(lambda: metrics.Trustworthiness(5), (_X, 2 * _X + 1), (_X, _X[_MIX]), 1.0),
    Case(lambda: metrics.Continuity(5), (_X, 2 * _X + 1), (_X, _X[_MIX]), 1.0),
    Case(lambda: metrics.NeighbourOverlap(5), (_X, 2 * _X + 1), (_X, _X[_MIX]), 1.0),
    Case(
        lambda: metrics.NeighbourAccuracy(5), (9 * np.eye(4)[_LABEL] + 0.1 * _X[:, :4], _NAMES), (_X, _NAMES[_MIX]), 1.0
    ),
    Case(metrics.ClusteringAccuracy, (_NAMES, _LABEL), (_NAMES, _LABEL[_MIX]), 1.0),
    Case(metrics.Purity, (_NAMES, _LABEL), (_NAMES, _LABEL[_MIX]), 1.0),
    Case(metrics.AdjustedMutualInfo, (_NAMES, _LABEL), (_NAMES, _LABEL[_MIX]), 1.0),
    Case(metrics.AdjustedRand, (_NAMES, _LABEL), (_NAMES, _LABEL[_MIX]), 1.0),
    Case(metrics.NormalizedMutualInfo, (_NAMES, _LABEL), (_NAMES, _LABEL[_MIX]), 1.0),
    Case(lambda: metrics.VMeasure(beta=0.5), (_NAMES, _LABEL), (_NAMES, _LABEL[_MIX]), 1.0),
    Case(metrics.MeanSquaredError, (_X, _X), (_X, _X[_MIX]), 0.0),
    Case(metrics.ExplainedVariance, (_X, _X), (_X, _X[_MIX]), 1.0),
    Case(lambda: metrics.DensityKL(0.1), (_X, 2 * _X + 1), (_X, _X[_MIX]), 0.0),
    Case(lambda: metrics.TripletAccuracy(20), (_X, 2 * _X + 1), (_X, _X[_MIX]), 1.0, order_tolerance=0.05),
    Case(metrics.DistanceRMSE, (_X, 1 - _X), (_X, _X[_MIX]), 0.0, best_tolerance=1e-6),
    Case(metrics.DiagramDistance, (_CIRCLE, 2 * _CIRCLE + 1), (_CIRCLE, _CIRCLE[:, :1]), 0.0, best_tolerance=1e-6),
    Case(metrics.BettiDifference, (_CIRCLE, 2 * _CIRCLE + 1), (_CIRCLE, _CIRCLE[:, :1]), 0.0),
    Case(metrics.MeanReciprocalRank, (_FIRST, _RELEVANT), (_FIRST, _RELEVANT[_MIX]), 1.0),
    Case(lambda: metrics.NDCG(k=5), (_FIRST, _RELEVANT), (_FIRST, _RELEVANT[_MIX]), 1.0),
    Case(lambda: metrics.MRRTop0(k=5), (_FIRST, _RELEVANT), (_FIRST, _RELEVANT[_MIX]), 1.0),
    Case(lambda: metrics.RecallAtK(2), (_FIRST, _RELEVANT), (_FIRST, _RELEVANT[_MIX]), 1.0),
    Case(metrics.MeanAveragePrecision, (_FIRST, _RELEVANT), (_FIRST, _RELEVANT[_MIX]), 1.0),
    Case(metrics.PredictionConsistency, (_NAMES, _NAMES), (_NAMES, _NAMES[_MIX]), 1.0),
    Case(lambda: metrics.MixingLISI(41), (_PAIRS, _SIDES), (_PAIRS, np.arange(160) // 80), 1.0, best_tolerance=0.1),
    Case(
        lambda: metrics.MixingAcceptance(40),
        (_PAIRS, _SIDES),
        (_PAIRS, np.arange(160) // 80),
        1.0,
        order_tolerance=0.02,
    ),
    Case(lambda: metrics.LabelLISI(11), (9 * np.eye(4)[_LABEL] + 0.1 * _X[:, :4], _NAMES), (_X, _NAMES[_MIX]), 1.0),
    Case(
        lambda: metrics.GraphConnectivity(8),
        (9 * np.eye(4)[_LABEL] + 0.1 * _X[:, :4], _NAMES),
        (_X, _NAMES[_MIX]),
        1.0,
        best_tolerance=0.05,
    ),
    Case(metrics.ConservedLabels, (9 * np.eye(4)[_LABEL] + 0.1 * _X[:, :4], _NAMES), (_X, _NAMES[_MIX]), 1.0),
    Case(metrics.CramersV, (_FIRST_FACTOR, _SECOND_FACTOR), (_FIRST_FACTOR, _FIRST_FACTOR), 0.0),
    Case(metrics.MutualInformationGap, (_CODE, _FACTORS), (_CODE, _FACTORS[_MIX]), 1.0),
    Case(
        metrics.SeparatedAttributePredictability,
        (_CODE, _FACTORS),
        (_CODE, _FACTORS[_MIX]),
        1.0,
        order_tolerance=0.3,
    ),
    Case(metrics.Disentanglement, (_CODE, _FACTORS), (_CODE, _FACTORS[_MIX]), 1.0, 1e-6, order_tolerance=1.0),
    Case(metrics.Completeness, (_CODE, _FACTORS), (_CODE, _FACTORS[_MIX]), 1.0, 1e-6, order_tolerance=1.0),
    Case(metrics.Informativeness, (_CODE, _FACTORS), (_CODE, _FACTORS[_MIX]), 1.0, order_tolerance=0.3),
    Case(metrics.ChartLiveness, (_HARD,), (np.eye(4)[_LABEL % 2],), 1.0),
    Case(lambda: metrics.CodeLiveness(4), (np.arange(160) // 4 % 4, np.arange(160) % 4), (_LABEL, _LABEL), 1.0),
    Case(metrics.RoutingEntropy, (_HARD,), (_SOFT,), 0.0),
    Case(metrics.OverlapShare, (_SOFT,), (_HARD,), 1.0),
    Case(metrics.RoutingGap, (_X, _X + 1, _X + 1), (_X, _X + 1, _X + 2), 0.0),
    Case(metrics.TransitionError, (_LOCAL, _REACHED, _SOFT), (_LOCAL, _AWAY, _SOFT), 0.0),
    Case(metrics.TransitionR2, (_LOCAL, _REACHED, _SOFT), (_LOCAL, _AWAY, _SOFT), 1.0),
    Case(metrics.CocycleError, (_REACHED, _TWICE), (_AWAY, _TWICE), 0.0),
    Case(metrics.InverseError, (_LOCAL, _TWICE), (_LOCAL[_MIX], _TWICE), 0.0),
    Case(metrics.Hyperbolicity, (_STEPS,), (_FLAT_APART,), 0.0, square=True),
    Case(metrics.TreeDistortion, (_STEPS,), (_FLAT_APART,), 0.0, square=True),
    Case(metrics.StarDistortion, (1 - np.eye(40),), (_STEPS,), 0.0, square=True),
    Case(lambda: metrics.FlatDistortion(2), (_FLAT_APART,), (_STEPS,), 0.0, square=True),
    Case(metrics.LinkMAP, (_STEPS, _STEPS == 1), (_STEPS, _STEPS == 4), 1.0, square=True),
    Case(metrics.LinkRank, (_STEPS, _STEPS == 1), (_STEPS, _STEPS == 4), 1.0, square=True),
    Case(metrics.EffectiveRank, (_CLOUD,), (_LINE,), 3.0),
    Case(metrics.DebiasedCKA, (_X, _LABEL[_MIX]), (_X, _LABEL), 0.0, best_tolerance=0.05),
    Case(metrics.ProbeScore, (_X, _LABEL[_MIX]), (_X, _LABEL), 0.25, best_tolerance=0.12, order_tolerance=0.15),
]
_IDS = [type(case.make()).__name__ for case in CASES]
every_metric = pytest.mark.parametrize("case", CASES, ids=_IDS)


def test_the_table_is_complete():
    public = {
        name
        for name in metrics.__all__
        if inspect.isclass(getattr(metrics, name)) and issubclass(getattr(metrics, name), Metric)
    }
    assert set(_IDS) == public - {"Metric"}
    assert len(_IDS) == len(set(_IDS))


@every_metric
def test_a_plain_float_within_the_declared_range(case: Case):
    metric = case.make()
    for arrays in (case.perfect, case.worse):
        value = metric(*arrays)
        assert type(value) is float
        assert metric.lower - 1e-12 <= value <= metric.upper + 1e-12


@every_metric
def test_best_on_perfect_input_and_clearly_worse_otherwise(case: Case):
    metric = case.make()
    perfect, worse = metric(*case.perfect), metric(*case.worse)
    assert perfect == pytest.approx(case.best, abs=case.best_tolerance)
    gap = perfect - worse if metric.better == "higher" else worse - perfect
    assert gap > 0.02
    assert gap > 2 * case.best_tolerance


@every_metric
@pytest.mark.parametrize("side", ["perfect", "worse"])
def test_the_order_of_rows_does_not_matter(case: Case, side: str):
    arrays = getattr(case, side)
    order = np.random.default_rng(1).permutation(len(arrays[0]))
    metric = case.make()
    mixed = [array[np.ix_(order, order)] if case.square else array[order] for array in arrays]
    assert metric(*mixed) == pytest.approx(metric(*arrays), abs=case.order_tolerance)


@every_metric
def test_the_same_call_gives_the_same_number(case: Case):
    assert case.make()(*case.worse) == case.make()(*case.worse)


@every_metric
def test_arguments_are_not_changed(case: Case):
    copies = tuple(array.copy() for array in case.worse)
    case.make()(*case.worse)
    for copy, array in zip(copies, case.worse, strict=True):
        np.testing.assert_array_equal(copy, array)


@every_metric
def test_different_lengths_are_a_shape_error(case: Case):
    if len(case.perfect) == 1:
        pytest.skip("reads one array")
    with pytest.raises(ShapeError, match=r"\d"):
        case.make()(case.perfect[0], case.perfect[1][:-1], *case.perfect[2:])


@every_metric
def test_no_rows_are_a_shape_error(case: Case):
    with pytest.raises(ShapeError, match=r"rows?"):
        case.make()(*(array[:0] for array in case.perfect))


def rebuild(spec: Any) -> Any:
    """The way back from a specification, without the package's own builder."""
    if isinstance(spec, dict) and "type" in spec:
        cls = getattr(metrics, spec["type"].removeprefix("metrics."))
        return cls(**{name: rebuild(value) for name, value in spec.items() if name != "type"})
    return spec


@every_metric
def test_specification_round_trip(case: Case):
    metric = case.make()
    spec = json.loads(json.dumps(to_spec(metric)))
    again = rebuild(spec)
    assert type(again) is type(metric)
    assert to_spec(again) == to_spec(metric)
    assert again(*case.worse) == metric(*case.worse)


@every_metric
def test_per_point_values_have_the_metric_as_their_mean(case: Case):
    metric = case.make()
    if not hasattr(metric, "per_point"):
        pytest.skip("has no value per point")
    values = metric.per_point(*case.worse)
    assert values.shape == (160,)
    mean = values.mean() if not isinstance(metric, metrics.DistanceRMSE) else np.sqrt(values.mean())
    assert metric(*case.worse) == pytest.approx(mean)
