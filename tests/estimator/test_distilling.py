from __future__ import annotations

import numpy as np
import pytest
import torch

from latentatlas.estimator import Atlas
from latentatlas.estimator.basins import bank_at, density_basins
from latentatlas.estimator.distilling import chart_encoder, layout_of, principal
from latentatlas.experiments.spheres import split_spheres
from latentatlas.graph import knn_graph
from latentatlas.metrics import AdjustedRand, TripletAccuracy, Trustworthiness
from latentatlas.train import Silent


def groups(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    label = np.repeat(np.arange(4), 60)
    centres = 20 * rng.standard_normal((4, 6))
    return (centres[label] + rng.standard_normal((240, 6))).astype(np.float32), label


@pytest.mark.parametrize("dim", [2, 3])
def test_places_and_basins_of_groups(rng: np.random.Generator, dim: int):
    x, label = groups(rng)
    layout = layout_of(knn_graph(x, 10), x, dim, n_basins=4, seed=0, device=torch.device("cpu"), shown=Silent())
    assert layout.places.shape == (240, dim)
    assert layout.map_places.shape == (240, 2)
    assert (layout.places is layout.map_places) == (dim == 2)
    assert AdjustedRand()(label, layout.basins) == 1.0
    assert Trustworthiness(k=5)(x, layout.places) > 0.9


def test_wanted_basins_are_made_where_there_are_fewer_modes(rng: np.random.Generator):
    places = rng.standard_normal((200, 2)).astype(np.float32)
    assert set(density_basins(places, 25, seed=0)) == set(range(25))


def test_many_places_go_with_the_nearest_of_the_sample(rng: np.random.Generator):
    label = np.arange(24_000) % 3
    places = (30 * np.eye(3, 2)[label] + rng.standard_normal((24_000, 2))).astype(np.float32)
    assert AdjustedRand()(label, density_basins(places, 3, seed=0)) == 1.0


def test_a_bank_stands_where_the_groups_are():
    z = np.array([[0.0, 0], [0, 2], [9, 9], [9, 11]], np.float32)
    bank = bank_at(z, np.array([3, 3, 7, 7]), seed=0)
    assert sorted(bank.prototypes.tolist()) == [[0, 1], [9, 10]]


def test_principal_components_are_at_most_so_many(rng: np.random.Generator):
    h = torch.from_numpy(rng.standard_normal((50, 6)).astype(np.float32)) * torch.tensor([1.0, 5, 1, 1, 3, 1])
    assert principal(h, 6).shape == (50, 6)
    two = principal(h, 2)
    assert two.shape == (50, 2)
    assert abs(np.corrcoef(two[:, 0], h[:, 1])[0, 1]) > 0.9


@pytest.mark.parametrize(
    ("n", "charts", "width"), [(10, 1, 256), (1_000, 20, 256), (20_000, 80, 512), (70_000, 160, 512)]
)
def test_the_encoder_grows_with_the_rows(n: int, charts: int, width: int):
    encoder = chart_encoder(5, 2, n=n)
    assert encoder.charts == charts
    assert encoder.hidden == (width, width)
    assert (encoder.noise > 0) == (n < 20_000)


def test_the_network_comes_near_the_layout(rng: np.random.Generator):
    x, _ = groups(rng)
    atlas = Atlas(dim=2, n_neighbors=10, threads=1, steps=300).fit(x)
    term = atlas.objective_.terms["layout"][0]
    rows = torch.from_numpy(np.flatnonzero(~atlas.held_out_))
    error = (torch.from_numpy(atlas.latent_)[rows] - term.anchors[rows]).square().mean()
    assert float(error / term.anchors[rows].var(dim=0).mean()) < 0.05


def test_rows_that_no_neighbour_has_are_arranged_alone():
    """The rows of the large sphere are nearest to small ones that do not have them among their own nearest."""
    x = split_spheres(1_500)[0]
    layout = layout_of(
        knn_graph(x, 10), x[:, :50], 2, n_basins=None, seed=0, device=torch.device("cpu"), shown=Silent()
    )
    assert TripletAccuracy()(x, layout.places) > 0.6  # .56 where they move with the cells they lie in
