"""What the settings of an atlas do, and what is said about wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from latentatlas.checks import Status
from latentatlas.core import Constant, Logistic, MissingInput, Ramp, ShapeError, SpecError
from latentatlas.data import DataWarning, Table
from latentatlas.estimator import Atlas
from latentatlas.metrics import Trustworthiness
from latentatlas.models import ChartEncoder, ImageEncoder, MLPEncoder, SignalEncoder
from latentatlas.terms import (
    CORAL,
    HSIC,
    MMD,
    Adversarial,
    ConditionalHSIC,
    Covariance,
    NeighborContrast,
    PrototypeEnergy,
    Rebind,
    WithinStrata,
)

Maker = Callable[..., Atlas]


def weights(atlas: Atlas, name: str) -> np.ndarray:
    """Logged weights of a term in the first stage."""
    column = atlas.history_[f"weight/{name}"]
    return column[: np.argmax(atlas.history_["step"] >= atlas.recipes_[0].steps)]


# ---------------------------------------------------------------- determinism


def test_equal_seed_and_threads_give_equal_bits(quick: Maker, flowers: Table):
    first, second = quick(dim=3).fit(flowers), quick(dim=3).fit(flowers)
    np.testing.assert_array_equal(first.latent_, second.latent_)
    np.testing.assert_array_equal(first.map_, second.map_)
    for name, tensor in first.model_.network.state_dict().items():
        assert torch.equal(tensor, second.model_.network.state_dict()[name]), name


def test_fitting_again_starts_anew(quick: Maker, flowers: Table):
    atlas = quick().fit(flowers)
    before = atlas.latent_
    np.testing.assert_array_equal(atlas.fit(flowers).latent_, before)


def test_another_seed_gives_another_atlas(quick: Maker, flowers: Table):
    first, second = quick().fit(flowers), quick(random_state=1).fit(flowers)
    assert not np.array_equal(first.latent_, second.latent_)
    assert not np.array_equal(first.held_out_, second.held_out_)


def test_a_fit_leaves_generators_and_threads_as_they_were(quick: Maker, flowers: Table):
    before = torch.get_num_threads(), torch.random.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    atlas = quick(threads=2, steps=5).fit(flowers)
    assert atlas.threads_ == 2
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert str(np.random.get_state()) == before[2]  # noqa: NPY002


def test_generators_of_the_caller_do_not_matter(quick: Maker, flowers: Table):
    torch.manual_seed(1)
    first = quick(steps=5).fit(flowers).latent_
    torch.manual_seed(2)
    np.testing.assert_array_equal(quick(steps=5).fit(flowers).latent_, first)


# ---------------------------------------------------------------- held-out rows, stopping, progress


@pytest.mark.parametrize(("share", "rows"), [(0.1, 15), (0.5, 75), (0, 0), (0.001, 0)])
def test_held_out_rows(quick: Maker, flowers: Table, share: float, rows: int):
    atlas = quick(held_out=share, steps=2).fit(flowers)
    assert atlas.held_out_.sum() == rows
    assert atlas.model_.usual is not None
    assert len(atlas.model_.usual.surprise) == rows
    assert atlas.model_.calibrated == (rows > 0)


def test_patience_stops_early(quick: Maker, flowers: Table):
    atlas = quick(steps=1000, patience=1, batch_edges=4).fit(flowers)
    last = atlas.history_["step"].max()
    assert 0.3 * 1000 <= last < 1000  # not before the warm-up is over


def test_patience_without_held_out_rows(quick: Maker, flowers: Table):
    message = r"^Atlas wants held-out rows to stop early by; held_out=0 leaves none of 150\. Raise held_out, or leave"
    with pytest.raises(SpecError, match=message):
        quick(held_out=0, patience=2).fit(flowers)


def test_progress_goes_to_standard_error(quick: Maker, flowers: Table, capsys: pytest.CaptureFixture):
    quick(verbose=True, steps=5).fit(flowers)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Fitting" in shown.err
    quick(steps=5).fit(flowers)
    assert capsys.readouterr() == ("", "")


def test_the_number_of_steps(quick: Maker, flowers: Table):
    atlas = quick(steps=40).fit(flowers)
    assert [recipe.steps for recipe in atlas.recipes_] == [40, 4]
    assert atlas.history_["step"].max() == 43


# ---------------------------------------------------------------- metric and scales


def test_cosine_ignores_the_length_of_rows(quick: Maker, flowers: Table):
    atlas = quick(metric="cosine").fit(flowers.x)
    scaled = flowers.x * np.linspace(0.1, 10, 150, dtype=np.float32)[:, None]
    np.testing.assert_allclose(atlas.transform(scaled), atlas.latent_, atol=1e-3)
    refitted = quick(metric="cosine").fit(scaled)
    np.testing.assert_array_equal(np.sort(refitted.graph_.indices[7]), np.sort(atlas.graph_.indices[7]))


def test_cosine_decodes_to_unit_rows(quick: Maker, flowers: Table):
    atlas = quick(metric="cosine", steps=100).fit(flowers.x)
    norms = np.linalg.norm(atlas.recall(flowers.x), axis=1)
    np.testing.assert_allclose(norms, 1, atol=0.05)


def test_standardize_makes_units_irrelevant(quick: Maker, flowers: Table):
    units, shift = np.array([1, 1000, 0.01, 1], np.float32), np.array([0, 5, 1, -3], np.float32)
    atlas = quick(standardize=True, steps=100).fit(flowers.x)
    other = quick(standardize=True, steps=100).fit(flowers.x * units + shift)
    assert (np.sort(atlas.graph_.indices) == np.sort(other.graph_.indices)).mean() > 0.98
    decoded = other.inverse_transform(other.latent_)
    relative = np.square((decoded - shift) / units - flowers.x).mean(axis=0) / flowers.x.var(axis=0)
    assert (relative < 0.6).all()  # every column comes back in its own units


def test_standardize_takes_a_constant_column(quick: Maker, flowers: Table):
    x = np.column_stack([flowers.x, np.full(150, 7.0)])
    atlas = quick(standardize=True).fit(x)
    np.testing.assert_allclose(atlas.recall(x)[:, 4], 7.0, atol=0.05)


# ---------------------------------------------------------------- terms


@pytest.mark.parametrize(
    ("wanted", "last"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (2, 2.0),
        (NeighborContrast(8.0), 1.0),
        ((NeighborContrast(8.0), Constant(0.3)), 0.3),
        ([NeighborContrast(8.0), Ramp(start=0, stop=3, high=0.7)], 0.7),
    ],
    ids=["default weight", "factor", "whole factor", "term", "term and schedule", "list"],
)
@pytest.mark.parametrize("dim", [2, 3])
def test_a_neighbour_term_of_ones_own(quick: Maker, flowers: Table, wanted: Any, last: float, dim: int):
    atlas = quick(dim=dim, steps=10, neighbour_term=wanted).fit(flowers)
    assert weights(atlas, "neighbours")[-1] == pytest.approx(last)
    if dim == 3:
        assert weights(atlas, "map")[-1] == pytest.approx(last)
    (term, _) = atlas.objective_.terms["neighbours"]
    given = wanted[0] if isinstance(wanted, tuple | list) else wanted
    assert term.negatives == (8.0 if isinstance(given, NeighborContrast) else 64.0)
    assert term is not given  # the user's object stays as it was


@pytest.mark.parametrize("dim", [2, 3])
def test_rows_are_laid_out_first(quick: Maker, flowers: Table, dim: int):
    atlas = quick(dim=dim, steps=10).fit(flowers)
    assert set(atlas.objective_.terms) - {"map_layout"} == {"recon", "layout", "energy", "balance"}
    assert isinstance(atlas.model_.network.encoder, ChartEncoder)
    assert weights(atlas, "layout")[-1] == 1.0
    assert weights(atlas, "assignment")[-1] == pytest.approx(0.15)
    assert ("map_layout" in atlas.objective_.terms) == (dim == 3)


def test_rows_with_a_nuisance_are_not_laid_out(quick: Maker, flowers: Table):
    atlas = quick(steps=5).fit(flowers.x, nuisance=np.arange(150) % 2)
    assert "layout" not in atlas.objective_.terms  # a layout would keep the nuisance
    assert isinstance(atlas.model_.network.encoder, MLPEncoder)


def test_an_encoder_of_ones_own_learns_the_layout(quick: Maker, flowers: Table):
    atlas = quick(steps=200, encoder=MLPEncoder(4, 2, hidden=(32,))).fit(flowers)
    assert "assignment" not in atlas.history_
    assert Trustworthiness(k=5)(flowers.x, atlas.latent_) > 0.9


@pytest.mark.parametrize("nothing", [None, 0, 0.0])
def test_no_neighbour_term(quick: Maker, flowers: Table, nothing: Any):
    atlas = quick(dim=3, steps=5, neighbour_term=nothing).fit(flowers)
    assert set(atlas.objective_.terms) == {"recon", "energy", "balance"}


def test_the_basin_term(quick: Maker, flowers: Table):
    assert set(quick(steps=5, basin_term=None).fit(flowers).objective_.terms) == {"recon", "layout"}
    atlas = quick(steps=5, basin_term=(PrototypeEnergy(), Constant(0.4))).fit(flowers)
    assert atlas.history_["weight/energy"][-1] == 0.4
    assert atlas.history_["weight/recon"][-1] == 1.0


def test_another_term_in_place_of_a_family(quick: Maker, flowers: Table):
    atlas = quick(dim=3, steps=5, neighbour_term=Covariance()).fit(flowers)
    assert isinstance(atlas.objective_.terms["neighbours"][0], Covariance)


@pytest.mark.parametrize("family", ["neighbour_term", "nuisance_term", "basin_term"])
@pytest.mark.parametrize(
    "wrong", ["atuo", True, (NeighborContrast(),), object()], ids=["text", "bool", "tuple", "object"]
)
def test_a_wrong_term(quick: Maker, flowers: Table, family: str, wrong: Any):
    message = rf'^Atlas wants {family}="auto", None, a factor on the default weight, a Term, or \(Term, Schedule\); got'
    with pytest.raises(SpecError, match=message):
        quick(steps=2, **{family: wrong}).fit(flowers.x, nuisance=np.arange(150) % 2)


def test_a_term_with_something_that_is_no_schedule(quick: Maker, flowers: Table):
    message = r"^Objective wants name → \(term, schedule\); 'neighbours' is \(NeighborContrast, float\)"
    with pytest.raises(SpecError, match=message):
        quick(neighbour_term=(NeighborContrast(), 0.5)).fit(flowers)


def test_a_negative_factor(quick: Maker, flowers: Table):
    with pytest.raises(SpecError, match=r"wants a finite weight ≥ 0; got -1\.0\. To switch a term off use 0"):
        quick(neighbour_term=-1).fit(flowers)


# ---------------------------------------------------------------- nuisances


def test_a_nuisance_enters_the_objective_and_the_certificate(quick: Maker, flowers: Table):
    atlas = quick(steps=60).fit(flowers.x, nuisance={"author": np.array(["ann", "bob", "cid"] * 50)})
    assert isinstance(atlas.objective_.terms["invariance"][0], HSIC)
    ramp = weights(atlas, "invariance")
    assert ramp[0] == 0
    assert ramp[-1] == 20
    assert np.isfinite(atlas.history_["value/invariance"][1:]).all()
    assert np.isfinite(atlas.history_["held_out/invariance"][-1])
    verdicts = {verdict.name: verdict for verdict in atlas.check()}
    assert verdicts["leakage.author"].status is Status.PASS
    assert "'author'" in verdicts["leakage.author"].reason
    assert atlas.points()["author"].tolist() == ["ann", "bob", "cid"] * 50


def test_without_a_nuisance_there_is_no_term_for_it(quick: Maker, flowers: Table):
    assert "invariance" not in quick(steps=2).fit(flowers).objective_.terms


def test_a_nuisance_may_be_reported_without_being_removed(quick: Maker, flowers: Table):
    table = Table(flowers.x, nuisance={"class": flowers.label})
    atlas = quick(steps=60, nuisance_term=None).fit(table)
    assert "invariance" not in atlas.objective_.terms
    assert {verdict.name: verdict.status for verdict in atlas.check()}["leakage.class"] is Status.FAIL


def test_several_nuisances_of_mixed_kinds(quick: Maker, flowers: Table, rng: np.random.Generator):
    nuisance = {
        "author": np.array(list("abc") * 50),
        "year": rng.integers(1990, 2000, 150),
        "loudness": rng.normal(60, 10, 150),
        "indoors": rng.random(150) > 0.5,
    }
    atlas = quick(steps=40).fit(flowers.x, nuisance=nuisance)
    assert weights(atlas, "invariance")[-1] == 20
    names = [verdict.name for verdict in atlas.check()]
    assert [name for name in names if name.startswith("leakage")] == [f"leakage.{name}" for name in nuisance]
    points = atlas.points()
    for name, values in nuisance.items():
        assert points[name].tolist() == values.tolist()


def test_a_constant_nuisance_does_no_harm(quick: Maker, flowers: Table):
    atlas = quick(steps=20).fit(flowers.x, nuisance={"room": np.zeros(150), "floor": np.zeros(150, int)})
    assert np.isfinite(atlas.latent_).all()
    assert {v.name: v.status for v in atlas.check()}["leakage.room"] is Status.SKIP


def test_environments_are_recorded(quick: Maker, flowers: Table):
    where = np.array(["hill", "shore"] * 75)
    assert quick(steps=2).fit(flowers.x, environment=where).points()["environment"].tolist() == where.tolist()


# ---------------------------------------------------------------- nuisances beside labels and environments


def dependent(flowers: Table) -> np.ndarray:
    """A nuisance that goes with the class in five of six rows."""
    classes = np.unique(flowers.label, return_inverse=True)[1]
    return np.where(np.arange(150) % 6 == 0, (classes + 1) % 3, classes)


def test_a_nuisance_that_goes_with_the_label_is_told(quick: Maker, flowers: Table):
    message = r"^'colour' depends on y \(debiased CKA 0\.\d\d\).*nuisance_term=latentatlas\.terms\.ConditionalHSIC\(\)"
    with pytest.warns(DataWarning, match=message):
        quick(steps=2).fit(flowers.x, flowers.label, nuisance={"colour": dependent(flowers), "odd": np.arange(150) % 2})
    quick(steps=2, nuisance_term=HSIC()).fit(
        flowers.x, flowers.label, nuisance=dependent(flowers)
    )  # asked for: no word
    quick(steps=2, nuisance_term=None).fit(flowers.x, flowers.label, nuisance=dependent(flowers))
    quick(steps=2).fit(flowers.x, flowers.label, nuisance=np.arange(150) % 2)


def test_a_conditional_term_reads_the_label(quick: Maker, flowers: Table, no_pictures: None, tmp_path: Path):
    settings = {"steps": 40, "nuisance_term": ConditionalHSIC()}
    table = Table(flowers.x, label=flowers.label, nuisance={"colour": dependent(flowers)})
    atlas = quick(**settings).fit(table)
    assert np.isfinite(atlas.history_["value/invariance"][1:]).all()
    report = atlas.save(tmp_path / "run").path
    assert "trained on by the term invariance" in (Path(report) / "report.html").read_text()
    shuffled = Table(flowers.x, label=np.roll(flowers.label, 25), nuisance=table.nuisance)
    assert not np.array_equal(atlas.latent_, quick(**settings).fit(shuffled).latent_)
    with pytest.raises(
        MissingInput, match=r"^Term 'invariance' \(ConditionalHSIC\) reads `label`, but the batch has none"
    ):
        quick(**settings).fit(flowers.x, nuisance=dependent(flowers))


def test_labels_are_not_trained_on_by_default(quick: Maker, flowers: Table, no_pictures: None, tmp_path: Path):
    nuisance = {"odd": np.arange(150) % 2}
    with_labels = quick(steps=20).fit(Table(flowers.x, label=flowers.label, nuisance=nuisance))
    without = quick(steps=20).fit(Table(flowers.x, nuisance=nuisance))
    np.testing.assert_array_equal(with_labels.latent_, without.latent_)
    assert "not trained on" in (Path(with_labels.save(tmp_path / "run").path) / "report.html").read_text()


def test_the_label_is_read_again_by_an_update(quick: Maker, flowers: Table):
    order = np.random.default_rng(0).permutation(150)
    x, label, colour = flowers.x[order], flowers.label[order], dependent(flowers)[order]
    atlas = quick(steps=20, nuisance_term=ConditionalHSIC()).fit(x[:100], label[:100], nuisance=colour[:100])
    atlas.partial_fit(x[100:], label[100:], nuisance=colour[100:])
    assert np.isfinite(atlas.history_["value/invariance"][-1])


@pytest.mark.parametrize("term", [MMD(), CORAL(), (WithinStrata(MMD()), Constant(2.0))], ids=["mmd", "coral", "within"])
def test_environments_are_brought_together(quick: Maker, flowers: Table, term: Any):
    where = np.array(["hill", "shore", "shore"] * 50)
    x = flowers.x + 2.0 * (where == "hill")[:, None]
    atlas = quick(steps=60, nuisance_term=term).fit(x, flowers.label, environment=where)
    assert "layout" not in atlas.objective_.terms  # a layout would keep them apart
    assert np.isfinite(atlas.history_["value/invariance"][1:]).all()
    assert weights(atlas, "invariance")[-1] == (2.0 if isinstance(term, tuple) else 20.0)


def test_an_environment_term_without_environments(quick: Maker, flowers: Table):
    assert "invariance" not in quick(steps=2, nuisance_term=MMD()).fit(flowers.x).objective_.terms
    with pytest.raises(MissingInput, match=r"^Term 'invariance' \(MMD\) reads `environment`, but the batch has none"):
        quick(steps=2, nuisance_term=MMD()).fit(flowers.x, nuisance=np.arange(150) % 2)


def test_one_of_several_nuisances_by_name(quick: Maker, flowers: Table):
    nuisance = {"odd": np.arange(150) % 2, "third": np.arange(150) % 3}
    term = Rebind(Adversarial(2, 3, hidden=(8,)), {"nuisance": "nuisance.third"})
    atlas = quick(steps=20, nuisance_term=(term, Logistic(start=0, stop=20))).fit(flowers.x, nuisance=nuisance)
    assert np.isfinite(atlas.history_["value/invariance"][1:]).all()


# ---------------------------------------------------------------- encoders


def test_an_image_encoder():
    x = load_digits().data[:200].astype(np.float32)
    encoder = ImageEncoder((1, 8, 8), dim=3, channels=(4, 8), hidden=16)
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    atlas = Atlas(dim=3, encoder=encoder, steps=20, batch_edges=32, n_basins=4, threads=1).fit(x)
    assert isinstance(atlas.model_.network.encoder, ImageEncoder)
    assert atlas.transform(x[:5]).shape == (5, 3)
    assert atlas.recall(x[:5]).shape == (5, 64)
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, before[name]), name  # the given encoder is a start, and stays one


def test_a_signal_encoder(rng: np.random.Generator):
    time = np.linspace(0, 1, 32)
    x = np.sin(2 * np.pi * (rng.integers(1, 4, 120)[:, None] * time + rng.random(120)[:, None])).astype(np.float32)
    encoder = SignalEncoder((1, 32), dim=2, channels=(4, 8), hidden=16)
    atlas = Atlas(dim=2, encoder=encoder, steps=20, batch_edges=32, n_basins=3, threads=1).fit(x)
    assert atlas.inverse_transform(atlas.transform(x)).shape == (120, 32)


def test_an_encoder_of_another_dim(quick: Maker, flowers: Table):
    message = r"^Atlas wants an encoder with dim=2; MLPEncoder has 3\. Make both equal\.$"
    with pytest.raises(SpecError, match=message):
        quick(encoder=MLPEncoder(4, 3)).fit(flowers)


def test_an_encoder_of_other_columns(unchecked: None, quick: Maker, flowers: Table):
    with pytest.raises(ShapeError, match=r"^MLPEncoder wants .*5.*; got 4\."):
        quick(encoder=MLPEncoder(5, 2)).fit(flowers)
    with pytest.raises(ShapeError, match=r"^ImageEncoder wants rows of \(1, 8, 8\), 64 numbers; got 4\."):
        quick(encoder=ImageEncoder((1, 8, 8), 2)).fit(flowers)


# ---------------------------------------------------------------- wrong settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dim": 0}, r"^Atlas wants dim as an integer ≥ 1; got 0\."),
        ({"dim": 2.5}, r"^Atlas wants dim as an integer ≥ 1; got 2\.5\."),
        ({"dim": True}, r"^Atlas wants dim as an integer ≥ 1; got True\."),
        ({"n_neighbors": 0}, r"^Atlas wants n_neighbors as an integer ≥ 1; got 0\."),
        ({"random_state": -1}, r"^Atlas wants random_state as an integer ≥ 0; got -1\."),
        ({"random_state": None}, r"^Atlas wants random_state as an integer ≥ 0; got None\."),
        ({"steps": 0}, r"^Atlas wants steps as None or an integer ≥ 1; got 0\."),
        ({"steps": True}, r"^Atlas wants steps as None or an integer ≥ 1; got True\."),
        ({"batch_edges": 1.5}, r"^Atlas wants batch_edges as None or an integer ≥ 1; got 1\.5\."),
        ({"n_basins": 0}, r"^Atlas wants n_basins as None or an integer ≥ 1; got 0\."),
        ({"n_basins": 200}, r"^Atlas wants 1 ≤ n_basins ≤ n; got 200 for 135 training rows\. Lower n_basins\."),
        ({"patience": 0}, r"^Atlas wants patience as None or an integer ≥ 1; got 0\."),
        ({"threads": 0}, r"^Atlas wants threads as None or an integer ≥ 1; got 0\."),
        ({"metric": "cosin"}, r"^Atlas has no metric 'cosin'\. Did you mean 'cosine'\?"),
        ({"encoder": "mlp"}, r'^Atlas wants encoder="auto" or an encoder object; got \'mlp\'\. Pass for example'),
        ({"encoder": 3}, r'^Atlas wants encoder="auto" or an encoder object; got 3\.'),
        ({"held_out": 1.0}, r"^Atlas wants 0 ≤ held_out < 1; got 1\.0\."),
        ({"held_out": -0.1}, r"^Atlas wants 0 ≤ held_out < 1; got -0\.1\."),
        ({"held_out": "half"}, r"^Atlas wants 0 ≤ held_out < 1; got 'half'\."),
        (
            {"device": "gpuu"},
            r"^Atlas wants a device that is there; got 'gpuu': .*[^.]\. Pass device=\"cpu\" or \"auto\"",
        ),
    ],
    ids=str,
)
def test_a_setting_out_of_range(quick: Maker, flowers: Table, settings: dict[str, Any], message: str):
    with pytest.raises(SpecError, match=message):
        quick(**({"steps": 2} | settings)).fit(flowers)


def test_nothing_is_checked_before_fit():
    assert Atlas(dim=-3).dim == -3  # scikit-learn's convention
