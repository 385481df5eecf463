from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError
from latentatlas.metrics import similarity_curve
from latentatlas.plots import blocks_figure, png_bytes, similarity_figure


def test_every_method_has_its_curve_and_its_controls(rng):
    z, record = rng.normal(size=(8, 4)), np.repeat(["a", "b"], 4)
    curve = similarity_curve(z, {0.0: z, 10.0: z + rng.normal(size=z.shape)}, record)
    figure = similarity_figure({"one": curve, "two": curve}, title="Shift")
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), curve.similarity)
    heights = [float(line.get_ydata()[0]) for line in right.lines[:4]]
    assert heights == pytest.approx([curve.other_records, curve.similarity[-1], curve.other_records, curve.same_record])
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["one", "two"]
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_a_curve_without_controls_is_refused(rng):
    z = rng.normal(size=(4, 3))
    curve = similarity_curve(z, {0.0: z}, np.array(list("aabb")))
    with pytest.raises(DataError, match="'one' has none"):
        similarity_figure({"one": curve._replace(other_records=np.nan)})
    with pytest.raises(DataError, match="one curve or more"):
        similarity_figure({})


def test_blocks_lie_on_their_principal_axes(rng):
    wide = np.stack([rng.normal(size=50), 9 * np.linspace(-1, 1, 50), np.zeros(50)], axis=1)
    figure = blocks_figure({"variant": wide, "one": wide[:, :1], "none": wide[:, :0]}, wide[:, 1], name="shift")
    first, second, bar = figure.axes
    places = first.collections[0].get_offsets()
    assert abs(np.corrcoef(places[:, 0], wide[:, 1])[0, 1]) > 0.99
    assert not second.collections[0].get_offsets()[:, 1].any()
    assert bar.get_ylabel() == "shift"
    assert [axes.get_title(loc="left") for axes in (first, second)] == ["variant, 3 axes", "one, 1 axis"]


def test_colours_of_an_angle_close_a_circle(rng):
    angle = np.array([-180.0, 180.0, 540.0, 0.0, 360.0, 90.0, -90.0])
    figure = blocks_figure({"variant": rng.normal(size=(7, 2))}, angle, period=360.0, sizes={"variant": 24})
    axes, bar = figure.axes
    png_bytes(figure)
    colours = axes.collections[0].get_facecolors()
    half, none = colours[0], colours[3]
    np.testing.assert_allclose(colours[1:3], [half, half])
    np.testing.assert_allclose(colours[4], none)
    assert np.abs(colours[5] - colours[6]).max() > 0.3
    assert np.abs(half - none).max() > 0.3
    assert bar.get_yticks().tolist() == [-180, -90, 0, 90, 180]
    assert axes.get_title(loc="left") == "variant, 24 axes"


def test_blocks_that_cannot_be_drawn():
    with pytest.raises(ShapeError, match="'a' has 3 rows, 2"):
        blocks_figure({"a": np.ones((3, 2))}, np.ones(2))
    with pytest.raises(DataError, match="a block with an axis"):
        blocks_figure({"a": np.ones((3, 0))}, np.ones(3))
