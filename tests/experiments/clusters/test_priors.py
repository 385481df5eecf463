from __future__ import annotations

import numpy as np
import pytest
import torch

from latentatlas.experiments.clusters.priors import AsIs, OrientedEdges, grey, moved, upright


def bar(slant: float, shift: float = 0.0) -> torch.Tensor:
    """A soft vertical stroke on 28 × 28 pixels, sheared and shifted."""
    row, column = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    inside = ((row - 13.5).abs() < 9).float()
    return (inside * torch.exp(-((column - 13.5 - shift - slant * (row - 13.5)) ** 2) / 4))[None, None]


def covariance(image: torch.Tensor) -> tuple[float, float, float]:
    """Means of row and column of the ink, and their covariance, in pixels."""
    ink = image[0, 0] / image.sum()
    place = torch.arange(28.0) - 13.5
    down, across = float(ink.sum(1) @ place), float(ink.sum(0) @ place)
    return down, across, float((place - down) @ ink @ (place - across))


@pytest.mark.parametrize(("slant", "shift"), [(0.3, 0.0), (-0.25, 3.0), (0.0, -4.0)])
def test_upright_takes_slant_and_place_away(slant: float, shift: float):
    before, after = covariance(bar(slant, shift)), covariance(upright(bar(slant, shift)))
    assert abs(after[0]) < 0.1
    assert abs(after[1]) < 0.1
    assert abs(after[2]) < 0.4
    assert slant == 0 or abs(before[2]) > 5


def test_upright_of_no_ink_is_no_ink():
    assert torch.equal(upright(torch.zeros(2, 1, 8, 8)), torch.zeros(2, 1, 8, 8))


def test_edges_tell_directions_apart():
    ramp = np.tile(np.arange(12, dtype=np.float32), (12, 1))
    seen = OrientedEdges((12, 12))(np.stack([ramp.ravel(), ramp.T.ravel(), ramp[:, ::-1].ravel()])).reshape(3, 8, 9)
    assert seen[:, :, 4].argmax(axis=1).tolist() == [0, 2, 4]
    np.testing.assert_allclose(np.square(np.square(seen)).sum(axis=(1, 2)), 1, rtol=1e-5)


def test_edges_of_a_straightened_stroke_know_no_slant():
    rows = torch.cat([bar(0.3), bar(-0.3)]).flatten(1).numpy()
    as_it_is, upright_first = OrientedEdges((28, 28))(rows), OrientedEdges((28, 28), straighten=True)(rows)
    assert np.linalg.norm(upright_first[0] - upright_first[1]) < 0.3 * np.linalg.norm(as_it_is[0] - as_it_is[1])


def test_edges_do_not_know_brightness_and_a_black_image_has_none():
    rows = torch.cat([bar(0.2), 100 * bar(0.2), 0 * bar(0.2)]).flatten(1).numpy()
    seen = OrientedEdges((28, 28))(rows)
    np.testing.assert_allclose(seen[0], seen[1], atol=2e-3)
    assert np.isfinite(seen).all()


def test_colours_are_averaged():
    assert grey(torch.tensor([[1.0, 2.0, 6.0]]), (1, 1, 3)).flatten().tolist() == [3.0]


def test_moved_images_differ_a_little_and_repeat_with_the_seed():
    image = bar(0.0).expand(64, -1, -1, -1)
    torch.manual_seed(0)
    first = moved(image)
    torch.manual_seed(0)
    assert torch.equal(first, moved(image))
    assert first.std(dim=0).max() > 0.1
    across = (first.sum(dim=(1, 2)) @ (torch.arange(28.0) - 13.5)) / first.sum(dim=(1, 2, 3))
    assert 1 < across.abs().max() < 4.5  # a shift of up to a fourteenth of the side, seen through a shear


def test_no_prior_changes_nothing():
    x = np.ones((2, 3), np.float32)
    assert AsIs()(x) is x
