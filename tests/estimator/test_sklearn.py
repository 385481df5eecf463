"""What scikit-learn and the makers of data frames expect of an estimator."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pandas
import polars
import pytest
import scipy.sparse
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from latentatlas.core import DataError, ShapeError
from latentatlas.data import Table
from latentatlas.estimator import Atlas
from latentatlas.estimator.model import AtlasModel
from latentatlas.metrics import Trustworthiness
from latentatlas.models import MLPEncoder

Maker = Callable[..., Atlas]
_SPARSE = [f"{kind} {form}" for form in ("matrix", "array") for kind in ("csr", "csc", "coo")]
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


@pytest.fixture(scope="module")
def frame(flowers: Table) -> pandas.DataFrame:
    return pandas.DataFrame(flowers.x, columns=NAMES, index=[f"flower {i}" for i in range(150)])


@pytest.fixture(scope="module")
def named(quick: Maker, frame: pandas.DataFrame) -> Atlas:
    return quick(dim=3).fit(frame)


@pytest.fixture(scope="module")
def unnamed(quick: Maker, flowers: Table) -> Atlas:
    return quick(dim=3).fit(flowers.x)


def test_parameters_round_trip():
    atlas = Atlas(dim=3, metric="cosine", held_out=0.2)
    parameters = atlas.get_params()
    assert parameters["dim"] == 3
    assert parameters["steps"] is None
    assert Atlas(**parameters).get_params() == parameters
    assert Atlas().set_params(**parameters).get_params() == parameters


def test_a_clone_has_the_settings_and_nothing_learned(named: Atlas):
    copy = clone(named)
    assert copy.get_params() == named.get_params()
    assert not hasattr(copy, "model_")


def test_a_clone_copies_the_encoder():
    encoder = MLPEncoder(4, 2, hidden=(8,))
    copy = clone(Atlas(dim=2, encoder=encoder))
    assert isinstance(copy.encoder, MLPEncoder)
    assert copy.encoder is not encoder
    assert copy.encoder.hidden == (8,)


def test_the_representation_shows_what_was_set():
    assert repr(Atlas(dim=2, random_state=3)) == "Atlas(dim=2, random_state=3)"


def test_pipeline(quick: Maker, flowers: Table):
    pipeline = make_pipeline(StandardScaler(), quick())
    z = pipeline.fit_transform(flowers.x, flowers.label)
    np.testing.assert_array_equal(pipeline.transform(flowers.x), z)
    assert pipeline.get_feature_names_out().tolist() == ["latent0", "latent1"]
    back = pipeline.inverse_transform(z)
    assert back.shape == (150, 4)
    assert np.square(back - flowers.x).mean() < flowers.x.var(axis=0).mean()


def test_a_pipeline_passes_the_nuisance_on(quick: Maker, flowers: Table):
    pipeline = Pipeline([("scale", StandardScaler()), ("atlas", quick())])
    pipeline.fit(flowers.x, atlas__nuisance=np.arange(150) % 2)
    assert "value/invariance" in pipeline["atlas"].history_


def test_fit_transform_is_fit_then_transform(quick: Maker, flowers: Table, unnamed: Atlas):
    z = quick(dim=3).fit_transform(flowers.x)
    np.testing.assert_array_equal(z, unnamed.latent_)


def test_names_of_the_latent_axes(named: Atlas):
    assert named.get_feature_names_out().tolist() == ["latent0", "latent1", "latent2"]
    assert named.feature_names_in_.tolist() == NAMES
    assert named.n_features_in_ == 4


def test_output_as_pandas_keeps_the_index_and_disturbs_no_other_method(
    quick: Maker, frame: pandas.DataFrame, named: Atlas
):
    atlas = quick(dim=3).set_output(transform="pandas").fit(frame)
    z = atlas.transform(frame)
    assert isinstance(z, pandas.DataFrame)
    assert z.columns.tolist() == ["latent0", "latent1", "latent2"]
    assert z.index.tolist() == frame.index.tolist()
    np.testing.assert_array_equal(z.to_numpy(), named.latent_)
    for method in ("map", "basins", "memberships", "energy", "anomaly_score", "recall"):
        values = getattr(atlas, method)(frame)
        assert isinstance(values, np.ndarray), method
        np.testing.assert_array_equal(values, getattr(named, method)(frame))


def test_output_as_polars(quick: Maker, frame: pandas.DataFrame):
    z = quick().set_output(transform="polars").fit_transform(frame)
    assert isinstance(z, polars.DataFrame)
    assert z.columns == ["latent0", "latent1"]


# ---------------------------------------------------------------- what X may be


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype(np.float64),
        np.asfortranarray,
        lambda x: x.tolist(),
        torch.from_numpy,
        scipy.sparse.csr_matrix,
        scipy.sparse.csc_matrix,
        scipy.sparse.coo_matrix,
        scipy.sparse.csr_array,
        scipy.sparse.csc_array,
        scipy.sparse.coo_array,
        lambda x: pandas.DataFrame(x, columns=NAMES),
        lambda x: polars.DataFrame(x, schema=NAMES),
        lambda x: Table(x),
    ],
    ids=["float64", "Fortran", "list", "torch", *_SPARSE, "pandas", "polars", "Table"],
)
def test_every_kind_of_matrix_is_the_same_matrix(unnamed: Atlas, flowers: Table, convert: Callable):
    x = flowers.x[40:60]
    np.testing.assert_allclose(unnamed.transform(convert(x)), unnamed.latent_[40:60], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("convert", [scipy.sparse.csr_matrix, torch.from_numpy, lambda x: x.astype(int)])
def test_fit_of_other_kinds(quick: Maker, flowers: Table, convert: Callable):
    atlas = quick().fit(convert(flowers.x))
    assert atlas.latent_.shape == (150, 2)
    assert not hasattr(atlas, "feature_names_in_")


def test_rows_that_may_not_be_written_are_read(unnamed: Atlas, flowers: Table):
    x = flowers.x.copy()
    x.flags.writeable = False
    np.testing.assert_array_equal(unnamed.transform(x), unnamed.latent_)


def test_input_is_not_changed(quick: Maker, flowers: Table):
    x = flowers.x.copy()
    quick(standardize=True).fit(x).recall(x)
    np.testing.assert_array_equal(x, flowers.x)


def test_labels_and_nuisances_as_series(quick: Maker, frame: pandas.DataFrame, flowers: Table):
    author = pandas.Series(np.arange(150) % 2, name="author", index=frame.index)
    atlas = quick().fit(frame, pandas.Series(flowers.label), nuisance=author)
    assert list(atlas.table_.nuisance) == ["author"]
    assert atlas.table_.label.tolist() == flowers.label.tolist()


# ---------------------------------------------------------------- names of columns


def test_columns_in_another_order(named: Atlas, frame: pandas.DataFrame):
    with pytest.raises(DataError, match=r"^Atlas wants the columns in the order seen in fit; they came in another"):
        named.transform(frame[NAMES[::-1]])


def test_a_column_of_another_name(named: Atlas, frame: pandas.DataFrame):
    with pytest.raises(DataError, match=r"'petal_width' is missing.*Did you mean 'petal_widht'\?"):
        named.transform(frame.rename(columns={"petal_width": "petal_widht"}))


def test_another_number_of_columns(named: Atlas, frame: pandas.DataFrame, flowers: Table):
    message = r"^X has 3 features, but Atlas is expecting 4 features as input\. Pass the columns seen in fit"
    for x in (frame[NAMES[:3]], flowers.x[:, :3]):
        for method in ("transform", "energy", "describe"):
            with pytest.raises(ShapeError, match=message):
                getattr(named, method)(x)


def test_columns_without_names_are_compared_by_number(named: Atlas, unnamed: Atlas, frame: pandas.DataFrame):
    np.testing.assert_array_equal(named.transform(frame.to_numpy()), named.latent_)
    np.testing.assert_array_equal(unnamed.transform(frame), unnamed.latent_)


def test_names_of_an_earlier_fit_are_forgotten(quick: Maker, frame: pandas.DataFrame):
    atlas = quick(steps=2).fit(frame)
    assert atlas.feature_names_in_.tolist() == NAMES
    atlas.fit(frame.to_numpy()[:, :3])
    assert not hasattr(atlas, "feature_names_in_")
    assert atlas.n_features_in_ == 3


# ---------------------------------------------------------------- selection, routing, copies


def test_the_score_is_the_trustworthiness_of_the_latent(quick: Maker, flowers: Table, unnamed: Atlas):
    expected = Trustworthiness(k=15)(flowers.x, unnamed.latent_)
    assert unnamed.score(flowers.x) == pytest.approx(expected)
    assert unnamed.score(flowers.x, flowers.label) == unnamed.score(flowers.x)
    assert 0 <= unnamed.score(flowers.x[:3]) <= 1
    cosine = quick(metric="cosine").fit(flowers.x)
    unit = flowers.x / np.linalg.norm(flowers.x, axis=1, keepdims=True)
    assert cosine.score(flowers.x) == pytest.approx(Trustworthiness(k=15)(unit, cosine.latent_))


def test_two_rows_have_no_score(unnamed: Atlas, flowers: Table):
    with pytest.raises(ShapeError, match=r"^Atlas\.score wants at least 3 rows to compare; got 2\. Pass more rows\.$"):
        unnamed.score(flowers.x[:2])


def test_grid_search_over_an_atlas_alone(quick: Maker, flowers: Table):
    folds = KFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(quick(neighbour_term=1.0), {"steps": [1, 60]}, cv=folds).fit(flowers.x)
    assert search.best_params_ == {"steps": 60}
    assert 0.5 < search.best_score_ <= 1
    assert search.transform(flowers.x).shape == (150, 2)


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_grid_search_over_a_pipeline(quick: Maker, flowers: Table, processes: int):
    pipeline = Pipeline([("atlas", quick()), ("classes", KNeighborsClassifier())])
    search = GridSearchCV(pipeline, {"atlas__dim": [1, 2], "classes__n_neighbors": [3]}, cv=3, n_jobs=processes)
    search.fit(flowers.x, flowers.label)
    assert search.best_score_ > 0.8
    assert isinstance(search.best_estimator_["atlas"].model_, AtlasModel)


def test_column_transformer(quick: Maker, frame: pandas.DataFrame):
    columns = ColumnTransformer([("petals", quick(), NAMES[2:]), ("rest", "passthrough", NAMES[:1])])
    z = columns.set_output(transform="pandas").fit_transform(frame)
    assert z.columns.tolist() == ["petals__latent0", "petals__latent1", "rest__sepal_length"]
    assert columns.named_transformers_["petals"].feature_names_in_.tolist() == NAMES[2:]


def test_routing_passes_the_nuisance_on(quick: Maker, flowers: Table):
    author = np.arange(150) % 2
    with config_context(enable_metadata_routing=True):
        atlas = quick().set_fit_request(nuisance=True)
        pipeline = make_pipeline(StandardScaler(), atlas).fit(flowers.x, nuisance=author)
        assert "value/invariance" in pipeline["atlas"].history_
        with pytest.raises(UnsetMetadataPassedError, match="nuisance"):
            make_pipeline(StandardScaler(), quick()).fit(flowers.x, nuisance=author)
        request = quick().set_partial_fit_request(nuisance=True).get_metadata_routing()
        assert request.partial_fit.requests["nuisance"] is True


def test_the_encoder_is_set_like_any_parameter(quick: Maker, flowers: Table):
    pipeline = Pipeline([("atlas", quick())])
    pipeline.set_params(atlas__encoder=MLPEncoder(4, 2, hidden=(8,)), atlas__steps=2)
    assert pipeline.get_params()["atlas__encoder"].hidden == (8,)
    pipeline.fit(flowers.x)
    assert pipeline["atlas"].model_.network.encoder.hidden == (8,)


@pytest.mark.parametrize("copied", [lambda a: pickle.loads(pickle.dumps(a)), copy.deepcopy], ids=["pickle", "copy"])
def test_copies_of_a_fitted_atlas_go_on(named: Atlas, frame: pandas.DataFrame, copied: Callable):
    again = copied(named)
    np.testing.assert_array_equal(again.transform(frame), named.latent_)
    again.partial_fit(frame[:10])
    assert len(named.latent_) == 150
    assert len(again.latent_) == 160


def test_joblib_keeps_a_fitted_atlas(named: Atlas, frame: pandas.DataFrame, tmp_path: Path):
    joblib.dump(named, tmp_path / "atlas.joblib")
    again = joblib.load(tmp_path / "atlas.joblib")
    np.testing.assert_array_equal(again.anomaly_score(frame), named.anomaly_score(frame))


# ---------------------------------------------------------------- scikit-learn's own checks

SMALL = {"n_neighbors": 3, "steps": 2, "n_basins": 2, "batch_edges": 8, "threads": 1}


@parametrize_with_checks([Atlas(dim=2, **SMALL)])
def test_the_checks_of_scikit_learn(estimator: Atlas, check: Callable):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [Atlas(dim=2, standardize=True, **SMALL), Atlas(dim=3, held_out=0.0, encoder="auto", nuisance_term=None, **SMALL)]
)
def test_the_checks_of_scikit_learn_with_other_settings(estimator: Atlas, check: Callable):
    check(estimator)
