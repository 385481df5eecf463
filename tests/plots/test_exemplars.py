from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from latentatlas.core import ShapeError
from latentatlas.plots import exemplars_figure, strip_png


def _pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 1), (2, 1, 3, 4), (2, 3, 4, 3), (2, 3, 3, 4)])
def test_strip_is_the_images_side_by_side(rng, shape):
    assert _pixels(strip_png(rng.random(shape))).shape == (3, 4 + 1 + 4, 3)


def test_strip_runs_from_black_to_white():
    images = np.stack([np.full((2, 2), -5.0), np.full((2, 2), 7.0)])
    pixels = _pixels(strip_png(images))
    assert (pixels[:, :2] == 0).all()
    assert (pixels[:, 3:] == 255).all()


def test_channels_first_equals_channels_last(rng):
    images = rng.random((2, 5, 6, 3))
    assert strip_png(images) == strip_png(np.moveaxis(images, -1, 1))


def test_figure_has_a_name_per_row_and_room_for_the_longest(rng):
    figure = exemplars_figure([rng.random((2, 8, 8)), rng.random((5, 8, 8))], labels=["a", "b"])
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]
    assert axes.images[0].get_array().shape == (2 * 9, 5 * 9, 3)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ([np.zeros((1, 4, 4))], ["a", "b"], "1 rows and 2 names"),
        ([], [], "0 rows"),
        ([np.zeros((1, 4, 4)), np.zeros((1, 5, 5))], ["a", "b"], "one size"),
        ([np.zeros((3, 16))], ["a"], r"got shape \(3, 16, *\)|got shape \(3, 16\)"),
        ([np.zeros((0, 4, 4))], ["a"], "got shape"),
    ],
)
def test_bad_input(images, labels, message):
    with pytest.raises(ShapeError, match=message):
        exemplars_figure(images, labels=labels)
