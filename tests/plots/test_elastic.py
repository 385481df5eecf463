from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.plots import elastic_figure, png_bytes


def test_counts_events_and_shares_are_drawn():
    share = np.array([[1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [1.0, 0.0, 0.0]])
    events = [{"step": 10, "kind": "split"}, {"step": 20, "kind": "merge"}, {"step": 20, "kind": "whole"}]
    figure = elastic_figure(np.array([0, 10, 20]), share, events, title="Codes")
    above, below = figure.axes
    assert above.get_title(loc="left") == "Codes: 1"
    assert [text.get_text() for text in above.get_legend().get_texts()] == ["split", "merge"]
    assert above.lines[0].get_ydata().tolist() == [1, 2, 1]
    assert len(below.collections) == 2  # the third slot was never used
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_bad_shares(unchecked: None):
    for step, share in ((np.zeros(0), np.zeros((0, 2))), (np.arange(3), np.ones((2, 2)))):
        with pytest.raises(ShapeError, match="elastic_figure wants a share for every review"):
            elastic_figure(step, share, [])
