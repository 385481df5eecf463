from __future__ import annotations

import numpy as np
import torch

from latentatlas.core import Constant, Ramp
from latentatlas.data import Table
from latentatlas.estimator.curriculum import settled
from latentatlas.estimator.fitting import Problem, default_steps, fit_problem, joined
from latentatlas.estimator.known import Known
from latentatlas.geometry import Euclidean
from latentatlas.models import MLPEncoder, PCAStem, ScaleStem
from latentatlas.terms import ConditionalHSIC, Objective, Reconstruction


def problem(**settings) -> Problem:
    usual = {
        "dim": 2,
        "n_neighbors": 5,
        "n_basins": 2,
        "encoder": None,
        "neighbour_term": "auto",
        "nuisance_term": "auto",
        "basin_term": "auto",
        "steps": 4,
        "batch_edges": 16,
        "device": "cpu",
        "threads": 1,
        "seed": 0,
        "layout": None,
        "transformation": None,
        "partition_term": "auto",
        "charts": None,
        "geometry": Euclidean(),
    }
    return Problem(**(usual | settings))


def test_default_steps_grow_with_the_cube_root():
    assert default_steps(10) == default_steps(50) == 400
    assert default_steps(1500) == 1200
    assert default_steps(8 * 1500) == 2400
    assert default_steps(10**6) == 4000


def nuisance_of(columns: dict[str, np.ndarray], numbers: list[int] | None = None):
    """The nuisance of a batch of these rows."""
    n = len(next(iter(columns.values()), []))
    chosen = np.arange(n) if numbers is None else np.array(numbers)
    return Known(columns).batch(ScaleStem(1), torch.zeros(len(chosen), 1), chosen).nuisance


def test_a_category_stays_codes_and_a_number_stays_a_column():
    assert Known({}).batch(ScaleStem(1), torch.zeros(2, 1), np.arange(2)).nuisance is None
    codes = nuisance_of({"author": np.array(["bob", "ann", "bob"])})
    assert codes.dtype == torch.int64
    assert codes.tolist() == [1, 0, 1]
    numbers = nuisance_of({"age": np.array([1.5, 2.5, 4.0])})
    assert numbers.dtype == torch.float32
    assert numbers.tolist() == [1.5, 2.5, 4.0]


def test_several_nuisances_stay_columns_of_their_own_kind():
    author, age = np.array(list("aabb")), np.array([1.0, 3.0, 1.0, 3.0])
    columns = nuisance_of({"author": author, "age": 1e9 + age})
    assert list(columns) == ["author", "age"]
    assert columns["author"].dtype == torch.int64
    assert columns["author"].tolist() == [0, 0, 1, 1]
    assert columns["age"].tolist() == [-1, 1, -1, 1]  # in float32 ages beside 1e9 would all be equal
    assert nuisance_of({"author": author, "age": age}, [3, 0])["author"].tolist() == [1, 0]


def test_a_constant_number_is_zero_beside_others():
    columns = nuisance_of({"a": np.full(3, 7.0), "b": np.full(3, 2.0)})
    assert [column.tolist() for column in columns.values()] == [[0, 0, 0]] * 2


def test_labels_are_known_only_to_terms_that_read_them():
    table = Table(np.eye(3, dtype=np.float32), label=np.array(["b", "a", "b"]), environment=np.array([7, 7, 9]))
    stem = ScaleStem(3)
    blind = Known.of(table, reads={"z", "nuisance"}).batch(stem, torch.eye(3), np.arange(3))
    told = Known.of(table, reads={"label"}).batch(stem, torch.eye(3), np.arange(3))
    assert blind.label is None
    assert told.label.tolist() == [1, 0, 1]
    assert blind.environment.tolist() == [0, 0, 1]
    assert problem().reads() == problem(nuisance_term=5.0).reads() == set()
    assert "label" in problem(nuisance_term=(ConditionalHSIC(), Constant(1.0))).reads()


def test_settled_terms_have_their_last_weight():
    terms = settled(Objective({"recon": (Reconstruction(), Ramp(start=0, stop=10, high=3.0))}))
    assert isinstance(terms["recon"][1], Constant)
    assert terms["recon"][1].weight == 3.0


def test_joined_histories_run_on():
    first = {"step": np.array([0.0, 3.0]), "seconds": np.array([1.0, 2.0]), "value/recon": np.array([5.0, 4.0])}
    second = {"step": np.array([0.0, 1.0]), "seconds": np.array([0.5, 1.0]), "value/energy": np.array([7.0, 6.0])}
    history = joined(first, second)
    assert history["step"].tolist() == [0, 3, 4, 5]
    assert history["seconds"].tolist() == [1, 2, 2.5, 3]
    np.testing.assert_array_equal(history["value/recon"], [5, 4, np.nan, np.nan])
    np.testing.assert_array_equal(history["value/energy"], [np.nan, np.nan, 7, 6])
    assert second["step"].tolist() == [0, 1]


def test_nothing_about_the_held_out_rows_reaches_the_model(rng: np.random.Generator):
    x = rng.normal(size=(40, 3)).astype(np.float32)
    other = x.copy()
    other[30:] = 100 * rng.normal(size=(10, 3))
    models = [fit_problem(problem(), rows, np.arange(30), known=Known({}), callbacks=()).model for rows in (x, other)]
    for name, weight in models[0].state_dict().items():
        np.testing.assert_array_equal(weight.numpy(), models[1].state_dict()[name].numpy())


def test_the_stem_sees_only_training_rows(rng: np.random.Generator):
    x = rng.normal(size=(40, 3)).astype(np.float32)
    train = np.arange(30)
    fitted = fit_problem(problem(), x, train, known=Known({}), callbacks=())
    assert isinstance(fitted.stem, PCAStem)
    np.testing.assert_allclose(fitted.stem.mean.numpy(), x[:30].mean(axis=0), atol=1e-6)
    assert fitted.threads == 1
    assert [recipe.steps for recipe in fitted.recipes] == [4, 1]
    assert set(fitted.objective.terms) == {"recon", "layout", "energy", "balance"}
    assert not fitted.model.training


def test_an_encoder_of_ones_own_comes_with_plain_scaling(rng: np.random.Generator):
    x = rng.normal(size=(30, 3)).astype(np.float32)
    encoder = MLPEncoder(3, 2, hidden=(8,))
    fitted = fit_problem(problem(encoder=encoder), x, np.arange(30), known=Known({}), callbacks=())
    assert isinstance(fitted.stem, ScaleStem)
    assert fitted.model.encoder is not encoder
    assert fitted.model.encoder.hidden == (8,)


def test_wide_data_are_reduced_by_the_stem(rng: np.random.Generator):
    x = rng.normal(size=(40, 200)).astype(np.float32)
    fitted = fit_problem(problem(steps=1), x, np.arange(40), known=Known({}), callbacks=())
    assert fitted.stem.components == 128
    assert fitted.model.encode(torch.zeros(1, 128)).shape == (1, 2)
