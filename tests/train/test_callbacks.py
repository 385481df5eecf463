from __future__ import annotations

import io
import math

import numpy as np
import pytest
from rich.console import Console

from latentatlas.core import SpecError
from latentatlas.train import At, Callback, EarlyStop, History, Never, Progress, Silent


def stops_after(stop: EarlyStop, values: list[float]) -> int | None:
    """The number of logs until it stops."""
    stop.on_start(len(values))
    for step, value in enumerate(values):
        stop.on_log(step, {"held_out/recon": value})
        if stop.stop:
            return step + 1
    return None


def test_early_stop_waits_for_its_patience():
    assert stops_after(EarlyStop(patience=3, warmup=0), [1.0, 0.5, 0.5, 0.5, 0.5, 0.1]) == 5
    assert stops_after(EarlyStop(patience=3, warmup=0), [1.0, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4]) is None


def test_early_stop_counts_relative_improvements_of_any_sign():
    assert stops_after(EarlyStop(patience=2, tolerance=0.1, warmup=0), [1.0, 0.95, 0.92]) == 3
    assert stops_after(EarlyStop(patience=2, warmup=0), [-1.0, -1.0, -1.0]) == 3
    assert stops_after(EarlyStop(patience=2, warmup=0), [-1.0, -2.0, -3.0, -4.0]) is None
    assert stops_after(EarlyStop(patience=2, warmup=0), [0.0, 0.0, 0.0]) == 3


def test_early_stop_never_stops_in_the_warm_up():
    assert stops_after(EarlyStop(patience=1, warmup=0.5), [1.0] * 10) == 6


def test_early_stop_passes_over_terms_that_are_not_active_yet():
    assert stops_after(EarlyStop(patience=2, warmup=0), [math.nan] * 5 + [1.0, 1.0, 1.0]) == 8


def test_early_stop_forgets_earlier_fits():
    stop = EarlyStop(patience=2, warmup=0)
    assert stops_after(stop, [0.1, 0.1, 0.1]) == 3
    assert stops_after(stop, [5.0, 4.0, 3.0, 2.0]) is None


def test_early_stop_bad_input():
    with pytest.raises(SpecError, match="patience ≥ 1; got 0"):
        EarlyStop(patience=0)
    with pytest.raises(SpecError, match=r"'held_out/recon', not recorded\. Did you mean 'held_out/rekon'"):
        EarlyStop().on_log(0, {"loss": 1.0, "held_out/rekon": 1.0})


def test_null_objects_do_nothing():
    for hook in (Silent(), Never(), Callback()):
        hook.on_start(3)
        hook.on_step(0)
        hook.on_log(0, {"loss": 1.0})
        hook.on_end()
        assert hook.stop is False


def test_at_acts_once():
    calls: list[int] = []
    hook = At(2, lambda: calls.append(1))
    for step in range(5):
        hook.on_step(step)
    assert calls == [1]


def test_history_fills_gaps_with_nan():
    history = History()
    history.on_log(0, {"loss": 3.0})
    history.on_log(50, {"loss": 2.0, "value/map": 1.0})
    columns = history.columns()
    assert list(columns) == ["step", "loss", "value/map"]
    np.testing.assert_array_equal(columns["step"], [0, 50])
    np.testing.assert_array_equal(columns["value/map"], [np.nan, 1.0])
    assert all(column.dtype == np.float64 for column in columns.values())
    assert History().columns() == {}


@pytest.mark.parametrize("terminal", [True, False])
def test_progress(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    bar = Progress("Fitting digits", console=console)
    bar.on_start(10)
    for step in range(10):
        bar.on_step(step)
    bar.on_log(9, {"loss": 0.1234})
    bar.on_end()
    text = console.file.getvalue()
    assert "Fitting digits" in text
    assert "10/10" in text
    assert "loss 0.123" in text


def test_progress_that_never_started_can_end():
    Progress().on_end()
