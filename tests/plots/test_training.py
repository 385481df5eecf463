from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import MissingInput
from latentatlas.plots import png_bytes, training_figure

STEP = np.arange(0, 500, 50)


@pytest.fixture
def history() -> dict[str, np.ndarray]:
    return {
        "step": STEP,
        "loss": np.geomspace(10, 0.1, 10),
        "held_out/loss": np.where(STEP % 100 == 0, 1.0, np.nan),
        "value/recon": np.geomspace(1, 0.01, 10),
        "value/hsic": np.linspace(-0.1, 0.1, 10),
        "weight/recon": np.ones(10),
        "weight/hsic": np.linspace(0, 1, 10),
        "share/recon": np.full(10, 0.7),
        "share/hsic": np.full(10, 0.3),
    }


def _charts(figure) -> dict:
    return {axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_visible()}


def test_one_chart_each(history):
    assert list(_charts(training_figure(history))) == ["Loss", "recon", "hsic", "Weights", "Gradient shares"]


def test_logarithmic_only_where_it_can_be_and_helps(history):
    charts = _charts(training_figure(history))
    assert charts["recon"].get_yscale() == "log"
    assert charts["hsic"].get_yscale() == charts["Weights"].get_yscale() == "linear"


def test_entries_that_were_not_logged_are_skipped(history):
    held_out = _charts(training_figure(history))["Loss"].lines[1]
    assert held_out.get_xdata().tolist() == STEP[::2].tolist()


def test_a_term_has_one_colour_everywhere(history):
    charts = _charts(training_figure(history))
    weights = {line.get_label(): line.get_color() for line in charts["Weights"].lines}
    assert weights == {"recon": charts["recon"].lines[0].get_color(), "hsic": charts["hsic"].lines[0].get_color()}


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_short_histories(history, rows):
    short = {name: column[:rows] for name, column in history.items()}
    assert png_bytes(training_figure(short), dpi=40)[:4] == b"\x89PNG"


@pytest.mark.parametrize("columns", [["loss"], ["step"], []])
def test_nothing_to_draw(history, columns):
    with pytest.raises(MissingInput, match="wants `step` and at least one of loss"):
        training_figure({name: history[name] for name in columns})
