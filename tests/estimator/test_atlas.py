"""What a fitted atlas says: shapes, types, and the laws between its methods."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from latentatlas.checks import Collapse, Status
from latentatlas.core import AtlasError, ShapeError, SpecError
from latentatlas.data import Table
from latentatlas.estimator import Atlas
from latentatlas.metrics import ClusteringAccuracy, Trustworthiness

Maker = Callable[..., Atlas]
DIMS = (1, 2, 3, 16)


@pytest.fixture(scope="module", params=DIMS, ids=lambda dim: f"dim {dim}")
def atlas(request: pytest.FixtureRequest, quick: Maker, flowers: Table) -> Atlas:
    return quick(dim=request.param).fit(flowers)


@pytest.fixture(scope="module")
def half_of_the_digits(quick: Maker, digits: Table) -> Atlas:
    return quick(steps=150, batch_edges=64, n_basins=10, held_out=0.2).fit(digits.take(slice(450)))


# ---------------------------------------------------------------- shapes


def test_shapes_and_types(atlas: Atlas, flowers: Table):
    x, n, dim = flowers.x[:7], 7, atlas.dim
    z = atlas.transform(x)
    for values, shape, dtype in (
        (z, (n, dim), np.float32),
        (atlas.map(x), (n, 2), np.float32),
        (atlas.inverse_transform(z), (n, 4), np.float32),
        (atlas.recall(x), (n, 4), np.float32),
        (atlas.sample(5), (5, 4), np.float32),
        (atlas.sample(), (1, 4), np.float32),
        (atlas.basins(x), (n,), np.int64),
        (atlas.memberships(x), (n, 3), np.float32),
        (atlas.energy(x), (n,), np.float32),
        (atlas.anomaly_score(x), (n,), np.float64),
        (atlas.latent_, (150, dim), np.float32),
        (atlas.map_, (150, 2), np.float32),
        (atlas.labels_, (150,), np.int64),
        (atlas.held_out_, (150,), bool),
    ):
        assert values.shape == shape
        assert values.dtype == dtype
        assert np.isfinite(values).all()


def test_description_of_rows(atlas: Atlas, flowers: Table):
    x = flowers.x[:7]
    columns = atlas.describe(x)
    assert list(columns) == ["x", "y", "latent", "basin", "membership", "energy", "anomaly_p"]
    np.testing.assert_array_equal(np.stack([columns["x"], columns["y"]], axis=1), atlas.map(x))
    np.testing.assert_array_equal(columns["latent"], atlas.transform(x))
    np.testing.assert_array_equal(columns["basin"], atlas.basins(x))
    np.testing.assert_array_equal(columns["membership"], atlas.memberships(x).max(axis=1))
    np.testing.assert_array_equal(columns["energy"], atlas.energy(x))
    np.testing.assert_array_equal(columns["anomaly_p"], atlas.anomaly_score(x))


def test_training_rows_lie_where_transform_puts_them(atlas: Atlas, flowers: Table):
    np.testing.assert_array_equal(atlas.transform(flowers), atlas.latent_)
    np.testing.assert_array_equal(atlas.map(flowers), atlas.map_)
    np.testing.assert_array_equal(atlas.basins(flowers), atlas.labels_)


def test_one_row_lies_where_it_lies_among_others(atlas: Atlas, flowers: Table):
    np.testing.assert_allclose(atlas.transform(flowers.x[3:4]), atlas.latent_[3:4], rtol=1e-4, atol=1e-4)


def test_the_order_of_rows_does_not_matter(atlas: Atlas, flowers: Table):
    np.testing.assert_allclose(atlas.transform(flowers.x[::-1])[::-1], atlas.latent_, rtol=1e-4, atol=1e-4)


def test_memberships(atlas: Atlas, flowers: Table):
    memberships = atlas.memberships(flowers)
    assert (memberships >= 0).all()
    np.testing.assert_allclose(memberships.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(memberships.argmax(axis=1), atlas.basins(flowers))


def test_all_public_state_is_there_after_fit(atlas: Atlas):
    assert atlas.n_basins_ == 3
    assert atlas.n_features_in_ == 4
    assert atlas.threads_ == 1
    assert atlas.seconds_ > 0
    assert atlas.graph_.indices.shape == (150, 15)
    assert atlas.graph_.exact
    assert atlas.history_["step"][0] == 0
    assert (np.diff(atlas.history_["step"]) > 0).all()  # the steps of both stages, running on


def test_map_and_latent_of_two_axes_are_one(flat: Atlas, flowers: Table):
    np.testing.assert_array_equal(flat.map(flowers), flat.transform(flowers))
    assert "weight/map_layout" not in flat.history_


def test_map_of_more_axes_is_a_head_of_its_own(deep: Atlas, flowers: Table):
    assert "weight/map_layout" in deep.history_
    assert Trustworthiness(k=5)(flowers.x, deep.map_) > 0.9
    assert Trustworthiness(k=5)(flowers.x, deep.latent_) > 0.9


# ---------------------------------------------------------------- energy, anomaly, recall, samples


def test_energy_falls_towards_the_prototypes(flat: Atlas):
    bank = flat.model_.bank
    prototypes = bank.prototypes.detach().numpy()
    centred = flat.inverse_transform(prototypes)
    assert centred.shape == (3, 4)
    assert flat.energy(centred).mean() < flat.energy(flat.table_).mean()
    assert np.sort(flat.basins(centred)).tolist() == [0, 1, 2]


def test_usual_rows_are_seldom_called_anomalous(half_of_the_digits: Atlas, digits: Table):
    p = half_of_the_digits.anomaly_score(digits.take(slice(450, 900)))
    held_out = int(half_of_the_digits.held_out_.sum())
    assert held_out == 90
    assert p.min() >= 1 / (1 + held_out)
    assert p.max() <= 1
    for level in (0.05, 0.1, 0.2, 0.5):
        deviation = math.sqrt(level * (1 - level) * (1 / held_out + 1 / len(p)))
        assert (p <= level).mean() <= level + 2 * deviation


def test_the_score_of_the_calibration_rows_themselves_is_conservative(half_of_the_digits: Atlas):
    atlas = half_of_the_digits
    p = atlas.points()["anomaly_p"][atlas.held_out_]
    for level in (0.05, 0.1, 0.2, 0.5):
        assert (p <= level).mean() <= level


def test_noise_and_outliers_get_the_least_scores(half_of_the_digits: Atlas, digits: Table, rng):
    noise = rng.uniform(0, 16, size=(100, 64)).astype(np.float32)
    far = digits.x[:20] + 100
    least = 1 / (1 + half_of_the_digits.held_out_.sum())
    scores = half_of_the_digits.anomaly_score(noise)
    assert scores.max() <= 0.05
    assert (scores == least).mean() >= 0.95  # one held-out row may be odder than one of the noise
    assert half_of_the_digits.anomaly_score(far).tolist() == [least] * 20


def test_recall_without_steps_is_the_reconstruction(atlas: Atlas, flowers: Table):
    decoded = atlas.inverse_transform(atlas.transform(flowers))
    np.testing.assert_array_equal(atlas.recall(flowers, steps=0), decoded)
    assert not np.array_equal(atlas.recall(flowers, steps=1), decoded)


def test_recall_never_climbs(flat: Atlas, flowers: Table):
    """In the latent one step of recall does not raise the energy of the bank."""
    bank = flat.model_.bank
    z = torch.from_numpy(flat.latent_)
    with torch.no_grad():
        energies = [bank.energy(bank.retrieve(z, steps=steps)) for steps in range(4)]
    for before, after in itertools.pairwise(energies):
        assert (after <= before + 1e-5).all()


def test_recall_of_many_steps_ends_at_few_patterns(flat: Atlas, flowers: Table):
    remembered = flat.recall(flowers, steps=200)
    spread = flat.recall(flowers, steps=0).std(axis=0).mean()
    for basin in range(3):
        assert remembered[flat.labels_ == basin].std(axis=0).mean() < 0.2 * spread


def test_the_decoder_knows_the_rows(half_of_the_digits: Atlas, digits: Table):
    unseen = digits.take(slice(450, 900)).x
    decoded = half_of_the_digits.recall(unseen, steps=0)
    error, spread = np.square(unseen - decoded).mean(), unseen.var(axis=0).mean()
    assert error < 0.8 * spread


def test_samples_stay_in_their_basin(half_of_the_digits: Atlas):
    atlas = half_of_the_digits
    for basin in range(0, 10, 3):
        assert (atlas.basins(atlas.sample(100, basin=basin)) == basin).mean() > 0.6


def test_samples_of_all_basins_follow_their_sizes(half_of_the_digits: Atlas):
    atlas = half_of_the_digits
    share = np.bincount(atlas.basins(atlas.sample(2000)), minlength=10) / 2000
    size = np.bincount(atlas.labels_, minlength=10) / len(atlas.labels_)
    assert np.abs(share - size).sum() / 2 < 0.2  # total variation


def test_samples_depend_on_their_seed_alone(flat: Atlas):
    np.testing.assert_array_equal(flat.sample(5), flat.sample(5, random_state=0))
    assert not np.array_equal(flat.sample(5), flat.sample(5, random_state=1))


# ---------------------------------------------------------------- points, evidence, certificate


def test_points(flat: Atlas, flowers: Table):
    points = flat.points()
    assert list(points)[:8] == ["id", "x", "y", "latent", "basin", "membership", "energy", "anomaly_p"]
    assert list(points)[8:] == ["trust", "held_out", "label", "basin_name"]
    assert {len(column) for column in points.values()} == {150}
    assert points["id"].tolist() == list(range(150))
    assert points["label"].tolist() == flowers.label.tolist()
    np.testing.assert_array_equal(points["held_out"], flat.held_out_)
    assert (points["trust"] >= 0).all()
    assert (points["trust"] <= 1).all()


def test_trust_is_the_share_of_neighbours_kept(flat: Atlas):
    trust = flat.points()["trust"]
    for row in (0, 50, 149):
        kept = set(flat.graph_.indices[row]) & set(flat.latent_graph_.indices[row])
        assert trust[row] == pytest.approx(len(kept) / 15)


def test_columns_of_the_data_do_not_displace_those_of_the_atlas(quick: Maker, flowers: Table):
    energy, basin = np.arange(150.0), np.full(150, "high")
    table = Table(flowers.x, metadata={"energy": energy, "energy_": -energy}, nuisance={"basin": basin})
    points = quick().fit(table).points()
    assert points["energy_"].tolist() == energy.tolist()
    assert points["energy__"].tolist() == (-energy).tolist()
    assert points["basin_"].tolist() == basin.tolist()
    assert points["energy"].dtype == np.float32
    assert points["basin"].dtype == np.int32


def test_evidence(deep: Atlas, flowers: Table):
    evidence = deep.evidence()
    np.testing.assert_array_equal(evidence.x, flowers.x)
    np.testing.assert_array_equal(evidence.z, deep.latent_)
    np.testing.assert_array_equal(evidence.recon, deep.inverse_transform(deep.latent_))
    np.testing.assert_array_equal(evidence.basins, deep.labels_)
    np.testing.assert_array_equal(evidence.memberships, deep.memberships(flowers))
    np.testing.assert_array_equal(evidence.surprise, deep.model_.surprise(flowers.x, deep.latent_))
    np.testing.assert_array_equal(evidence.held_out, deep.held_out_)
    assert evidence.label.tolist() == flowers.label.tolist()
    assert evidence.nuisance == {}


def test_the_certificate(flat: Atlas):
    verdicts = {verdict.name: verdict for verdict in flat.check()}
    assert set(verdicts) == {
        "collapse",
        "neighbourhood.trustworthiness",
        "neighbourhood.continuity",
        "leakage",
        "removal",
        "basins",
        "overfit",
        "calibration",
    }
    assert 0.05 < verdicts["collapse"].value < 0.5  # longer than wide: one kind of flower lies far from the others
    assert verdicts["neighbourhood.trustworthiness"].value > 0.9
    assert verdicts["leakage"].status is Status.SKIP  # no nuisance was named


def test_digits_do_not_collapse(quick: Maker, digits: Table):
    verdicts = {verdict.name: verdict for verdict in quick(steps=100, n_basins=10).fit(digits).check()}
    assert verdicts["collapse"].status is Status.PASS


def test_checks_of_ones_own_choice(flat: Atlas):
    (verdict,) = flat.check([Collapse(min_share=0.999)])
    assert verdict.status is Status.FAIL
    assert verdict.remedy


def test_metrics(deep: Atlas, flat: Atlas, flowers: Table):
    metrics = deep.measure()
    assert {name.split(".")[0] for name in metrics} == {"latent", "map", "reconstruction", "label"}
    assert all(np.isfinite(value) for value in metrics.values())
    assert metrics["label.clustering_accuracy"] == ClusteringAccuracy()(flowers.label, deep.labels_)
    assert not any(name.startswith("map.") for name in flat.measure())  # the latent is the map


def test_fewer_rows_to_rank_change_only_sampled_metrics(deep: Atlas):
    some, every = deep.measure(rows=40), deep.measure()
    assert some["latent.trustworthiness@15"] != every["latent.trustworthiness@15"]
    assert some["latent.trustworthiness@15"] == pytest.approx(every["latent.trustworthiness@15"], abs=0.05)
    assert some["reconstruction.mse"] == every["reconstruction.mse"]


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "method",
    [
        "transform",
        "map",
        "basins",
        "memberships",
        "predict_chart",
        "chart_coordinates",
        "energy",
        "anomaly_score",
        "recall",
        "describe",
    ],
)
def test_an_atlas_that_is_not_fitted(method: str, flowers: Table):
    with pytest.raises(NotFittedError, match=r"^This Atlas instance is not fitted yet"):
        getattr(Atlas(), method)(flowers.x)


@pytest.mark.parametrize("method", ["sample", "points", "evidence", "check", "measure"])
def test_an_atlas_that_is_not_fitted_has_nothing_to_show(method: str):
    with pytest.raises(NotFittedError):
        getattr(Atlas(), method)()


def test_an_atlas_that_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        Atlas().save(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_latents_of_another_number_of_axes(deep: Atlas):
    with pytest.raises(ShapeError, match=r"^Atlas wants latents with 4 axes; got 2\. Pass the result of transform\.$"):
        deep.inverse_transform(np.zeros((3, 2)))


def test_a_basin_that_is_not_there(flat: Atlas):
    for basin in (-1, 3):
        with pytest.raises(SpecError, match=rf"^Atlas has basins 0 to 2; got {basin}\. Pick one of them\.$"):
            flat.sample(basin=basin)


def test_no_samples(flat: Atlas):
    with pytest.raises(SpecError, match=r"^Atlas\.sample wants n ≥ 1; got 0\."):
        flat.sample(0)


def test_anomaly_without_held_out_rows(quick: Maker, flowers: Table):
    atlas = quick(held_out=0).fit(flowers)
    assert not atlas.held_out_.any()
    with pytest.raises(AtlasError, match=r"wants held-out rows to compare with; there are none\. Fit with held"):
        atlas.anomaly_score(flowers)
    assert np.isnan(atlas.points()["anomaly_p"]).all()
    assert np.isnan(atlas.describe(flowers.x[:2])["anomaly_p"]).all()
    assert {v.name: v.status for v in atlas.check()}["overfit"] is Status.SKIP
