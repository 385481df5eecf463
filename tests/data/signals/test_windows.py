from __future__ import annotations

import numpy as np
import pytest

from latentatlas.build import build
from latentatlas.core import DataError, SpecError, to_spec
from latentatlas.data import (
    AroundEvents,
    DropFlat,
    Events,
    InsideSegments,
    InterpolatedGaps,
    MarkFlat,
    NearestEvent,
    Recording,
    Signals,
    Windows,
    hold_out_groups,
    read_table,
)


def _ramp(length: int = 20, name: str = "a", **known) -> Recording:
    signal = np.stack([np.arange(length), 100 + np.arange(length) ** 1.5])
    return Recording(signal, rate=10, name=name, channels=("x", "y"), **known)


def test_windows_by_hand():
    table = Windows(4, 3)(
        [_ramp(10, subject="s", facts={"split": "train"}), _ramp(8, "b", subject="t", facts={"split": "test"})]
    )
    assert table.ids.tolist() == ["a:0", "a:3", "a:6", "b:0", "b:3"]
    assert table.x[1].tolist() == [*range(3, 7), *(100 + np.arange(3, 7, dtype=np.float32) ** 1.5).astype(np.float32)]
    assert (table.item_shape, table.item_axes, table.columns[4]) == ((2, 4), ("channel", "time"), "y_0")
    assert table.metadata["subject"].tolist() == ["s"] * 3 + ["t"] * 2
    assert table.metadata["split"].tolist() == ["train"] * 3 + ["test"] * 2
    assert table.metadata["sample"].tolist() == [0, 3, 6, 0, 3]


def test_room_holds_the_record_around_the_window():
    table = Windows(4, room=(2, 3))([_ramp(20)])
    assert table.ids.tolist() == ["a:2", "a:6", "a:10"], "the next would need samples up to 21"
    assert table.x.reshape(-1, 2, 9)[1, 0].tolist() == list(range(4, 13))


def test_no_window_crosses_a_gap():
    record = _ramp(20)
    record.signal[1, 9] = np.nan
    assert Windows(4, 2)([record]).ids.tolist() == ["a:0", "a:2", "a:4", "a:10", "a:12", "a:14", "a:16"]
    bridged = Windows(4, 2, gaps=InterpolatedGaps(1))([record])
    assert len(bridged) == 9
    item = bridged.x.reshape(-1, 2, 4)[3]
    assert item[1, 3] == pytest.approx((record.signal[1, 8] + record.signal[1, 10]) / 2)
    record.signal[0, 9:11] = np.nan
    assert Windows(4, 2, gaps=InterpolatedGaps(1))([record]).ids.tolist()[3] == "a:11"


def test_windows_lie_inside_segments_and_gaps_cut_segments():
    events = Events(np.array([2, 12]), np.array([9, 20]), np.array(["walk", "sit"]))
    record = _ramp(20, events=events)
    table = Windows(4, 3, placement=InsideSegments())([record])
    assert (table.ids.tolist(), table.label.tolist()) == (
        ["a:2", "a:5", "a:12", "a:15"],
        ["walk", "walk", "sit", "sit"],
    )
    record.signal[0, 13] = np.nan
    assert Windows(4, 3, placement=InsideSegments())([record]).ids.tolist() == ["a:2", "a:5", "a:14"]
    with_room = Windows(4, 3, room=(3, 0), placement=InsideSegments())([_ramp(20, events=events)])
    assert with_room.ids.tolist() == ["a:3", "a:12", "a:15"], "three samples must come before the first"


def test_windows_around_events_and_labels_of_the_nearest():
    record = _ramp(20, events=Events.marks([1, 5, 18], ["N", "V", "A"]))
    around = Windows(6, placement=AroundEvents(at=3))([record])
    assert (around.ids.tolist(), around.label.tolist()) == (["a:2"], ["V"])
    nearest = Windows(4, placement=NearestEvent())([record])
    assert nearest.label.tolist() == ["N", "V", "V", "A", "A"], "middles 2, 6, 10, 14, 18"
    single = Windows(4, placement=NearestEvent())([_ramp(20, events=Events.marks([5], ["V"]))])
    assert single.label.tolist() == ["V"] * 5


def test_a_record_shorter_than_the_window_is_named():
    with pytest.raises(DataError, match=r"at least 30 samples \(a window of 30\); record 'b' has 20 \(2 s at 10 Hz\)"):
        Windows(30)([_ramp(40), _ramp(20, "b")])
    with pytest.raises(DataError, match="with its room of 15"):
        Windows(10, room=(5, 10))([_ramp(20)])


def test_different_rates_are_refused_with_the_cure():
    other = Recording(np.random.default_rng(0).normal(size=(2, 40)), rate=20, name="b", channels=("x", "y"))
    with pytest.raises(DataError, match=r"'a' has 10 Hz, 'b' has 20 Hz.*record.resampled\(10\) for record"):
        Windows(4)([_ramp(), other])
    assert len(Windows(4)([_ramp(), other.resampled(10)])) == 10


def test_records_that_are_not_alike():
    with pytest.raises(DataError, match="at least one record"):
        Windows(4)([])
    with pytest.raises(DataError, match=r"'a' has x, y, 'b' has x. Choose with record.pick"):
        Windows(4)([_ramp(), _ramp(20, "b").pick(["x"])])
    with pytest.raises(DataError, match="'a' occurs more than once"):
        Windows(4)([_ramp(), _ramp()])
    with pytest.raises(DataError, match=r"have none \(InsideSegments, SplitAtGaps"):
        Windows(4, placement=InsideSegments())([_ramp()])


def test_flat_windows_are_refused_dropped_or_marked():
    record = _ramp(12)
    record.signal[1, 4:8] = 3
    with pytest.raises(
        DataError, match=r"1 of 3 windows have a constant one, the first is a:4 .*channel 'y'.*DropFlat"
    ):
        Windows(4)([record])
    assert Windows(4, flat=DropFlat())([record]).ids.tolist() == ["a:0", "a:8"]
    assert Windows(4, flat=MarkFlat())([record]).metadata["flat"].tolist() == [0, 1, 0]
    record.signal[0] = 0
    with pytest.raises(DataError, match="all 3 have a constant channel"):
        Windows(4, flat=DropFlat())([record])


@pytest.mark.parametrize("form", [(0, None, (0, 0)), (4, 0, (0, 0)), (4, 1, (-1, 0))])
def test_forms_that_are_none(form):
    with pytest.raises(SpecError, match="Pass samples"):
        Windows(*form)


def test_the_specification_comes_back():
    reader = Signals(
        Windows(4, 2, room=(1, 2), placement=AroundEvents(3), gaps=InterpolatedGaps(2), flat=MarkFlat()), rate=10.0
    )
    assert build(to_spec(reader)) == reader
    table = read_table(_ramp(), Signals(Windows(4)), nuisance="record")
    assert build(table.reading["reader"]) == Signals(Windows(4))
    assert table.nuisance["record"].tolist() == ["a"] * 5


def test_groups_are_held_out_whole():
    records = [_ramp(20, name, subject=name[0]) for name in ("a1", "a2", "b1", "c1", "c2")]
    train, test = hold_out_groups(Windows(4)(records), "subject", share=0.34)
    assert set(train.metadata["subject"]).isdisjoint(test.metadata["subject"])
    assert len(set(test.metadata["subject"])) == 1
    assert len(train) + len(test) == 25
    again = hold_out_groups(Windows(4)(records), "subject", share=0.34)
    assert again.test.ids.tolist() == test.ids.tolist()


def test_splits_that_are_none():
    table = Windows(4)([_ramp()])
    with pytest.raises(DataError, match="the place of each window"):
        hold_out_groups(table, "sample")
    with pytest.raises(DataError, match=r"no column 'recrd'. Did you mean 'record'"):
        hold_out_groups(table, "recrd")
    with pytest.raises(DataError, match="two groups or more in 'record'; got 1"):
        hold_out_groups(table, "record")
    with pytest.raises(SpecError, match="share between 0 and 1; got 1"):
        hold_out_groups(table, "record", share=1)
