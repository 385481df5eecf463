"""Every public eraser under the same laws."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentatlas import erasure
from latentatlas.build import build
from latentatlas.core import DataError, ShapeError, to_spec
from latentatlas.erasure import Eraser, load_erasure

_RNG = np.random.default_rng(3)
_GROUP = np.array(["a", "b", "c"])[_RNG.integers(0, 3, 300)]
_X = _RNG.normal(size=(300, 5)) + 3 * np.eye(5)[np.searchsorted(["a", "b", "c"], _GROUP)]
CASES: dict[str, Callable[[], Eraser]] = {
    "LinearEraser": lambda: erasure.LinearEraser(tolerance=1e-9),
    "KernelEraser": lambda: erasure.KernelEraser(clusters=4, softness=0.3, balance=0.2, bins=3, rows=1000, seed=1),
}
every_eraser = pytest.mark.parametrize("make", CASES.values(), ids=CASES)


def test_the_table_is_complete():
    public = {
        name
        for name in erasure.__all__
        if inspect.isclass(getattr(erasure, name))
        and issubclass(getattr(erasure, name), Eraser)
        and not inspect.isabstract(getattr(erasure, name))
    }
    assert set(CASES) == public


@every_eraser
def test_specification_round_trip(make: Callable[[], Eraser]):
    spec = json.loads(json.dumps(to_spec(make())))
    assert to_spec(build(spec)) == to_spec(make())


@every_eraser
def test_rows_come_back_finite_in_their_shape_and_precision(make: Callable[[], Eraser]):
    for dtype in (np.float32, np.float64):
        x = _X.astype(dtype)
        erased = make().fit(x, _GROUP).transform(x, _GROUP)
        assert (erased.shape, erased.dtype) == (x.shape, dtype)
        assert np.isfinite(erased).all()


@every_eraser
def test_groups_come_closer(make: Callable[[], Eraser]):
    def apart(z: np.ndarray) -> float:
        return float(np.std([z[name == _GROUP].mean(axis=0) for name in "abc"], axis=0).max())

    assert apart(make().fit(_X, _GROUP).transform(_X, _GROUP)) < 0.1 * apart(_X)


@every_eraser
def test_a_row_is_moved_alone(make: Callable[[], Eraser]):
    fitted = make().fit(_X, _GROUP)
    order = _RNG.permutation(300)
    for nuisance in (None, _GROUP):
        whole = fitted.transform(_X, nuisance)
        shuffled = fitted.transform(_X[order], None if nuisance is None else nuisance[order])
        np.testing.assert_allclose(shuffled, whole[order], atol=1e-12)
        np.testing.assert_allclose(fitted.transform(_X[7:8], None if nuisance is None else nuisance[7:8]), whole[7:8])


@every_eraser
def test_arguments_are_not_changed_and_results_repeat(make: Callable[[], Eraser]):
    x, group = _X.copy(), _GROUP.copy()
    first = make().fit(x, group).transform(x, group)
    np.testing.assert_array_equal(x, _X)
    np.testing.assert_array_equal(group, _GROUP)
    np.testing.assert_array_equal(make().fit(x, group).transform(x, group), first)


@every_eraser
def test_an_update_with_all_rows_is_a_fit(make: Callable[[], Eraser]):
    np.testing.assert_array_equal(
        make().update(_X, _GROUP).transform(_X, _GROUP), make().fit(_X, _GROUP).transform(_X, _GROUP)
    )


@every_eraser
def test_the_result_is_frozen_and_callable(make: Callable[[], Eraser], tmp_path: Path):
    result = make().fit(_X, _GROUP).erasure
    with pytest.raises(AttributeError):
        result.width = 1.0  # type: ignore[attr-defined]
    np.testing.assert_array_equal(result(_X, _GROUP), result.transform(_X, _GROUP))
    np.testing.assert_array_equal(load_erasure(result.save(tmp_path / "e.safetensors"))(_X, _GROUP), result(_X, _GROUP))


@every_eraser
def test_no_rows_other_columns_and_missing_values(unchecked: None, make: Callable[[], Eraser]):
    fitted = make().fit(_X, _GROUP)
    with pytest.raises(ShapeError):
        fitted.transform(_X[:0])
    with pytest.raises(ShapeError, match="the 5 features"):
        fitted.transform(_X[:, :4])
    with pytest.raises(ShapeError, match="the 5 features"):
        fitted.update(_X[:, :4], _GROUP)
    with pytest.raises(DataError, match="finite"):
        fitted.transform(np.full((2, 5), np.inf))
    with pytest.raises(DataError, match="missing"):
        make().fit(_X, [None, *_GROUP[1:]])
