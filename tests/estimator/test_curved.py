"""An atlas whose latent lies in a Poincaré ball."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latentatlas import load
from latentatlas.checks import Status
from latentatlas.core import DataError, LatentLayout, SpecError
from latentatlas.data import Table
from latentatlas.estimator import Atlas, LangevinRefinement
from latentatlas.geometry import DepthSpace, Euclidean, Geometry, PoincareBall
from latentatlas.metrics import neighbour_ranks
from latentatlas.models import MLPEncoder, VariationalEncoder
from latentatlas.store import open_run
from latentatlas.terms import NeighborContrast, Signature

BALL = PoincareBall(2.0)


def tree(depth: int = 7) -> Table:
    """The nodes of a binary tree; a column for each, 1 at the node and its ancestors. The label is the second level."""
    node = np.arange(1, 2**depth)
    chains = [{k >> up for up in range(depth)} - {0} for k in node.tolist()]
    x = np.array([[k in chain for k in node] for chain in chains], np.float32)
    return Table(x, label=np.array([min(c & {4, 5, 6, 7}, default=0) for c in chains]), name="tree")


def apart(z: np.ndarray) -> np.ndarray:
    return BALL.distances(torch.from_numpy(z).double()).fill_diagonal_(np.inf).numpy()


@pytest.fixture(scope="module")
def curved(quick: Callable[..., Atlas]) -> Atlas:
    return quick(geometry=BALL, steps=150, n_basins=4).fit(tree())


@pytest.fixture(scope="module")
def saved(curved: Atlas, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "ball"
    curved.save(path)
    return path


def test_latent_and_map_are_points_of_the_ball_and_decode_to_rows(curved: Atlas):
    x = tree().x
    z = curved.transform(x)
    assert (np.linalg.norm(z, axis=1) < 2**-0.5).all()
    np.testing.assert_array_equal(curved.map(x), z)
    assert curved.inverse_transform(z).shape == x.shape
    assert curved.check()[0].status is Status.PASS
    assert curved.measure()["latent.trustworthiness@15"] > 0.85


def test_neighbours_basins_and_figures_go_by_the_distance_of_the_ball(curved: Atlas):
    d, z = apart(curved.latent_), curved.latent_
    np.testing.assert_allclose(curved.latent_graph_.distances, np.sort(d, axis=1)[:, :15], rtol=1e-5)
    prototypes = curved.model_.bank.prototypes.detach()
    nearest = BALL.dist(torch.from_numpy(z)[:, None], prototypes[None]).argmin(dim=1)
    np.testing.assert_array_equal(curved.labels_, nearest.numpy())
    ranks = neighbour_ranks(curved.table_.x, z, k=15, geometry=BALL)
    assert curved.measure()["latent.trustworthiness@15"] == pytest.approx(ranks.trustworthiness().mean())
    assert curved.measure()["latent.trustworthiness@15"] != pytest.approx(
        neighbour_ranks(curved.table_.x, z, k=15).trustworthiness().mean(), abs=1e-6
    )
    basin = curved.describe_basins()[0]
    away = BALL.dist(torch.from_numpy(z[basin.exemplars]), prototypes[0])
    assert (away.diff() >= -1e-5).all()


def test_the_certificate_asks_whether_a_ball_is_worth_it(curved: Atlas):
    verdicts = {verdict.name: verdict for verdict in curved.check()}
    assert verdicts["tree_likeness"].status is Status.PASS
    assert verdicts["collapse"].value > 0.5


def test_a_saved_atlas_is_the_same_and_its_run_is_searched_in_the_ball(curved: Atlas, saved: Path):
    again, x = load(saved), tree().x
    np.testing.assert_array_equal(again.transform(x), curved.transform(x))
    np.testing.assert_array_equal(again.anomaly_score(x), curved.anomaly_score(x))
    assert again.model_.geometry.curvature == 2.0
    run = open_run(saved)
    rows, distances = run.search(curved.latent_, 5, exclude=np.arange(len(x)))
    d = apart(curved.latent_)
    np.testing.assert_allclose(distances, np.sort(d, axis=1)[:, :5], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(d, rows, axis=1), distances, rtol=1e-5)
    assert "a Poincaré ball of curvature −2" in (saved / "report.html").read_text(encoding="utf-8")


def test_ways_samples_and_recall_stay_in_the_ball(curved: Atlas):
    x, model = tree().x, curved.model_
    line = model.line(curved.latent_[:1], curved.latent_[90:91], steps=5)[0]
    steps = BALL.dist(*(torch.from_numpy(part).double() for part in (line[:-1], line[1:])))
    torch.testing.assert_close(steps, steps.mean().expand(4), rtol=1e-3, atol=0)
    assert curved.interpolate(x[0], x[90], steps=5).shape == (5, 127)
    drawn = curved.sample(50, basin=1, random_state=1)
    assert np.isfinite(drawn).all()
    recalled = curved.transform(curved.recall(x[:5], steps=3))
    assert (np.linalg.norm(recalled, axis=1) < 2**-0.5).all()
    assert curved.recall(x[:5], memory=curved.memory(rows=30)).shape == (5, 127)
    assert len(curved.landscape().minima) >= 1


def test_samples_are_as_far_from_their_prototype_as_a_gaussian_of_its_width_is(curved: Atlas):
    from latentatlas.estimator.sampling import drawn_latents

    z = drawn_latents(curved, 4000, basin=0, refinement=None, seed=0)
    bank = curved.model_.bank
    away = BALL.dist(torch.from_numpy(z), bank.prototypes.detach()[0])
    wanted = 2 * (bank.score.tau**2) / bank.beta  # two axes
    assert float(away.square().mean()) == pytest.approx(wanted, rel=0.1)


def test_new_rows_and_classes(quick: Callable[..., Atlas]):
    rows = tree()
    chosen = np.random.default_rng(0).permutation(127)
    atlas = quick(geometry=BALL, n_basins=4).fit(rows.x[chosen[:100]])
    atlas.partial_fit(rows.x[chosen[100:]])
    assert len(atlas.latent_) == 127
    assert np.isfinite(atlas.drift_.median)
    classes = atlas.few_shot(rows.x[[3, 4, 5, 6]], ["a", "b", "c", "d"])
    assert classes.predict(rows.x[[3, 6]]).tolist() == ["a", "d"]


def test_more_axes_have_a_map_in_the_disc(quick: Callable[..., Atlas]):
    atlas = quick(geometry=BALL, dim=3, n_basins=None).fit(tree())
    assert atlas.latent_.shape[1] == 3
    assert atlas.map_.shape == (127, 2)
    for points in (atlas.latent_, atlas.map_):
        assert (np.linalg.norm(points, axis=1) < 2**-0.5).all()
    assert 0 <= atlas.measure()["map.trustworthiness@15"] <= 1


def test_flat_geometry_is_no_geometry(quick: Callable[..., Atlas], flowers: Table):
    plain, named = quick().fit(flowers), quick(geometry=Euclidean()).fit(flowers)
    np.testing.assert_array_equal(plain.latent_, named.latent_)


def test_what_is_defined_in_flat_space_alone_says_so(curved: Atlas):
    x = tree().x
    with pytest.raises(SpecError, match=r"^Atlas\.passage wants a flat latent; .* Take interpolate"):
        curved.passage(x[0], x[1])
    refinement = LangevinRefinement(lambda z: z.square().sum(dim=1), steps=2)
    with pytest.raises(SpecError, match=r"^LangevinRefinement wants a flat latent; .* a Poincaré ball of curvature −2"):
        curved.sample(2, refinement=refinement)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"geometry": "ball"}, r"^Atlas wants geometry as None, Euclidean\(\) or PoincareBall\(\); got 'ball'"),
        ({"geometry": DepthSpace()}, "Train other spaces with train.fit"),
        ({"layout": LatentLayout(invariant=1, free=1)}, "^Atlas wants layout or a geometry; got both"),
        ({"charts": 2}, "^Atlas wants charts or a geometry; got both"),
        ({"neighbour_term": NeighborContrast()}, r"neighbour_term in the geometry .* NeighborContrast in flat space"),
        ({"neighbour_term": (Signature(geometry=PoincareBall(3.0)), None)}, "ball of curvature −3"),
        ({"encoder": VariationalEncoder(MLPEncoder(127, 4))}, "^Atlas wants a plain encoder in a ball"),
        ({"encoder": MLPEncoder(127, 2, spread=1e3)}, r"starts inside of the ball; .* Give it spread=0\.707\."),
    ],
)
def test_settings_that_do_not_go_with_a_ball(quick: Callable[..., Atlas], settings: dict[str, Any], said: str):
    with pytest.raises(SpecError, match=said):
        quick(**({"geometry": BALL} | settings)).fit(tree())


def test_a_term_in_the_same_ball_is_taken(quick: Callable[..., Atlas]):
    again: Geometry = PoincareBall(2.0)
    atlas = quick(geometry=BALL, neighbour_term=NeighborContrast(geometry=again), steps=10).fit(tree(5))
    assert (np.linalg.norm(atlas.latent_, axis=1) < 2**-0.5).all()


def test_a_nuisance_is_taken_out_in_a_ball_too(quick: Callable[..., Atlas]):
    rows = tree(6)
    atlas = quick(geometry=BALL, steps=20).fit(rows.x, nuisance=np.arange(len(rows)) % 2)
    assert "invariance" in atlas.objective_.terms
    assert (np.linalg.norm(atlas.latent_, axis=1) < 2**-0.5).all()
    assert {verdict.name for verdict in atlas.check()} >= {"leakage.nuisance", "tree_likeness"}


@pytest.mark.slow
def test_the_encoder_is_exported(curved: Atlas):
    pytest.importorskip("onnxruntime")
    assert len(curved.export("onnx")) > 0


def test_prototypes_learn_inside_of_the_ball_and_the_energy_is_theirs(curved: Atlas):
    bank = curved.model_.bank
    assert (bank.prototypes.norm(dim=1) < 2**-0.5).all()
    assert bank.score.geometry.curvature == 2.0
    z = torch.from_numpy(curved.latent_)
    scores = -BALL.dist(z[:, None], bank.prototypes[None]).square() / (2 * bank.score.tau**2)
    wanted = -torch.logsumexp(bank.beta * scores, dim=1).detach() / bank.beta
    np.testing.assert_allclose(curved.energy(tree().x), wanted.numpy(), rtol=1e-4, atol=1e-4)


def test_latents_outside_are_not_decoded(curved: Atlas):
    with pytest.raises(DataError, match=r"^PoincareBall wants points with a norm below 0\.707107; 1 of 1 lie"):
        curved.inverse_transform([[0.6, 0.6]])
