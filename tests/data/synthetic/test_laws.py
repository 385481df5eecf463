"""What holds for every maker: seeds, types, noise, the lift, and messages for bad arguments."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from latentatlas.core import SpecError
from latentatlas.data import synthetic
from latentatlas.data.synthetic import (
    Synthetic,
    Truth,
    blobs,
    factor_images,
    linked_circles,
    nested_spheres,
    sphere,
    synthetic_sets,
    three_gaussians,
)
from latentatlas.data.synthetic.drawing import draw_by_density, orthonormal, wrapped

MAKERS = synthetic_sets()
LIFTED = [name for name in MAKERS if name not in ("blobs", "three_gaussians", "coloured_digits", "factor_images")]


def _equal(first, second):
    if isinstance(first, np.ndarray):
        return first.dtype == second.dtype and np.array_equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_equal(first[key], second[key]) for key in first)
    return callable(first) or first == second


def test_every_public_maker_is_registered():
    others = {"Geodesic", "Synthetic", "Truth", "synthetic_sets"}
    assert set(MAKERS) == set(synthetic.__all__) - others
    with pytest.raises(TypeError):
        MAKERS["mine"] = sphere


@pytest.mark.parametrize("name", MAKERS)
def test_equal_seeds_give_equal_bits_and_others_do_not(name):
    one, same, other = (MAKERS[name](rows=60, seed=seed) for seed in (7, 7, 8))
    assert isinstance(one, Synthetic)
    assert one.table.fingerprint == same.table.fingerprint != other.table.fingerprint
    for part in (vars(Truth()), {"label", "nuisance", "environment", "metadata"}):
        owner = "truth" if isinstance(part, dict) else "table"
        for key in part:
            assert _equal(getattr(getattr(one, owner), key), getattr(getattr(same, owner), key)), key


@pytest.mark.parametrize("name", MAKERS)
def test_tables_and_truths_fit_together(name):
    made = MAKERS[name](rows=60)
    table, truth = made.table, made.truth
    assert (table.name, table.x.dtype, len(table)) == (name, np.float32, 60)
    assert np.isfinite(table.x).all()
    for per_row in (truth.labels, truth.parameters, truth.core, *truth.factors.values()):
        assert per_row is None or len(per_row) == 60
    for placed in (truth.centres, truth.minima):
        assert placed is None or placed.shape[1] == table.x.shape[1]
    if truth.parameters is not None:
        assert truth.parameters.shape[1] == len(truth.parameter_names)
        for column, values in zip(truth.parameter_names, truth.parameters.T, strict=True):
            np.testing.assert_array_equal(table.metadata[column], values)


@pytest.mark.parametrize("name", LIFTED)
def test_the_lift_keeps_all_distances_and_moves_centres_along(name):
    plain, lifted = MAKERS[name](rows=60), MAKERS[name](rows=60, ambient=120)
    assert lifted.table.x.shape == (60, 120)
    np.testing.assert_array_equal(plain.truth.parameters, lifted.truth.parameters)
    before, after = (
        np.linalg.norm(made.table.x[:, None].astype(float) - made.table.x, axis=2) for made in (plain, lifted)
    )
    np.testing.assert_allclose(before, after, atol=1e-4)
    assert np.linalg.matrix_rank(lifted.table.x) == min(60, plain.table.x.shape[1])
    assert (np.abs(lifted.table.x).max(axis=0) > 0).all(), "turned at random, not padded with zeros"
    if plain.truth.centres is not None:
        from_centres = [np.linalg.norm(made.table.x[:, None] - made.truth.centres, axis=2) for made in (plain, lifted)]
        np.testing.assert_allclose(*from_centres, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in ("blobs", "three_gaussians")])
def test_noise_has_its_standard_deviation_and_leaves_the_truth(name):
    exact, noisy = MAKERS[name](rows=60), MAKERS[name](rows=60, noise=0.25)
    difference = noisy.table.x - exact.table.x
    assert difference.std() == pytest.approx(0.25, rel=0.2)
    assert difference.mean() == pytest.approx(0, abs=0.1)
    if exact.truth.parameters is not None:
        np.testing.assert_array_equal(exact.truth.parameters, noisy.truth.parameters)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("rows", [0, -5, 2.5])
def test_too_few_rows_are_refused(name, rows):
    with pytest.raises(SpecError, match=rf"{name} wants rows as an integer ≥ \d+; got {rows}"):
        MAKERS[name](rows=rows)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(sphere, 10, seed=-1), "sphere wants seed as an integer ≥ 0; got -1"),
        (partial(sphere, 10, noise=-0.1), "sphere wants a finite noise ≥ 0; got -0.1"),
        (partial(sphere, 10, noise=np.nan), "finite noise"),
        (partial(sphere, 10, noise=np.inf), "finite noise"),
        (partial(sphere, 10, ambient=2), "sphere wants ambient as None or an integer ≥ 3; got 2"),
        (partial(sphere, 10, ambient=3.0), "integer ≥ 3; got 3.0"),
        (partial(linked_circles, 1), "rows as an integer ≥ 2"),
        (partial(nested_spheres, 19), "rows as an integer ≥ 20"),
        (partial(nested_spheres, 20, ambient=100), "integer ≥ 101"),
        (partial(three_gaussians, 29), "rows as an integer ≥ 30"),
        (partial(three_gaussians, noise=0.0), "wants noise > 0; got 0.0"),
        (partial(three_gaussians, ambient=1), "wants ambient as an integer ≥ 2; got 1"),
        (partial(blobs, shares=(0.5, 0.6)), r"positive shares that sum to 1; got \(0.5, 0.6\)"),
        (partial(blobs, shares=()), "positive shares"),
        (partial(blobs, shares=(1.5, -0.5)), "positive shares"),
        (partial(blobs, sds=(1.0,)), "4 positive sds, one for each share"),
        (partial(blobs, sds=(1.0, 1.0, 0.0, 1.0)), "4 positive sds"),
        (partial(blobs, separation=0.0), "separation > 0; got 0.0"),
        (partial(blobs, features=3), "features as an integer ≥ 4, the number of clusters; got 3"),
        (partial(blobs, 3), r"rows for every cluster; got \[1, 1, 1, 0\] rows"),
        (partial(factor_images, 12_289), "at most 12288 rows"),
        (partial(factor_images, 5, pixels=15), "pixels as an integer ≥ 16; got 15"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(SpecError, match=message):
        make()


def test_orthonormal_rows_point_everywhere_alike(rng):
    frames = np.stack([orthonormal(rng, 2, 3) for _ in range(4000)])
    np.testing.assert_allclose(frames @ frames.transpose(0, 2, 1), np.broadcast_to(np.eye(2), (4000, 2, 2)), atol=1e-12)
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=0.05)
    assert np.quantile(frames[:, 0, 0], [0.25, 0.5, 0.75]) == pytest.approx([-0.5, 0, 0.5], abs=0.05)


def test_draws_follow_their_density(rng):
    values = draw_by_density(rng, 20_000, lambda p: 2 * p[:, 0], highest=2.0, box=((0.0, 1.0),))
    assert values.shape == (20_000, 1)
    assert values.mean() == pytest.approx(2 / 3, abs=0.01)


def test_angles_between_points_of_the_circle():
    degrees = np.array([0, 10, 180, 190, 350, 360, -10, 725])
    np.testing.assert_allclose(np.degrees(wrapped(np.radians(degrees))), [0, 10, 180, 170, 10, 0, 10, 5], atol=1e-9)
