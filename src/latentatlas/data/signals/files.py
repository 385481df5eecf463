"""One file to a `Recording`: WFDB records, arrays, and tables with a row for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.core import DataError, SpecError, require_extra
from latentatlas.data.files import Columns, file_format, read_file, stem
from latentatlas.data.signals.recording import Events, Recording

__all__ = ["RECORD_SUFFIX", "read_recording", "recording_files", "recording_of_columns"]

RECORD_SUFFIX = ".hea"

_TIMES = ("time", "t", "seconds", "timestamp")
_ARRAYS = ("signal", "signals", "x", "X", "data")
_RATES = ("rate", "fs", "sampling_rate")
_LABEL = "label"
_UNEVEN = 0.25  # of a step: how far a sample may lie from its place
_LARGEST = 2**28  # samples that a gap in the times may make


def read_recording(path: str | Path, *, rate: float | None = None, channels: Sequence[str] = ()) -> Recording:
    """The record in a file; it is called like the file.

    A WFDB record (`.hea` beside its `.dat`; extra `signals`) knows its rate and channels; marks of an `.atr` file
    beside it become events. An array (`.npy`, or in `.npz` the one called signal, x or data) is (channels, time) or
    (time,); in `.npz` it may have `rate` and `channels` beside it. A table (`.csv`, `.parquet`, …) has a row for each
    sample and a column for each channel; a column of times (time, t, seconds, timestamp; in seconds, or dates) gives
    the rate, and where a step is missing in it there is a gap; a column called label gives segments.

    Args:
        path: of the file.
        rate: Hz; needed where the file does not tell it, and compared where it does.
        channels: those to read, in this order; all if empty.

    Raises:
        DataError: if the file is damaged, tells no rate or another one, lacks a channel, or times do not rise evenly.
        ShapeError: if it holds no (channels, time).
        SpecError: if the extra is not installed.
    """
    path = Path(path).expanduser()
    if path.suffix == RECORD_SUFFIX:
        recording = _read_wfdb(path, rate)
    elif path.suffix == ".npy":
        recording = _of_array(_load_npy(path), stem(path), rate, ())
    else:
        recording = recording_of_columns(read_file(path), stem(path), rate=rate)
    return recording.pick(channels) if channels else recording


def recording_files(folder: Path) -> list[Path]:
    """The records of a folder by name: its WFDB headers, or else its arrays and tables.

    Raises:
        DataError: if there are none.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found = [path for path in files if path.suffix == RECORD_SUFFIX] or [path for path in files if file_format(path)]
    if not found:
        raise DataError(
            f"Signals wants a folder of records; {folder} holds none. Known: {RECORD_SUFFIX} (WFDB), .npy, .npz, .csv, "
            ".parquet."
        )
    return found


def recording_of_columns(columns: Columns, name: str, *, rate: float | None = None) -> Recording:
    """The record in named columns: one array of samples, or a column for each channel; see `read_recording`.

    >>> columns = {"time": np.array([0.0, 0.5, 1.5]), "x": np.array([1.0, 2.0, 4.0])}
    >>> record = recording_of_columns(columns, "a")
    >>> record.rate, record.signal.tolist()
    (2.0, [[1.0, 2.0, nan, 4.0]])

    Raises:
        DataError: if there are no numbers, no rate is told or another one, or times do not rise evenly.
    """
    known = next((float(columns[each]) for each in _RATES if each in columns and np.ndim(columns[each]) == 0), None)
    array = next((columns[each] for each in _ARRAYS if each in columns and np.ndim(columns[each]) == 2), None)
    if array is not None or any(each in columns and known is not None for each in _ARRAYS):
        values = array if array is not None else next(columns[each] for each in _ARRAYS if each in columns)
        names = columns.get("channels", np.empty(0, str))
        return _of_array(values, name, _one_rate(name, known, rate), tuple(str(each) for each in names.tolist()))
    return _of_table(columns, name, rate)


def _of_array(values: np.ndarray, name: str, rate: float | None, channels: tuple[str, ...]) -> Recording:
    signal = values[None] if values.ndim == 1 else values
    if signal.ndim == 2 and signal.shape[0] > signal.shape[1]:
        raise DataError(
            f"Recording {name!r} wants an array (channels, time); got {signal.shape}, more channels than samples. If "
            "time runs down the rows, save the transposed array."
        )
    return Recording(signal, _one_rate(name, None, rate), name, channels=channels)


def _of_table(columns: Columns, name: str, rate: float | None) -> Recording:
    clock = next((each for each in columns if each.lower() in _TIMES), None)
    numbers = {
        each: values
        for each, values in columns.items()
        if each not in (clock, _LABEL) and values.ndim == 1 and values.dtype.kind in "biuf"
    }
    lengths = {len(values) for values in numbers.values()}
    if len(lengths) != 1:
        raise DataError(
            f"Recording {name!r} wants columns of numbers with a row for each sample; there are "
            f"{', '.join(columns) or 'none'}, of {len(lengths)} lengths. Leave one column per channel."
        )
    signal = np.stack([values.astype(np.float32) for values in numbers.values()])
    label = columns.get(_LABEL)
    if clock is None:
        known, place = _one_rate(name, None, rate), np.arange(signal.shape[1])
    else:
        told, place = _paced(columns[clock], name, clock)
        known = _one_rate(name, told, rate)
    whole = np.full((len(signal), int(place[-1]) + 1), np.nan, np.float32)
    whole[:, place] = signal
    events = Events.none()
    if label is not None and label.ndim == 1 and len(label) == len(place):
        column = np.full(whole.shape[1], None, object)
        column[place] = label
        events = Events.segments(column)
    return Recording(whole, known, name, channels=tuple(numbers), events=events)


def _paced(times: np.ndarray, name: str, clock: str) -> tuple[float, np.ndarray]:
    """The rate that times tell, and the place of every sample on the even grid that it makes."""
    if times.dtype.kind == "M":
        times = (times - times[0]) / np.timedelta64(1, "s")
    if times.dtype.kind not in "biuf" or len(times) < 2 or not np.isfinite(times.astype(np.float64)).all():
        raise DataError(
            f"Recording {name!r} wants two or more times (seconds, or dates) in {clock!r}; got {times.dtype}. Give "
            "every sample a time, or take the column out and pass a rate."
        )
    steps = np.diff(times.astype(np.float64))
    if (steps <= 0).any():
        raise DataError(
            f"Recording {name!r} wants times that rise in {clock!r}; sample {int((steps <= 0).argmax()) + 1} is not "
            "later than the one before. Sort the rows, and drop those that occur twice."
        )
    step = float(np.quantile(steps, 0.5, method="lower"))
    ahead = np.round(steps / step).astype(np.int64)
    uneven = np.abs(steps / step - ahead) > _UNEVEN
    if uneven.mean() > 0.01 or (ahead < 1).any() or ahead.sum() > _LARGEST:
        first = int((uneven | (ahead < 1)).argmax())
        raise DataError(
            f"Recording {name!r} wants samples at an even pace; by {clock!r} the usual step is {step:.6g} s, but "
            f"{steps[first]:.6g} s lie between samples {first} and {first + 1}. Bring them to an even pace first "
            "(pandas: resample)."
        )
    rate = 1 / float(steps[ahead == 1].mean())
    nearest = round(rate)
    return (float(nearest) if nearest and abs(rate / nearest - 1) < 1e-3 else rate), np.append(0, np.cumsum(ahead))


def _one_rate(name: str, told: float | None, given: float | None) -> float:
    if told is None and given is None:
        raise DataError(
            f"Recording {name!r} wants a rate; the file tells none. Pass it in Hz: rate=100 (Signals(windows, "
            "rate=100), --rate 100), or add a column of times."
        )
    if told is not None and given is not None and abs(told / given - 1) > 1e-3:
        raise DataError(
            f"Recording {name!r} has a rate of {told:g} Hz; {given:g} Hz was asked for. Leave the rate out, or bring "
            f"the record to it: record.resampled({given:g})."
        )
    rate = told if told is not None else given
    assert rate is not None
    return float(rate)


def _load_npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"Signals cannot read {path} as an array of numbers: {error}. Write it again.") from error


def _read_wfdb(path: Path, rate: float | None) -> Recording:
    wfdb = require_extra("wfdb", "signals", who=f"Reading {path.name}")
    place = str(path.with_suffix(""))
    try:
        record: Any = wfdb.rdrecord(place)
        notes = wfdb.rdann(place, "atr") if path.with_suffix(".atr").is_file() else None
    except Exception as error:  # the library raises whatever its parsers stumble over
        raise DataError(
            f"Signals cannot read {path} as a WFDB record: {error}. Keep its .dat files beside it, or get it again."
        ) from error
    if record.p_signal is None or not record.p_signal.size:
        raise DataError(f"Signals wants samples in {path}; the record has none. Get its .dat files, too.")
    names = [str(each) for each in record.sig_name]
    channels = tuple(name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names))
    events = Events.none()
    if notes is not None:
        inside = (notes.sample >= 0) & (notes.sample < len(record.p_signal))
        events = Events.marks(notes.sample[inside], np.array(notes.symbol)[inside])
    told = _one_rate(path.stem, float(record.fs), rate)
    if not told > 0:
        raise SpecError(f"Recording {path.stem!r} wants a rate above 0 Hz; {path} says {told}. Correct the header.")
    return Recording(record.p_signal.T, told, path.stem, channels=channels, events=events)
