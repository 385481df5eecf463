"""`partial_fit`: new rows come in, old rows stay, and what moved is told."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import latentatlas as la
from latentatlas.core import DataError, ShapeError, to_spec
from latentatlas.data import DataWarning, Table
from latentatlas.estimator import Atlas, updating
from latentatlas.estimator.drift import Placement, drift_between
from latentatlas.estimator.joining import joined_table
from latentatlas.estimator.updating import Pace, reservoir_rows, take_in

Maker = Callable[..., Atlas]


def parts(table: Table, first: int = 100) -> tuple[Table, Table]:
    """A table in two, in random order."""
    order = np.random.default_rng(0).permutation(len(table))
    return table.take(order[:first]), table.take(order[first:])


@pytest.fixture(scope="module")
def some(quick: Maker, flowers: Table) -> Atlas:
    """An atlas of 100 flowers without labels."""
    return quick(steps=60).fit(parts(flowers)[0].x)


@pytest.fixture
def fitted(some: Atlas) -> Atlas:
    return copy.deepcopy(some)


@pytest.fixture(scope="module")
def updated(some: Atlas, flowers: Table) -> Atlas:
    """The same atlas with the other 50 flowers."""
    return copy.deepcopy(some).partial_fit(parts(flowers)[1].x)


# ---------------------------------------------------------------- what it does


def test_the_first_call_is_fit(quick: Maker, flowers: Table):
    first, again = quick().partial_fit(flowers.x), quick().fit(flowers.x)
    np.testing.assert_array_equal(first.latent_, again.latent_)
    assert not hasattr(first, "drift_")
    assert first.rows_seen_ == first.rows_new_ == 150


def test_the_atlas_then_describes_all_rows(some: Atlas, updated: Atlas, flowers: Table):
    old, new = parts(flowers)
    np.testing.assert_array_equal(updated.table_.x, np.concatenate([old.x, new.x]))
    assert updated.table_.ids.tolist() == list(range(150))
    for values in (updated.latent_, updated.map_, updated.labels_, updated.held_out_, updated.graph_.indices):
        assert len(values) == 150
    np.testing.assert_array_equal(updated.latent_, updated.transform(updated.table_.x))
    np.testing.assert_array_equal(updated.labels_, updated.basins(updated.table_.x))
    assert updated.rows_seen_ == 150
    assert updated.rows_new_ == 50
    assert {len(column) for column in updated.points().values()} == {150}
    assert updated.check()
    assert updated.seconds_ > some.seconds_


def test_what_was_held_out_stays_so_and_some_new_rows_join(some: Atlas, updated: Atlas):
    np.testing.assert_array_equal(updated.held_out_[:100], some.held_out_)
    assert 0 < updated.held_out_[100:].sum() < 20
    assert len(updated.model_.usual.surprise) == updated.held_out_.sum()


def test_preparation_and_stem_stay(some: Atlas, updated: Atlas):
    for name, tensor in some.model_.stem.state_dict().items():
        assert updated.model_.stem.state_dict()[name].equal(tensor)
    assert updated.n_basins_ == some.n_basins_
    assert not np.array_equal(updated.latent_[:100], some.latent_)


def test_history_objective_and_recipes_tell_of_the_update(some: Atlas, updated: Atlas):
    assert (np.diff(updated.history_["step"]) > 0).all()
    assert np.isnan(updated.history_["value/anchor"][: len(some.history_["step"])]).all()
    assert updated.history_["value/anchor"][-1] >= 0
    assert set(some.objective_.terms) == {"recon", "layout", "energy", "balance"}
    assert set(updated.objective_.terms) == {"recon", "neighbours", "energy", "balance", "anchor"}
    assert len(updated.recipes_) == 3
    assert to_spec(updated.recipes_[:2]) == to_spec(some.recipes_)


def test_an_atlas_with_a_map_head_anchors_the_map_too(quick: Maker, flowers: Table):
    atlas = quick(dim=3).fit(flowers.x[::2]).partial_fit(flowers.x[1::2])
    assert {"anchor", "map_anchor"} < set(atlas.objective_.terms)
    assert atlas.map_.shape == (150, 2)
    again = atlas.partial_fit(flowers.x[:3] + 0.1)  # anchors of the earlier update are replaced
    assert len(again.recipes_) == 3
    assert to_spec(again.objective_)["terms"]["anchor"][0]["rows"] == 153


def test_anchors_hold_earlier_rows_and_more_weight_holds_them_better(fitted: Atlas, flowers: Table):
    new = Table(parts(flowers)[1].x)
    moved = {}
    for weight in (0.0, 0.3, 30.0):
        atlas = copy.deepcopy(fitted)
        take_in(atlas, new, Pace(anchor=weight), ())
        moved[weight] = atlas.drift_.median
    assert moved[30.0] < moved[0.3] < moved[0.0]


def test_new_rows_are_learned(quick: Maker):
    """A third cluster that the fit has not seen: its neighbours are kept better after the update than before."""
    rng = np.random.default_rng(0)
    centres = 8 * np.eye(3, 10)
    old, new = (np.concatenate([rng.normal(c, 1, (80, 10)) for c in some]) for some in (centres[:2], centres[2:]))
    atlas = quick(steps=80, n_basins=2).fit(old)
    before = atlas.score(np.concatenate([old, new]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        take_in(atlas, Table(new.astype(np.float32)), Pace(share=1.0), ())
    assert atlas.score(np.concatenate([old, new])) > before + 0.01
    assert atlas.drift_.median < 1


def test_equal_updates_are_bit_equal(some: Atlas, updated: Atlas, flowers: Table):
    again = copy.deepcopy(some).partial_fit(parts(flowers)[1].x)
    np.testing.assert_array_equal(again.latent_, updated.latent_)
    assert again.drift_ == updated.drift_ or np.isnan(again.drift_.unlike)


@pytest.mark.usefixtures("no_pictures")
def test_after_loading_it_goes_on_as_if_it_had_not_been_saved(updated: Atlas, flowers: Table, tmp_path: Path):
    loaded = la.load(updated.save(tmp_path / "run").path)
    assert loaded.rows_seen_ == 150
    assert loaded.rows_new_ == 50
    there, here = loaded.partial_fit(flowers.x[:20] + 0.2), copy.deepcopy(updated).partial_fit(flowers.x[:20] + 0.2)
    np.testing.assert_array_equal(there.latent_, here.latent_)
    assert there.rows_seen_ == 170
    reloaded = la.load(there.save(tmp_path / "run", overwrite=True).path)
    np.testing.assert_array_equal(reloaded.transform(flowers.x), there.transform(flowers.x))


@pytest.mark.parametrize("settings", [{}, {"held_out": 0.0}, {"metric": "cosine"}, {"standardize": True}])
def test_one_new_row(quick: Maker, flowers: Table, settings: dict[str, Any]):
    atlas = quick(**settings).fit(flowers.x[1:]).partial_fit(flowers.x[:1])
    assert len(atlas.latent_) == 150
    assert atlas.drift_.rows == 149
    assert np.isfinite(atlas.latent_).all()


def test_a_nuisance_goes_on_being_removed(quick: Maker, flowers: Table):
    author = np.arange(150) % 2
    atlas = quick().fit(flowers.x[:100], nuisance={"author": author[:100]})
    atlas.partial_fit(flowers.x[100:], nuisance={"author": author[100:]})
    assert atlas.table_.nuisance["author"].tolist() == author.tolist()
    assert np.isfinite(atlas.history_["value/invariance"][-1])
    with_new = atlas.partial_fit(flowers.x[:5], nuisance=pandas.Series([0, 1, 2, 0, 1], name="author"))
    assert with_new.table_.nuisance["author"][-3] == 2


# ---------------------------------------------------------------- reservoir


def test_every_row_is_kept_while_there_is_room():
    rng = np.random.default_rng(0)
    assert reservoir_rows(7, 3, seen=7, capacity=7, rng=rng).tolist() == list(range(7))


def test_the_reservoir_is_a_uniform_sample_of_all_rows_ever_seen():
    """Four batches into room for 20: after each, every row that ever came is there with the same probability."""
    trials = 2000
    there = np.zeros(60)
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        table, seen, new = np.arange(25), 25, 25
        for batch in (5, 1, 29):
            table = table[reservoir_rows(len(table), new, seen=seen, capacity=20, rng=rng)]
            assert len(table) == 20
            table, seen, new = np.concatenate([table, np.arange(seen, seen + batch)]), seen + batch, batch
        there[table[reservoir_rows(len(table), new, seen=seen, capacity=20, rng=rng)]] += 1
    deviation = np.sqrt(trials * (1 / 3) * (2 / 3))
    assert there.sum() == 20 * trials
    assert np.abs(there - trials / 3).max() < 4 * deviation


def test_a_sample_smaller_than_the_room_stays_a_sample():
    """Of 1,000 rows only 10 were kept, then 500 came: a uniform sample has at most 10 rows."""
    kept = reservoir_rows(510, 500, seen=1500, capacity=100, rng=np.random.default_rng(0))
    assert len(kept) == 10
    assert len(set(kept.tolist())) == 10


def test_a_full_reservoir_bounds_the_rows(fitted: Atlas, flowers: Table, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(updating, "_CAPACITY", 60)
    fitted.partial_fit(parts(flowers)[1].x)
    assert len(fitted.latent_) == 60 + 50
    assert fitted.rows_seen_ == 150
    fitted.partial_fit(flowers.x[:10])
    assert len(fitted.latent_) == 60 + 10
    assert fitted.rows_seen_ == 160
    assert len(set(fitted.table_.ids.tolist())) == 70


# ---------------------------------------------------------------- drift


def test_drift_by_hand():
    z = np.array([[0.0], [1.0], [10.0], [11.0]], np.float32)  # two pairs of neighbours, 1 apart
    basins = np.array([0, 0, 1, 1])
    moved = z + np.array([[0.0], [0.5], [0.5], [20.0]], np.float32)
    drift = drift_between(Placement(z, basins), Placement(moved, np.array([0, 1, 1, 1])), k=1, unlike=0.25)
    assert drift.rows == 4
    assert drift.median == pytest.approx(0.5)
    assert drift.p95 == pytest.approx(np.quantile([0, 0.5, 0.5, 20], 0.95))
    assert drift.basin_changed == 0.25
    assert drift.overlap == 0.75  # the third row is now nearest the second
    assert str(drift).startswith("4 earlier rows moved by 0.50 neighbourhood radii")
    assert "25.0% changed basin" in str(drift)
    assert str(drift).endswith("25% of the new rows had looked anomalous.")


def test_nothing_moved():
    z = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    place = Placement(z, np.zeros(50, np.int64))
    drift = drift_between(place, place, k=15, unlike=float("nan"))
    assert (drift.median, drift.p95, drift.basin_changed, drift.overlap) == (0, 0, 0, 1)
    assert "anomalous" not in str(drift)


def test_copies_of_one_row_have_no_radius():
    place = Placement(np.zeros((5, 2), np.float32), np.zeros(5, np.int64))
    assert drift_between(place, place, k=2, unlike=0.0).median == 0


def test_rows_unlike_the_old_are_warned_of(quick: Maker):
    rng = np.random.default_rng(0)
    atlas = quick(held_out=0.3).fit(rng.normal(size=(200, 5)))
    same = copy.deepcopy(atlas).partial_fit(rng.normal(size=(40, 5)))  # warnings are errors here: none is given
    assert same.drift_.unlike < 0.3
    message = r"^100% of the 40 new rows look unlike the earlier ones.*Compare with a new fit on all rows\.$"
    with pytest.warns(DataWarning, match=message):
        atlas.partial_fit(rng.normal(size=(40, 5)) + 30)
    assert atlas.drift_.unlike == 1


# ---------------------------------------------------------------- tables


def test_ids_go_on_and_those_given_are_kept(flowers: Table):
    old, new = Table(flowers.x[:3]), Table(flowers.x[3:5])
    every = np.arange(3)
    assert joined_table(old, every, new, seen=3).ids.tolist() == [0, 1, 2, 3, 4]
    assert joined_table(old, every[:1], new, seen=10).ids.tolist() == [0, 10, 11]
    named = Table(flowers.x[:3], ids=np.array(["a", "b", "c"]))
    assert joined_table(named, every, new, seen=3).ids.tolist() == ["a", "b", "c", "3", "4"]
    with pytest.raises(DataError, match=r"1 ids occur more than once: b"):
        joined_table(named, every, Table(flowers.x[3:5], ids=np.array(["b", "z"])), seen=3)


def test_metadata_that_new_rows_lack_are_missing(flowers: Table):
    metadata = {"year": np.array([1, 2]), "text": np.array(["a", "b"], dtype=object)}
    table = joined_table(Table(flowers.x[:2], metadata=metadata), np.arange(2), Table(flowers.x[2:3]), seen=2)
    np.testing.assert_array_equal(table.metadata["year"], [1, 2, np.nan])
    assert table.metadata["text"].tolist() == ["a", "b", None]


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("had", "given", "message"),
    [
        ({}, {"y": [1, 2]}, r"^Atlas\.partial_fit wants no y, since fit had none"),
        ({"y": [1, 2] * 50}, {}, r"^Atlas\.partial_fit wants y for the new rows too, since fit had it; got none"),
        (
            {"y": [1, 2] * 50},
            {"y": ["a", "b"]},
            r"^Atlas\.partial_fit wants y of the kind that fit had, numbers; got t",
        ),
        ({}, {"nuisance": [1, 2]}, r"^Atlas\.partial_fit wants no nuisance 'nuisance', since fit had none"),
        ({"nuisance": [1, 2] * 50}, {}, r"^Atlas\.partial_fit wants nuisance 'nuisance' for the new rows too"),
        (
            {"nuisance": {"author": [1, 2] * 50}},
            {"nuisance": {"autor": [1, 2]}},
            r"^Atlas\.partial_fit has no nuisance 'autor' from fit\. Did you mean 'author'\?$",
        ),
        ({"environment": [1, 2] * 50}, {}, r"^Atlas\.partial_fit wants environment for the new rows too"),
    ],
)
def test_other_roles_than_those_of_fit(
    quick: Maker, flowers: Table, had: dict[str, Any], given: dict[str, Any], message: str
):
    atlas = quick(steps=2).fit(flowers.x[:100], **had)
    before = atlas.latent_
    with pytest.raises(DataError, match=message):
        atlas.partial_fit(flowers.x[100:102], **given)
    assert atlas.latent_ is before  # nothing was changed
    assert len(atlas.table_) == 100


def test_other_rows_than_those_of_fit(fitted: Atlas, flowers: Table):
    with pytest.raises(ShapeError, match=r"^X has 3 features, but Atlas is expecting 4 features as input"):
        fitted.partial_fit(flowers.x[:, :3])
    with pytest.raises(DataError, match=r"^Atlas wants finite numbers; 1 of 4 values"):
        fitted.partial_fit([[1.0, 2.0, np.nan, 4.0]])
    with pytest.raises(ShapeError, match=r"^Atlas wants at least 1 rows; got 0 samples"):
        fitted.partial_fit(flowers.x[:0])
    assert len(fitted.latent_) == 100


def test_columns_of_other_names(quick: Maker, flowers: Table):
    frame = pandas.DataFrame(flowers.x, columns=["a", "b", "c", "d"])
    atlas = quick(steps=2).fit(frame)
    with pytest.raises(DataError, match=r"'d' is missing.*Did you mean 'dd'|columns seen in fit"):
        atlas.partial_fit(frame.rename(columns={"d": "dd"}))


def test_labels_are_joined(quick: Maker, flowers: Table):
    old, new = parts(flowers)
    atlas = quick(steps=2).fit(old).partial_fit(new)
    assert atlas.table_.label.tolist() == [*old.label, *new.label]
    assert atlas.measure()["label.purity"] > 0
