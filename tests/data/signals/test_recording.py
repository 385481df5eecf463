from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data import Events, Recording


def test_resampling_keeps_a_slow_wave_and_moves_the_events():
    time = np.arange(1000) / 100
    wave = Recording(
        np.sin(2 * np.pi * time)[None],
        rate=100,
        name="a",
        events=Events(np.array([200]), np.array([400]), np.array(["w"])),
    )
    half = wave.resampled(50)
    assert (half.rate, len(half)) == (50.0, 500)
    np.testing.assert_allclose(half.signal[0, 20:-20], np.sin(2 * np.pi * np.arange(500) / 50)[20:-20], atol=1e-2)
    assert (half.events.start.tolist(), half.events.end.tolist()) == ([100], [200])
    assert len(wave.resampled(360)) == 3600


def test_resampling_keeps_gaps_and_lets_nothing_leak_out_of_them():
    signal = np.ones((2, 100))
    signal[0, 40:60] = np.nan
    half = Recording(signal, rate=10, name="a").resampled(5)
    assert np.flatnonzero(np.isnan(half.signal[0])).tolist() == list(range(20, 30))
    np.testing.assert_allclose(half.signal[1], 1, atol=1e-3)
    np.testing.assert_allclose(half.signal[0][~np.isnan(half.signal[0])], 1, atol=1e-3)


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf])
def test_rates_that_are_none(rate):
    with pytest.raises(SpecError, match="rate above 0 Hz"):
        Recording(np.zeros((1, 4)), rate=rate, name="a")
    with pytest.raises(SpecError, match="rate above 0 Hz"):
        Recording(np.zeros((1, 4)), rate=1, name="a").resampled(rate)
    with pytest.raises(SpecError, match="too uneven"):
        Recording(np.zeros((1, 4)), rate=1e9, name="a").resampled(np.pi)


def test_signals_that_are_none():
    with pytest.raises(ShapeError, match=r"'a' wants numbers as \(channels, time\).*\(4,\)"):
        Recording(np.zeros(4), rate=1, name="a")
    with pytest.raises(ShapeError, match="channels"):
        Recording(np.array([["x"]]), rate=1, name="a")
    with pytest.raises(DataError, match="'channel1' is infinite at sample 2"):
        Recording(np.array([[0, 0, 0], [0, 0, np.inf]]), rate=1, name="a")
    with pytest.raises(ShapeError, match="2 channels, 1 names"):
        Recording(np.zeros((2, 4)), rate=1, name="a", channels=("x",))
    with pytest.raises(DataError, match="names that differ; got x, x"):
        Recording(np.zeros((2, 4)), rate=1, name="a", channels=("x", "x"))


def test_events_that_do_not_fit():
    with pytest.raises(DataError, match=r"inside its 4 samples.*event 1 goes from 4 to 5"):
        Recording(np.zeros((1, 4)), rate=1, name="a", events=Events.marks([3, 4], ["N", "N"]))
    with pytest.raises(ShapeError, match="1, 1, 2"):
        Recording(np.zeros((1, 4)), rate=1, name="a", events=Events.marks([3], ["N", "N"]))


def test_segments_of_a_column():
    events = Events.segments(np.array(["", "a", "a", None, "b"], object))
    assert [column.tolist() for column in events] == [[1, 4], [3, 5], ["a", "b"]]


def test_channels_are_picked_in_order_and_unknown_ones_suggested():
    record = Recording(np.arange(6).reshape(2, 3), rate=1, name="a", channels=("MLII", "V5"))
    assert record.pick(["V5", "MLII"]).signal[:, 0].tolist() == [3, 0]
    with pytest.raises(DataError, match=r"'a' has no channel 'MLI'. Did you mean 'MLII'"):
        record.pick(["MLI"])


def test_labels_are_put_into_classes():
    record = Recording(np.zeros((1, 9)), rate=1, name="a", events=Events.marks([1, 3, 5], ["N", "+", "V"]))
    assert [column.tolist() for column in record.relabelled({"N": "n", "V": "v"}).events] == [
        [1, 5],
        [2, 6],
        ["n", "v"],
    ]
    assert len(record.relabelled({}).events.label) == 0


def test_a_constant_channel_is_scaled_to_zero():
    scaled = Recording(np.stack([np.full(50, 7.0), np.arange(50.0)]), rate=1, name="a").scaled().signal
    assert not scaled[0].any()
    assert scaled[1].max() - scaled[1].min() == pytest.approx(49 / 48.02, rel=1e-3)
