"""Basins with names, recall, samples, ways, few-shot classes and landscapes of a fitted atlas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentatlas.build import load
from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data import Table
from latentatlas.estimator import Atlas, LangevinRefinement
from latentatlas.estimator.naming import telling_columns
from latentatlas.estimator.sampling import drawn_latents
from latentatlas.landscape import HopfieldField, PrototypeField


class Bowl(nn.Module):
    """E = ‖z − c‖²/2 with a trained centre, as a network is a field."""

    def __init__(self, centre: np.ndarray):
        super().__init__()
        self.centre = nn.Parameter(torch.as_tensor(centre))

    def forward(self, z: Tensor) -> Tensor:
        return (z - self.centre).square().sum(dim=1) / 2


@pytest.fixture
def copied(flat: Atlas) -> Atlas:
    """The same fitted atlas to change."""
    import copy

    return copy.copy(flat)


# ---------------------------------------------------------------- names and exemplars


def test_basins_are_described_by_their_rows(flat: Atlas):
    described = flat.describe_basins()
    assert [basin.number for basin in described] == [0, 1, 2]
    assert sum(basin.size for basin in described) == 150
    prototypes = flat.model_.bank.prototypes.detach().numpy()
    for basin in described:
        inside = np.flatnonzero(flat.labels_ == basin.number)
        away = np.linalg.norm(flat.latent_[inside] - prototypes[basin.number], axis=1)
        assert basin.exemplars[0] == inside[away.argmin()]
        assert set(basin.exemplars) | set(basin.borders) <= set(inside)
        assert len(set(basin.borders.tolist())) == len(basin.borders) == 6
        assert basin.share == len(inside) / 150
        other = np.delete(prototypes, basin.number, axis=0)
        nearer = np.linalg.norm(flat.latent_[:, None] - other, axis=2).min(axis=1)
        assert nearer[basin.borders].mean() < nearer[basin.exemplars].mean()


def test_labelled_basins_have_the_name_of_their_leading_label(flat: Atlas, flowers: Table):
    assert flowers.label is not None
    for basin in flat.describe_basins():
        inside = flowers.label[flat.labels_ == basin.number]
        names, counts = np.unique(inside, return_counts=True)
        assert basin.name.split(" (")[0] == names[counts.argmax()]
        assert not basin.given


def test_texts_beside_the_rows_name_basins_by_words(quick: Callable[..., Atlas], flowers: Table):
    words = {
        "setosa": "a small bristle flower",
        "versicolor": "the blue purple flag",
        "virginica": "a large swamp iris",
    }
    texts = np.array([f"{words[label]} number {row}" for row, label in enumerate(flowers.label)], dtype=object)
    atlas = quick(steps=100).fit(Table(flowers.x, metadata={"text": texts}))
    assert any("bristle" in basin.name for basin in atlas.describe_basins())


def test_columns_name_basins_by_how_they_differ():
    x = np.array([[1.0, 5.0], [1.0, 5.0], [3.0, 5.0], [3.0, 5.0]])
    assert telling_columns(x, ["age", "size"], np.array([0, 0, 1, 1]), 3) == ["low age (1)", "high age (3)", ""]
    with pytest.raises(ShapeError, match="one group per row"):
        telling_columns(x, ["age", "size"], np.array([0]), 1)


def test_named_columns_name_the_basins_of_a_table(quick: Callable[..., Atlas], flowers: Table):
    atlas = quick(steps=100).fit(
        Table(flowers.x, columns=("sepal length", "sepal width", "petal length", "petal width"))
    )
    assert any("low petal" in basin.name for basin in atlas.describe_basins())


def test_rows_of_which_nothing_is_known_have_numbers(quick: Callable[..., Atlas], flowers: Table):
    assert [basin.name for basin in quick().fit(flowers.x).describe_basins()] == ["basin 0", "basin 1", "basin 2"]


def test_given_names_stay(copied: Atlas):
    copied.name_basins({1: " mine "})
    copied.name_basins({2: "yours"})
    assert [basin.name for basin in copied.describe_basins()][1:] == ["mine", "yours"]
    assert [basin.given for basin in copied.describe_basins()] == [False, True, True]
    names = copied.points()["basin_name"]
    assert (names[copied.labels_ == 1] == "mine").all()


def test_given_names_are_saved(quick: Callable[..., Atlas], flowers: Table, tmp_path: Path, no_pictures: None):
    atlas = quick().fit(flowers).name_basins({0: "first"})
    run = atlas.save(tmp_path / "run")
    assert run.basins[0]["name"] == "first"
    assert run.basins[0]["exemplars"] == flowers.ids[atlas.describe_basins()[0].exemplars].tolist()
    again = load(run)
    assert again.given_names_ == {0: "first"}
    assert [basin.name for basin in again.describe_basins()] == [basin.name for basin in atlas.describe_basins()]
    assert "0 · first" in run.file("report.html").read_text()


def test_a_new_fit_forgets_names_and_an_update_keeps_them(quick: Callable[..., Atlas], flowers: Table):
    atlas = quick().fit(flowers.x).name_basins({0: "first"})
    atlas.partial_fit(flowers.x[:20] + 0.01)
    assert atlas.describe_basins()[0].name == "first"
    assert atlas.fit(flowers.x).describe_basins()[0].name == "basin 0"


def test_names_from_a_column(copied: Atlas, flowers: Table):
    kinds = np.array([f"kind{number}" for number in copied.labels_])
    assert [basin.name for basin in copied.name_basins(kinds).describe_basins()] == ["kind0", "kind1", "kind2"]


def test_two_made_names_differ(quick: Callable[..., Atlas], flowers: Table):
    names = [basin.name for basin in quick(n_basins=6, steps=60).fit(flowers).describe_basins()]
    assert len(set(names)) == 6


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({3: "none"}, r"^Atlas has basins 0 to 2; got 3 to name"),
        ({True: "none"}, r"got True to name"),
        ({0: " "}, r"wants a text for basin 0; got ' '"),
        ({0: 5}, r"wants a text for basin 0; got 5"),
    ],
)
def test_names_that_cannot_be_given(flat: Atlas, names: dict, message: str):
    with pytest.raises(SpecError, match=message):
        flat.name_basins(names)
    with pytest.raises(ShapeError, match="one value for each of the 150 rows"):
        flat.name_basins(["a", "b"])


def test_one_basin(quick: Callable[..., Atlas], flowers: Table):
    atlas = quick(n_basins=1).fit(flowers)
    (basin,) = atlas.describe_basins()
    assert basin.size == 150
    assert len(basin.borders) == 6
    assert np.isfinite(atlas.recall(flowers)).all()
    assert atlas.passage(flowers.x[0], flowers.x[149]).barrier <= atlas.energy(flowers).max()


# ---------------------------------------------------------------- recall


def test_known_noise_is_taken_away(digits: Table, quick: Callable[..., Atlas], rng: np.random.Generator):
    atlas = quick(steps=200, batch_edges=64, n_basins=10, dim=8).fit(digits.take(slice(600)))
    unseen = digits.x[600:]
    noisy = unseen + 4 * rng.standard_normal(unseen.shape).astype(np.float32)

    def judged(noise: float | None) -> tuple[float, float]:
        found = atlas.recall(noisy, steps=0, noise=noise)
        return float(np.mean(atlas.basins(found) == atlas.basins(unseen))), float(np.square(found - unseen).mean())

    (plain, error), (kept, smaller) = judged(None), judged(4.0)
    assert kept > plain + 0.05
    assert smaller < error


def test_little_noise_is_the_nearest_row(flat: Atlas, flowers: Table):
    row = flowers.x[np.flatnonzero(~flat.held_out_)[:1]]
    found = flat.recall(row + 0.001, steps=0, noise=0.01)
    np.testing.assert_allclose(found, flat.recall(row, steps=0), atol=1e-3)
    for noise in (0.0, np.nan):
        with pytest.raises(SpecError, match=r"^Atlas\.recall wants a finite noise"):
            flat.recall(row, noise=noise)


def test_a_memory_is_of_training_rows(flat: Atlas):
    memory = flat.memory(rows=20)
    assert memory.count == 20
    seen = {tuple(row) for row in flat.latent_[~flat.held_out_]}
    assert all(tuple(row) in seen for row in memory.prototypes.detach().numpy())
    assert flat.memory(rows=10_000).count == int((~flat.held_out_).sum())
    assert not torch.equal(memory.prototypes, flat.memory(rows=20, random_state=1).prototypes)


def test_any_memory_that_retrieves(flat: Atlas, flowers: Table):
    one = HopfieldField(torch.from_numpy(flat.latent_[:1]))
    remembered = flat.recall(flowers, memory=one)
    np.testing.assert_allclose(remembered, np.tile(flat.inverse_transform(flat.latent_[:1]), (150, 1)), atol=1e-4)


def test_a_memory_of_nothing(flat: Atlas):
    with pytest.raises(SpecError, match=r"^Atlas\.memory wants rows ≥ 1"):
        flat.memory(rows=0)


# ---------------------------------------------------------------- samples


def test_an_empty_basin_has_no_samples(copied: Atlas):
    copied.labels_ = np.where(copied.labels_ == 2, 1, copied.labels_)
    with pytest.raises(SpecError, match=r"^Atlas\.sample wants a basin with rows; basin 2 is empty"):
        copied.sample(basin=2)
    assert 2 not in copied.basins(copied.sample(5, basin=0))
    assert copied.describe_basins()[2].size == 0
    assert len(copied.describe_basins()[2].exemplars) == 0


def test_refined_samples_follow_the_field_and_stay(flat: Atlas):
    bowl = Bowl(flat.latent_[flat.labels_ == 1].mean(axis=0))
    refinement = LangevinRefinement(bowl, steps=200, step=0.01, temperature=0.1)
    plain, moved = (
        torch.as_tensor(drawn_latents(flat, 500, basin=1, refinement=r, seed=0)) for r in (None, refinement)
    )
    assert bowl(plain).mean() > 0.5
    assert bowl(moved).mean().item() == pytest.approx(0.1, abs=0.02)  # a temperature of .1 on two axes
    refined = flat.sample(200, basin=1, refinement=refinement)
    np.testing.assert_array_equal(refined, flat.sample(200, basin=1, refinement=refinement))


@pytest.mark.parametrize("settings", [{"steps": 0}, {"step": 0.0}, {"temperature": -1.0}])
def test_refinements_that_cannot_be(settings: dict):
    with pytest.raises(SpecError, match=r"^LangevinRefinement wants"):
        LangevinRefinement(Bowl(np.zeros(2)), **settings)


# ---------------------------------------------------------------- ways


def test_a_passage_goes_around_a_hill(flat: Atlas, flowers: Table):
    """A hill on the straight line: the way around it climbs less, and its ends are those of the rows."""
    first, last = flat.transform(flowers.x[[0, 149]]).astype(np.float64)
    across = torch.tensor([-(last - first)[1], (last - first)[0]])
    middle, length = torch.tensor((first + last) / 2), float(np.linalg.norm(last - first))

    def hill(z: Tensor) -> Tensor:
        away = (z.double() - middle - 0.02 * across) / length
        along = ((z.double() - middle) @ torch.tensor(last - first)) / length**2
        return 10 * torch.exp(-away.square().sum(dim=1) / 0.02) + away.square().sum(dim=1) + (along**2 - 0.25) ** 2

    found = flat.passage(flowers.x[0], flowers.x[149], steps=40, field=hill)
    assert found.barrier < 0.5 * found.straight
    np.testing.assert_allclose(found.latent[[0, -1]], [first, last], atol=1e-4)
    assert found.patterns.shape == (40, 4)
    assert found.energy.max() <= found.barrier + 1e-6
    gaps = np.linalg.norm(np.diff(found.latent, axis=0), axis=1)
    assert gaps.max() < 2 * gaps.min()  # chords are shorter around corners


def test_a_passage_without_a_hill_is_straight(flat: Atlas, flowers: Table):
    found = flat.passage(flowers.x[0], flowers.x[149], steps=9, field=Bowl(np.zeros(2)))
    line = flat.model_.line(flat.transform(flowers.x[:1]), flat.transform(flowers.x[149:]), steps=9)[0]
    np.testing.assert_allclose(found.latent, line, atol=1e-4)
    assert found.barrier == found.straight


def test_passages_that_cannot_be(flat: Atlas, flowers: Table):
    with pytest.raises(SpecError, match=r"^Atlas\.passage wants steps ≥ 2"):
        flat.passage(flowers.x[0], flowers.x[1], steps=1)
    with pytest.raises(ShapeError, match=r"^Atlas\.passage wants one row to start"):
        flat.passage(flowers.x[:2], flowers.x[1])
    same = flat.passage(flowers.x[0], flowers.x[0])
    assert np.isfinite(same.energy).all()


# ---------------------------------------------------------------- classes from few examples


def test_few_shot_uses_the_rows_without_labels(flat: Atlas, flowers: Table):
    assert flowers.label is not None
    rows = np.array([10, 60, 110])
    known = flat.few_shot(flowers.x[rows], flowers.label[rows])
    assert known.classes.tolist() == ["setosa", "versicolor", "virginica"]
    assert (known.predict(flowers.x) == flowers.label).mean() > 0.8
    probabilities = known.probabilities(flowers.x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.isfinite(known.energies(flowers.x)).all()
    np.testing.assert_array_equal(known.energies(flowers.x).argmin(axis=1), probabilities.argmax(axis=1))


def test_one_example_of_one_class(flat: Atlas, flowers: Table):
    known = flat.few_shot(flowers.x[:1], ["only"])
    assert set(known.predict(flowers.x)) == {"only"}
    assert np.isfinite(known.energies(flowers.x)).all()


def test_an_absent_class_is_never_predicted(flat: Atlas, flowers: Table):
    assert flowers.label is not None
    known = flat.few_shot(flowers.x[[10, 60]], flowers.label[[10, 60]])
    assert set(known.predict(flowers.x)) == {"setosa", "versicolor"}


def test_examples_that_cannot_be_used(flat: Atlas, flowers: Table):
    with pytest.raises(ShapeError, match="one value for each of the 3 rows"):
        flat.few_shot(flowers.x[:3], ["a", "b"])
    with pytest.raises(DataError, match="1 of 2 are missing"):
        flat.few_shot(flowers.x[:2], ["a", None])
    with pytest.raises(ShapeError):
        flat.few_shot(flowers.x[:0], [])


# ---------------------------------------------------------------- landscapes of any field


def test_the_landscape_of_a_network(flat: Atlas):
    centre = flat.latent_[40]
    found = flat.landscape(Bowl(centre), min_prominence=0.0)
    assert found.minima[0] == np.square(flat.latent_ - centre).sum(axis=1).argmin()
    assert len(found.basins) == 150


def test_the_landscape_of_the_bank_has_its_basins(flat: Atlas):
    found = flat.landscape(PrototypeField(flat.model_.bank))
    lowest = found.merged(count=min(3, len(found.minima))).minima
    assert len(set(flat.labels_[lowest])) == len(lowest)
    assert len(flat.landscape().minima) >= 1


# ---------------------------------------------------------------- outliers


def test_an_outlier_is_as_unusual_as_can_be(flat: Atlas):
    far = np.full((1, 4), 1e6)
    assert flat.anomaly_score(far)[0] == 1 / (1 + flat.held_out_.sum())
    for values in (flat.energy(far), flat.recall(far), flat.memberships(far), flat.recall(far, memory=flat.memory())):
        assert np.isfinite(values).all()
