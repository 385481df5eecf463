from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from latentatlas.core import DataError, SpecError
from latentatlas.data import InsideSegments, Signals, Windows, read_recording, read_table


@pytest.fixture
def wave() -> np.ndarray:
    return np.round(np.sin(np.arange(200) / 5 + np.array([[0.0], [1.0]])), 2)


@pytest.fixture
def record(tmp_path: Path, wave) -> Path:
    """A WFDB record of two leads at 250 Hz with two marks."""
    wfdb = pytest.importorskip("wfdb")
    leads = {"units": ["mV", "mV"], "sig_name": ["I", "II"], "fmt": ["16", "16"], "adc_gain": [1000.0] * 2}
    wfdb.wrsamp("r1", fs=250, p_signal=wave.T, baseline=[0, 0], write_dir=str(tmp_path), **leads)
    wfdb.wrann("r1", "atr", np.array([10, 120]), symbol=["N", "V"], write_dir=str(tmp_path))
    return tmp_path / "r1.hea"


def test_a_wfdb_record(record, wave):
    read = read_recording(record)
    assert (read.rate, read.channels, read.name) == (250.0, ("I", "II"), "r1")
    np.testing.assert_allclose(read.signal, wave, atol=1e-3)
    assert [column.tolist() for column in read.events] == [[10, 120], [11, 121], ["N", "V"]]
    assert read_recording(record, channels=["II"]).channels == ("II",)
    with pytest.raises(DataError, match=r"250 Hz; 100 Hz was asked for.*record.resampled\(100\)"):
        read_recording(record, rate=100)


def test_a_wfdb_record_is_a_source(record):
    table = read_table(str(record), Signals(Windows(50)))
    assert (len(table), table.item_shape, table.name) == (4, (2, 50), "r1")
    assert table.pointer == str(record)
    with pytest.raises(DataError, match=r"continuous record.*Signals\(Windows\(length=1000\)\).*--window 1000"):
        read_table(str(record))
    with pytest.raises(DataError, match="whole windows; got vector='I'"):
        read_table(str(record), Signals(Windows(50)), vector="I")


def test_a_damaged_wfdb_record(record):
    record.with_suffix(".dat").unlink()
    with pytest.raises(DataError, match=r"cannot read .*r1.hea as a WFDB record.*\.dat"):
        read_recording(record)


def test_the_extra_is_named(record, monkeypatch):
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(SpecError, match=r"package wfdb; it is not installed. .*latentatlas\[signals\]"):
        read_recording(record)


def test_arrays(tmp_path, wave):
    np.save(tmp_path / "a.npy", wave)
    np.savez(tmp_path / "b.npz", signal=wave, rate=50.0, channels=["x", "y"], other=np.arange(3))
    np.save(tmp_path / "c.npy", wave[0])
    np.savez(tmp_path / "d.npz", x=wave[0], fs=20)
    assert read_recording(tmp_path / "a.npy", rate=50).channels == ("channel0", "channel1")
    named = read_recording(tmp_path / "b.npz")
    assert (named.rate, named.channels, named.name) == (50.0, ("x", "y"), "b")
    assert read_recording(tmp_path / "c.npy", rate=50).signal.shape == (1, 200)
    assert read_recording(tmp_path / "d.npz").rate == 20
    with pytest.raises(DataError, match=r"'a' wants a rate; the file tells none.*--rate 100"):
        read_recording(tmp_path / "a.npy")
    np.save(tmp_path / "e.npy", wave.T)
    with pytest.raises(DataError, match=r"\(200, 2\), more channels than samples.*transposed"):
        read_recording(tmp_path / "e.npy", rate=50)
    (tmp_path / "f.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"cannot read .*f.npy"):
        read_recording(tmp_path / "f.npy", rate=1)


def test_a_table_with_times_has_a_rate_and_gaps(tmp_path, wave):
    frame = pandas.DataFrame(
        {"time": 7 + np.arange(200) / 50, "x": wave[0], "y": wave[1], "label": ["a"] * 80 + ["b"] * 120}
    )
    frame.drop(index=[100, 101]).to_csv(tmp_path / "s.csv", index=False)
    read = read_recording(tmp_path / "s.csv")
    assert (read.rate, read.channels, len(read)) == (50.0, ("x", "y"), 200)
    assert np.flatnonzero(np.isnan(read.signal[0])).tolist() == [100, 101]
    np.testing.assert_allclose(read.signal[:, 102:], wave[:, 102:], atol=1e-6)
    assert read.events.label.tolist() == ["a", "b", "b"]
    assert [read.events.start.tolist(), read.events.end.tolist()] == [[0, 80, 102], [80, 100, 200]]
    table = read_table(tmp_path / "s.csv", Signals(Windows(40, placement=InsideSegments())))
    assert table.ids.tolist() == ["s:0", "s:40", "s:102", "s:142"]


def test_times_that_are_no_clock(tmp_path):
    def write(times: list) -> Path:
        pandas.DataFrame({"time": times, "x": np.arange(len(times)) * 1.0}).to_csv(tmp_path / "t.csv", index=False)
        return tmp_path / "t.csv"

    with pytest.raises(DataError, match="rise in 'time'; sample 2 is not later"):
        read_recording(write([0.0, 1.0, 1.0, 2.0]))
    with pytest.raises(
        DataError, match=r"even pace; by 'time' the usual step is 1 s, but 1.5 s lie between samples 2 and 3"
    ):
        read_recording(write([0.0, 1.0, 2.0, 3.5, 4.5]))
    with pytest.raises(DataError, match="two or more times"):
        read_recording(write([0.0]))
    assert read_recording(write(["2020-01-01 00:00:00", "2020-01-01 00:00:02", "2020-01-01 00:00:04"])).rate == 0.5


def test_empty_cells_are_gaps_and_no_numbers_are_an_error(tmp_path):
    (tmp_path / "s.csv").write_text("x,y\n1,2\n,3\n4,5\n")
    assert np.isnan(read_recording(tmp_path / "s.csv", rate=1).signal).sum() == 1
    (tmp_path / "t.csv").write_text("name\nanna\n")
    with pytest.raises(DataError, match="columns of numbers with a row for each sample"):
        read_recording(tmp_path / "t.csv", rate=1)


def test_a_folder_of_records(tmp_path, wave):
    for name in ("b", "a"):
        np.save(tmp_path / f"{name}.npy", wave + ord(name))
    table = read_table(tmp_path, Signals(Windows(100), rate=50))
    assert table.ids.tolist() == ["a:0", "a:100", "b:0", "b:100"]
    assert table.name == tmp_path.name
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"a folder of records; .*empty holds none"):
        read_table(tmp_path / "empty", Signals(Windows(100), rate=50))


def test_arrays_frames_and_recordings_in_memory(tmp_path, wave):
    by_array = read_table(wave, Signals(Windows(50), rate=10))
    by_frame = read_table(pandas.DataFrame({"p": wave[0], "q": wave[1]}), Signals(Windows(50), rate=10))
    np.testing.assert_array_equal(by_array.x, by_frame.x)
    assert by_frame.columns[50] == "q_0"
    np.save(tmp_path / "a.npy", wave)
    recordings = [read_recording(tmp_path / "a.npy", rate=10)]
    np.testing.assert_array_equal(read_table(recordings, Signals(Windows(50))).x, by_array.x)
    with pytest.raises(DataError, match="how recordings are cut"):
        read_table(recordings)
    with pytest.raises(DataError, match="at 20 Hz; 'a' has 10 Hz"):
        read_table(recordings, Signals(Windows(50), rate=20))
