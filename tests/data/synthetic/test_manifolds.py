"""The declared truth of every manifold, found again from its points by other means."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree
from scipy.stats import chisquare, kstest

from latentatlas.data.synthetic import (
    klein_bottle,
    mobius_band,
    projective_plane,
    sphere,
    swiss_roll,
    swiss_roll_hole,
    synthetic_sets,
    torus,
)

SURFACES = [
    "swiss_roll",
    "swiss_roll_hole",
    "sphere",
    "torus",
    "flat_torus",
    "mobius_band",
    "klein_bottle",
    "flat_klein_bottle",
    "projective_plane",
]
MANIFOLDS = [*SURFACES, "three_torus", "linked_circles"]
CLOSED = [name for name in MANIFOLDS if name not in ("swiss_roll", "swiss_roll_hole", "mobius_band")]
WITH_GEODESICS = [
    "swiss_roll",
    "sphere",
    "flat_torus",
    "three_torus",
    "flat_klein_bottle",
    "projective_plane",
    "linked_circles",
]
ROLL_LENGTH = 89.37327  # of the spiral t (cos t, sin t) from 3π/2 to 9π/2


def _made(name, rows, seed=0):
    made = synthetic_sets()[name](rows=rows, seed=seed)
    return made.table.x.astype(float), made.truth


# --- the points lie where they should ---------------------------------------------------------------------------------


def _on_swiss_roll(x):
    t = np.hypot(x[:, 0], x[:, 2])
    return np.column_stack([x[:, 0] - t * np.cos(t), x[:, 2] - t * np.sin(t)]) / t[:, None]


def _on_torus(x):
    return (np.hypot(x[:, 0], x[:, 1]) - 2) ** 2 + x[:, 2] ** 2 - 1


def _on_circles(x):
    return np.hypot(x[:, ::2], x[:, 1::2]) - 1


def _on_mobius_band(x):
    half = np.arctan2(x[:, 1], x[:, 0]) / 2
    outward = np.hypot(x[:, 0], x[:, 1]) - 1
    off_line = outward * np.sin(half) - x[:, 2] * np.cos(half)
    return np.column_stack([off_line, np.maximum(np.hypot(outward, x[:, 2]) - 0.5, 0)])


def _on_klein_bottle(x):
    half = np.arctan2(x[:, 1], x[:, 0]) / 2
    outward = np.hypot(x[:, 0], x[:, 1]) - 2
    off_line = x[:, 2] * np.sin(half) - x[:, 3] * np.cos(half)
    return np.column_stack([off_line, outward**2 + x[:, 2] ** 2 + x[:, 3] ** 2 - 1])


def _on_flat_klein_bottle(x):
    a, b, cosine = x[:, 0] + 1j * x[:, 1], x[:, 2] + 1j * x[:, 3], x[:, 4] / np.sqrt(3)
    off_line = b**2 * cosine - np.abs(b) ** 2 * a
    return np.column_stack(
        [off_line.real, off_line.imag, np.abs(a) ** 2 - cosine**2, np.abs(b / 2) ** 2 + cosine**2 - 1]
    )


def _on_projective_plane(x):
    """The matrix is a projection of trace 1."""
    zz = (np.sqrt(12) * x[:, 4] + 1) / 3
    xx, yy = (1 - zz) / 2 + x[:, 3], (1 - zz) / 2 - x[:, 3]
    upper = np.stack([xx, x[:, 0], x[:, 1], x[:, 0], yy, x[:, 2], x[:, 1], x[:, 2], zz], axis=1)
    matrices = upper.reshape(-1, 3, 3)
    return (matrices @ matrices - matrices).reshape(len(x), 9)


def _on_linked_circles(x):
    lying = np.hypot(np.hypot(x[:, 0], x[:, 1]) - 1, x[:, 2])
    standing = np.hypot(np.hypot(x[:, 0] - 1, x[:, 2]) - 1, x[:, 1])
    return np.minimum(lying, standing)


EQUATIONS = {
    "swiss_roll": _on_swiss_roll,
    "swiss_roll_hole": _on_swiss_roll,
    "sphere": lambda x: np.linalg.norm(x, axis=1) - 1,
    "torus": _on_torus,
    "flat_torus": _on_circles,
    "three_torus": _on_circles,
    "mobius_band": _on_mobius_band,
    "klein_bottle": _on_klein_bottle,
    "flat_klein_bottle": _on_flat_klein_bottle,
    "projective_plane": _on_projective_plane,
    "linked_circles": _on_linked_circles,
}


@pytest.mark.parametrize("name", MANIFOLDS)
def test_points_satisfy_the_equation_of_their_set(name):
    x, _ = _made(name, 2000)
    np.testing.assert_allclose(EQUATIONS[name](x), 0, atol=1e-5)


# --- dimension and orientation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MANIFOLDS)
def test_two_nearest_neighbours_find_the_dimension(name):
    """TwoNN (Facco et al. 2017): the ratio of the distances to the two nearest neighbours is Pareto(dimension)."""
    x, truth = _made(name, 4000)
    distances, _ = cKDTree(x).query(x, k=3)
    estimate = len(x) / np.log(distances[:, 2] / distances[:, 1]).sum()
    assert estimate == pytest.approx(truth.dimension, rel=0.1)


def _copies_of_orientation(x, dimension, k=12):
    """Components of the graph of (point, orientation): twice those of the points where orientation can be carried.

    Tangent planes come from local principal components; an edge keeps the orientation where the determinant of the
    map between the two planes is positive.
    """
    _, neighbours = cKDTree(x).query(x, k=k + 1)
    patches = x[neighbours] - x[neighbours].mean(axis=1, keepdims=True)
    frames = np.linalg.svd(patches, full_matrices=False)[2][:, :dimension]
    source, target = np.repeat(np.arange(len(x)), k), neighbours[:, 1:].ravel()
    turned = np.linalg.det(frames[source] @ frames[target].transpose(0, 2, 1)) < 0
    n = len(x)
    starts, ends = np.append(source, source + n), np.append(target + n * turned, target + n * ~turned)
    doubled = csr_array((np.ones(len(starts)), (starts, ends)), shape=(2 * n, 2 * n))
    single = csr_array((np.ones(len(source)), (source, target)), shape=(n, n))
    return connected_components(doubled)[0], connected_components(single)[0]


@pytest.mark.parametrize("name", MANIFOLDS)
def test_orientation_can_be_carried_around_exactly_where_declared(name):
    x, truth = _made(name, 8000 if name == "three_torus" else 4000)
    doubled, components = _copies_of_orientation(x, truth.dimension)
    assert components == truth.betti[2][0]
    assert doubled == components * (2 if truth.orientable else 1)


# --- shortest paths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_GEODESICS)
def test_geodesics_are_the_shortest_paths_of_a_dense_graph(name):
    rows = {"three_torus": 12_000, "linked_circles": 1000}.get(name, 4000)
    x, truth = _made(name, rows)
    k = 40 if name == "three_torus" else 20
    distances, neighbours = cKDTree(x).query(x, k=k + 1)
    source = np.repeat(np.arange(rows), k)
    graph = csr_array((distances[:, 1:].ravel(), (source, neighbours[:, 1:].ravel())), shape=(rows, rows))
    starts = np.arange(8)
    paths = dijkstra(graph, directed=False, indices=starts)
    exact = truth.geodesic(truth.parameters[starts], truth.parameters)
    np.testing.assert_array_equal(np.isinf(paths), np.isinf(exact))
    far = np.isfinite(exact) & (exact > np.quantile(exact[np.isfinite(exact)], 0.3))
    ratios = paths[far] / exact[far]
    assert ratios.min() > 0.985
    assert np.median(ratios) < 1.05
    assert ratios.max() < 1.15


@pytest.mark.parametrize("name", WITH_GEODESICS)
def test_geodesics_are_straight_lines_between_near_points(name):
    x, truth = _made(name, 2000)
    chords = np.linalg.norm(x[:, None] - x[:100], axis=2)
    exact = truth.geodesic(truth.parameters, truth.parameters[:100])
    assert (exact >= chords - 1e-5).all()
    near = (chords > 0.02) & (chords < {"swiss_roll": 1.0, "three_torus": 0.4}.get(name, 0.2))
    assert near.sum() > 100
    np.testing.assert_allclose(exact[near], chords[near], rtol=0.01)
    np.testing.assert_allclose(np.diag(exact[:100]), 0, atol=1e-7)


def test_arc_length_of_the_swiss_roll_is_the_length_of_the_spiral():
    x, truth = _made("swiss_roll", 500)
    t = np.linspace(1.5 * np.pi, 4.5 * np.pi, 200_001)
    spiral = np.column_stack([t * np.cos(t), t * np.sin(t)])
    length = np.append(0, np.cumsum(np.linalg.norm(np.diff(spiral, axis=0), axis=1)))
    expected = np.interp(np.hypot(x[:, 0], x[:, 2]), t, length)
    np.testing.assert_allclose(truth.parameters[:, 0], expected, atol=1e-4)
    np.testing.assert_allclose(truth.parameters[:, 1], x[:, 1], rtol=1e-6)
    assert length[-1] == pytest.approx(ROLL_LENGTH, abs=1e-4)


# --- homology ---------------------------------------------------------------------------------------------------------


def _landmarks(x, count):
    """Points chosen farthest first, and the radius at which balls around them cover all."""
    chosen, away = [0], np.linalg.norm(x - x[0], axis=1)
    while len(chosen) < count:
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(x - x[chosen[-1]], axis=1))
    return x[chosen], away.max()


def _betti(x, prime, landmarks, *, highest):
    """Betti numbers of the Rips complex of landmarks at three times the radius at which they cover the set."""
    ripser = pytest.importorskip("ripser").ripser
    points, cover = _landmarks(x, landmarks)
    scale = 3 * cover
    diagrams = ripser(points, maxdim=highest, coeff=prime, thresh=1.01 * scale)["dgms"]
    return tuple(int(((bars[:, 0] <= scale) & (bars[:, 1] > scale)).sum()) for bars in diagrams)


LANDMARKS = {
    "swiss_roll": 400,
    "swiss_roll_hole": 400,
    "sphere": 120,
    "torus": 250,
    "flat_torus": 150,
    "mobius_band": 120,
    "klein_bottle": 250,
    "flat_klein_bottle": 300,
    "projective_plane": 150,
    "linked_circles": 100,
}


@pytest.mark.parametrize("prime", [2, 3])
@pytest.mark.parametrize("name", LANDMARKS)
def test_persistent_homology_finds_the_betti_numbers(name, prime):
    x, truth = _made(name, 5000)
    declared = truth.betti[prime]
    assert _betti(x, prime, LANDMARKS[name], highest=len(declared) - 1) == declared


def test_persistent_homology_finds_three_loops_of_the_three_torus():
    """The rest of its Betti numbers follows by duality, see below."""
    x, truth = _made("three_torus", 20_000)
    assert _betti(x, 2, 1000, highest=1) == truth.betti[2][:2] == (1, 3)


@pytest.mark.parametrize("name", [*CLOSED, "nested_spheres"])
def test_betti_numbers_obey_duality_and_one_euler_characteristic(name):
    truth = synthetic_sets()[name](rows=20).truth
    by_two, by_three = truth.betti[2], truth.betti[3]
    assert by_two == by_two[::-1], "closed manifolds, with two-element coefficients: always"
    assert (by_three == by_three[::-1]) == truth.orientable
    assert len(by_two) == truth.dimension + 1
    signs = (-1) ** np.arange(len(by_two))
    assert signs @ by_two == signs @ by_three


@pytest.mark.parametrize("name", [*MANIFOLDS, "nested_spheres"])
def test_charts_lie_between_their_bounds(name):
    """More than one for each component that has a hole of any kind; n + 1 balls always cover a connected n-manifold."""
    truth = synthetic_sets()[name](rows=20).truth
    components, *holes = truth.betti[2]
    assert truth.charts <= components * (truth.dimension + 1)
    assert (truth.charts > components) == any(holes)


def test_the_boundary_of_the_mobius_band_is_one_curve():
    x, truth = _made("mobius_band", 20_000)
    edge = x[np.abs(truth.parameters[:, 1]) > 0.49]
    graph = cKDTree(edge).sparse_distance_matrix(cKDTree(edge), 0.4)
    assert connected_components(graph)[0] == 1, "an untwisted band would have two"


def test_the_circles_are_linked():
    """Gauss's integral (1/4π) ∮∮ (r₁ − r₂) · (dr₁ × dr₂) / |r₁ − r₂|³ counts how often one goes through the other."""
    x, truth = _made("linked_circles", 1200)
    curves = []
    for component in (0, 1):
        rows = np.flatnonzero(truth.labels == component)
        points = x[rows[np.argsort(truth.parameters[rows, 1])]]
        ahead = np.roll(points, -1, axis=0)
        curves.append(((points + ahead) / 2, ahead - points))
    (first, step), (second, other_step) = curves
    apart = first[:, None] - second
    volume = (apart * np.cross(step[:, None], other_step)).sum(axis=2)
    linking = (volume / np.linalg.norm(apart, axis=2) ** 3).sum() / (4 * np.pi)
    assert abs(linking) == pytest.approx(1, abs=0.01)
    assert np.linalg.norm(apart, axis=2).min() > 0.99


# --- uniform by area --------------------------------------------------------------------------------------------------


def _chi_square_by_area(made, embedding, box, cells=(12, 6)):
    """p-value of the rows against the area of each cell, the area by finite differences of the embedding."""
    axes = [np.linspace(low, high, 10 * count + 1) for (low, high), count in zip(box, cells, strict=True)]
    u, v = np.meshgrid(*[(axis[1:] + axis[:-1]) / 2 for axis in axes], indexing="ij")
    step = 1e-5
    along = (embedding(u + step, v) - embedding(u - step, v)) / (2 * step)
    across = (embedding(u, v + step) - embedding(u, v - step)) / (2 * step)
    gram = (along * along).sum(0) * (across * across).sum(0) - (along * across).sum(0) ** 2
    area = np.sqrt(gram).reshape(cells[0], 10, cells[1], 10).sum(axis=(1, 3))
    found, *_ = np.histogram2d(*made.truth.parameters.T, bins=cells, range=box)
    return chisquare(found.ravel(), found.sum() * (area / area.sum()).ravel()).pvalue


def _mobius(u, t):
    ring = 1 + t * np.cos(u / 2)
    return np.stack([ring * np.cos(u), ring * np.sin(u), t * np.sin(u / 2)])


def _klein(u, v):
    ring = 2 + np.cos(v)
    return np.stack([ring * np.cos(u), ring * np.sin(u), np.sin(v) * np.cos(u / 2), np.sin(v) * np.sin(u / 2)])


def _ring(u, v):
    return np.stack([(2 + np.cos(v)) * np.cos(u), (2 + np.cos(v)) * np.sin(u), np.sin(v)])


@pytest.mark.parametrize(
    ("maker", "embedding", "second"),
    [(mobius_band, _mobius, (-0.5, 0.5)), (klein_bottle, _klein, (0, 2 * np.pi)), (torus, _ring, (0, 2 * np.pi))],
)
def test_surfaces_are_uniform_by_area(maker, embedding, second):
    made = maker(500_000)
    np.testing.assert_allclose(made.table.x.T, embedding(*made.truth.parameters.T), atol=1e-5)
    assert _chi_square_by_area(made, embedding, ((0, 2 * np.pi), second)) > 0.01


def test_spheres_are_uniform_by_area():
    """Archimedes: heights are uniform."""
    x = sphere(20_000).table.x
    assert kstest((x[:, 2] + 1) / 2, "uniform").pvalue > 0.01
    assert kstest(np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi) + 0.5, "uniform").pvalue > 0.01
    assert kstest(np.cos(projective_plane(20_000).truth.parameters[:, 0]), "uniform").pvalue > 0.01


def test_the_swiss_roll_is_uniform_by_area_and_its_hole_is_empty():
    length, height = swiss_roll(20_000).truth.parameters.T
    assert kstest(length / ROLL_LENGTH, "uniform").pvalue > 0.01
    assert kstest(height / 21, "uniform").pvalue > 0.01
    sheet = swiss_roll_hole(20_000).truth.parameters
    counts, *_ = np.histogram2d(*sheet.T, bins=3, range=((0, ROLL_LENGTH), (0, 21)))
    assert counts[1, 1] == 0
    assert chisquare(np.delete(counts.ravel(), 4)).pvalue > 0.01


# --- nested spheres ---------------------------------------------------------------------------------------------------


def test_nested_spheres_have_the_numbers_of_the_paper():
    made = synthetic_sets()["nested_spheres"](rows=10_000)
    x, truth = made.table.x.astype(float), made.truth
    assert x.shape == (10_000, 101)
    assert np.bincount(truth.labels).tolist() == [500] * 10 + [5000]
    radii = np.linalg.norm(x - truth.centres[truth.labels], axis=1)
    np.testing.assert_allclose(radii, np.where(truth.labels == 10, 25, 5), rtol=1e-5)
    assert truth.centres[:10].std() == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(truth.centres[10], 0)
    assert np.linalg.norm(truth.centres, axis=1).max() + 5 < 25, "all inside the large one"
    apart = np.linalg.norm(truth.centres[:10, None] - truth.centres[:10], axis=2) + 100 * np.eye(10)
    assert apart.min() > 10, "none touches another"
    assert truth.betti[2][0] == truth.betti[2][100] == 11
    assert sum(truth.betti[2]) == 22
