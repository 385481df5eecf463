from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from latentatlas.core import DataError
from latentatlas.data import (
    BEAT_CLASSES,
    AroundEvents,
    DropFlat,
    InsideSegments,
    MarkFlat,
    Signals,
    Windows,
    corpora,
    load_corpus,
    load_recordings,
    log_spectrum,
    read_table,
    window_statistics,
)
from latentatlas.data.transformations import UniformRotation, WindowSlide
from latentatlas.metrics import PredictionConsistency, draw_gallery, find_again, similarity_curve


def _npz(**arrays: object) -> bytes:
    target = io.BytesIO()
    np.savez(target, **{name: np.asarray(values) for name, values in arrays.items()})
    return target.getvalue()


def test_windows_of_beats_by_hand(install):
    """48 records of 1,000 samples; a peak at sample 500, and beats too near to the ends."""
    signal = np.zeros((2, 1000), np.int16)
    signal[1] = np.arange(1000) % 101
    signal[1, 500] = 600
    marks = {"ann_sample": [100, 400, 500, 500 + 372, 500 + 373], "ann_symbol": list("N+ANV")}
    record = _npz(sig=signal, sig_name=["V5", "MLII"], **marks)
    names = [file.short_name for file in corpora()["mitbih"].editions[0].files]
    install("mitbih", "prepared", dict.fromkeys(names, record))
    table = load_corpus("mitbih")
    assert len(table) == 2 * 48
    assert table.metadata["split"].tolist() == ["train"] * 44 + ["test"] * 44 + ["paced"] * 8
    assert (table.ids[:2].tolist(), table.label[:2].tolist()) == (["101:500", "101:872"], ["S", "N"])
    assert table.metadata["symbol"][:2].tolist() == ["A", "N"]
    assert set(table.metadata["lead"].tolist()) == {"MLII"}
    low, middle, high = np.percentile(signal[1], (1, 50, 99))
    np.testing.assert_allclose(table.x[0], (signal[1, 372:628] - middle) / (high - low), rtol=1e-6)
    assert (int(table.x[0].argmax()), table.columns[128]) == (128, "t0")
    test = load_corpus("mitbih", "test")
    assert test.ids.tolist() == table.ids[44:88].tolist()


def test_windows_of_movements_by_hand(install):
    """Two experiments of 300 and 200 samples; the first activity ends with the last sample of a window."""
    acc = np.arange(500)[:, None] + np.array([0, 1000, 2000])
    raw = {
        "acc": acc.astype(np.int16),
        "gyro": -acc.astype(np.int16),
        "acc_scale": 0.5,
        "gyro_scale": 0.25,
        "offsets": [0, 300, 500],
        "exp_id": [4, 7],
        "labels": [[4, 1, 2, 11, 202], [4, 1, 1, 203, 300], [7, 2, 1, 1, 129]],
        "activity_names": ["WALKING", "SITTING"],
        "train_users": [1],
    }
    install("hapt", "prepared", {"hapt_raw.npz": _npz(**raw)})
    table = load_corpus("hapt")
    assert table.ids.tolist() == ["4:10", "4:74", "7:0"], "98 samples are no window, 192 are two, 129 are one"
    assert table.label.tolist() == ["SITTING", "SITTING", "WALKING"]
    assert table.metadata["split"].tolist() == ["train", "train", "test"]
    windows = table.x.reshape(-1, *table.item_shape)
    np.testing.assert_array_equal(windows[1, 1], 0.5 * (1000 + np.arange(74, 202)))
    np.testing.assert_array_equal(windows[2, 3], -0.25 * np.arange(300, 428))
    assert table.columns[128] == "acceleration_y_0"


@pytest.fixture(scope="module")
def beats(data_home):
    """All beats."""
    return load_corpus("mitbih")


@pytest.mark.data
def test_the_real_beats(beats):
    edition = corpora()["mitbih"].edition()
    assert beats.x.shape == (edition.rows, edition.features)
    symbols = beats.metadata["symbol"]
    counts = {name: int((symbols == name).sum()) for name in "NLRV/A"}
    manifest = {"N": 75_052, "L": 8_075, "R": 7_259, "V": 7_130, "/": 7_028, "A": 2_546}
    missing = {name: manifest[name] - counts[name] for name in counts}
    assert min(missing.values()) >= 0
    assert sum(missing.values()) <= 43, "only beats near an end of their record are missing"
    records = {split: set(beats.metadata["record"][beats.metadata["split"] == split]) for split in ("train", "test")}
    assert [len(each) for each in records.values()] == [22, 22]
    assert {101, 230} < records["train"]
    assert {100, 234} < records["test"]
    assert set(beats.metadata["record"][beats.metadata["split"] == "paced"]) == {102, 104, 107, 217}
    assert set(beats.metadata["record"][beats.metadata["lead"] != "MLII"]) == {102, 104}


@pytest.mark.data
def test_the_real_beats_are_in_the_middle_of_their_windows(beats):
    normal = beats.x[(beats.metadata["symbol"] == "N") & (beats.metadata["split"] != "paced")]
    peak = np.abs(normal - np.median(normal, axis=1, keepdims=True)).argmax(axis=1)
    assert np.mean(np.abs(peak - 128) <= 10) > 0.9


@pytest.mark.data
def test_the_real_beats_from_the_ventricles_are_wider(beats):
    """A premature ventricular beat spreads slowly: more of its window is far from the baseline."""
    width = (np.abs(beats.x - np.median(beats.x, axis=1, keepdims=True)) > 0.3).mean(axis=1)
    training = beats.metadata["split"] == "train"
    assert np.median(width[training & (beats.label == "V")]) > 1.5 * np.median(width[training & (beats.label == "N")])


@pytest.mark.data
def test_the_real_movements(data_home):
    table = load_corpus("hapt")
    names = ["WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING"]
    counts = np.array([(table.label == name).sum() for name in names])
    manifest = np.array([1720, 1542, 1406, 1797, 1977, 1957])  # counted without the last sample of a segment
    assert (counts - manifest).tolist() == [2, 2, 1, 4, 2, 1]
    users = {split: set(table.metadata["user"][table.metadata["split"] == split]) for split in ("train", "test")}
    assert (len(users["train"]), len(users["test"]), users["train"] & users["test"]) == (21, 9, set())
    windows = table.x.reshape(-1, *table.item_shape)
    size = np.linalg.norm(windows[:, :3], axis=1)
    assert np.median(size) == pytest.approx(1.02, abs=0.02), "gravity"
    spread = {name: float(np.median(size[table.label == name].std(axis=1))) for name in names}
    assert min(spread[name] for name in names[:3]) > 5 * max(spread[name] for name in names[3:])
    upright = {name: float(np.median(windows[table.label == name, 0])) for name in ("STANDING", "LAYING")}
    assert upright["STANDING"] > 0.9 > 0.5 > upright["LAYING"]


@pytest.mark.data
def test_whole_records_give_the_beats_of_the_corpus(beats):
    """Two ways to one window: scaled within its record, in mV and in steps of the converter."""
    (record,) = [each.relabelled(BEAT_CLASSES) for each in load_recordings("mitbih", "test") if each.name == "100"]
    assert (record.rate, record.channels, len(record)) == (360.0, ("MLII", "V5"), 650_000)
    assert (record.subject, record.facts["split"]) == ("100", "test")
    assert 0.5 < np.percentile(record.signal[0], 99.5) < 2, "mV"
    table = Windows(256, placement=AroundEvents(at=128))([record.pick(["MLII"]).scaled()])
    known = beats.take(beats.metadata["record"] == 100)
    np.testing.assert_array_equal(np.array(table.label, str), np.array(known.label, str))
    np.testing.assert_array_equal(table.metadata["sample"] + 128, known.metadata["sample"])
    np.testing.assert_allclose(table.x, known.x, atol=1e-5)


@pytest.mark.data
def test_whole_experiments_give_the_windows_of_the_corpus(data_home):
    """The same bits, whichever way they are cut."""
    known = load_corpus("hapt")
    table = read_table("hapt", Signals(Windows(128, 64, placement=InsideSegments())))
    first, second = np.argsort(known.ids), np.argsort(table.ids)
    np.testing.assert_array_equal(known.ids[first], table.ids[second])
    np.testing.assert_array_equal(known.x[first], table.x[second])
    np.testing.assert_array_equal(known.label[first], table.label[second])
    np.testing.assert_array_equal(known.metadata["user"][first].astype(str), table.metadata["subject"][second])
    np.testing.assert_array_equal(known.metadata["split"][first], table.metadata["split"][second])
    assert (table.columns, table.item_shape) == (known.columns, known.item_shape)
    assert (table.name, table.pointer) == ("hapt", None), "the corpus alone would read other rows"


def test_records_of_corpora_that_have_none():
    with pytest.raises(DataError, match=r"'digits' holds no record.*mitbih"):
        load_recordings("digits")
    with pytest.raises(DataError, match=r"no split 'tset'. Did you mean 'test'"):
        load_recordings("mitbih", "tset")


@pytest.mark.slow
@pytest.mark.data
def test_the_spectrum_finds_slid_windows_less_the_more_there_are(data_home):
    """The trivial invariant, log(1 + |FFT|) of standardised windows of one lead, in two protocols.

    Windows of 1,080 samples slide by 300 and are searched among those that did not. With windows side by side, drawn
    at random, recall at 1 falls slowly for 1, 10 and 50 windows per record. With consecutive windows that overlap by
    half, the next window is nearly as near as the right one.
    """
    leads = [record.pick(["MLII"]) for record in load_recordings("mitbih", "test")]
    slide = WindowSlide(1080, after=300)

    def recall(table, rows) -> float:
        x = torch.from_numpy(table.x[rows].reshape(len(rows), 1, 1380))
        slid = slide.apply(x, torch.full((len(rows), 1), 300.0))
        return find_again(log_spectrum(slid.numpy()), log_spectrum(x[..., :1080].numpy()), ks=(1,)).recall[1]

    apart = Windows(1080, room=(0, 300), flat=DropFlat())(leads)
    rows = {m: draw_gallery(apart.metadata["record"], m) for m in (1, 10, 50)}
    assert [recall(apart, each) for each in rows.values()] == pytest.approx([0.818, 0.650, 0.538], abs=0.01)
    by_half = Windows(1080, 540, room=(0, 300), flat=MarkFlat())(leads)
    place = by_half.metadata["sample"] - 10_260
    near = [recall(by_half, np.flatnonzero((place >= 0) & (place < 540 * m))) for m in (1, 10, 50)]
    assert near == pytest.approx([0.818, 0.350, 0.267], abs=0.01)
    x = torch.from_numpy(apart.x[rows[10]].reshape(-1, 1, 1380))
    slid = slide.apply(x, torch.full((len(x), 1), 300.0)).numpy()
    z, record = log_spectrum(x[..., :1080].numpy()), apart.metadata["record"][rows[10]]
    curve = similarity_curve(z, {300.0: log_spectrum(slid)}, record)
    assert curve.similarity[0] > 0.95, "which alone would be called invariant"
    assert curve.other_records > 0.9, "but all records are as alike"


@pytest.mark.slow
@pytest.mark.data
def test_statistics_know_the_activity_until_the_phone_is_turned(data_home):
    """Six activities, official subjects, a random forest on window statistics: .93, and .32 in any position."""
    from sklearn.ensemble import RandomForestClassifier

    table = load_corpus("hapt")
    basic = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")
    table = table.take(np.isin(table.label, basic))
    train, test = (table.take(table.metadata["split"] == split) for split in ("train", "test"))
    items = torch.from_numpy(test.x.reshape(-1, *test.item_shape))
    turned = UniformRotation()(items, torch.Generator().manual_seed(0)).x
    forest = RandomForestClassifier(100, random_state=0)
    forest.fit(window_statistics(train.x.reshape(-1, *train.item_shape)), train.label)
    before, after = (forest.predict(window_statistics(each.numpy())) for each in (items, turned))
    assert np.mean(before == test.label) == pytest.approx(0.92, abs=0.02)
    assert np.mean(after == test.label) == pytest.approx(0.32, abs=0.03)
    assert PredictionConsistency()(before, after) == pytest.approx(0.32, abs=0.03)
