"""Signals: beats of the MIT-BIH Arrhythmia Database, and movements of HAPT. Rows are windows, channel after channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from jaxtyping import Float

from latentatlas.data.corpora.corpus import Corpus, Edition, as_text
from latentatlas.data.corpora.heart_records import HEART_FILES
from latentatlas.data.download import CorpusFile, Files
from latentatlas.data.signals import Events, Recording
from latentatlas.data.table import Table

__all__ = ["BEAT_CLASSES", "SIGNALS", "SignalReader"]

_HALF = 128  # samples on each side of a beat
_LEAD = "MLII"
BEAT_CLASSES = {
    **dict.fromkeys("NLRej", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VE", "V"),
    **dict.fromkeys("F", "F"),
    **dict.fromkeys("/fQ", "Q"),
}
"""AAMI EC57: annotations of beats and the class of each; other annotations are no beats."""

_PACED = frozenset((102, 104, 107, 217))
_TRAINING = frozenset(
    (101, 106, 108, 109, 112, 114, 115, 116, 118, 119, 122, 124, 201, 203, 205, 207, 208, 209, 215, 220, 223, 230)
)
_WINDOW, _STRIDE = 128, 64
_HEART_RATE, _MOVEMENT_RATE = 360.0, 50.0
_SAME_PERSON = {202: 201}
_CHANNELS = tuple(f"{sensor}_{axis}" for sensor in ("acceleration", "rotation") for axis in "xyz")


def _read_beats(files: Files, part: str | None) -> Table:
    """Windows of 256 samples (.71 s at 360 Hz) with the annotated beat at sample 128.

    One lead per record: MLII, or the first where there is none (102 and 104, both paced). Units: (signal - median) /
    (99th - 1st percentile), all of the whole record, so amplitudes are comparable between electrodes and an artefact
    cannot set the scale. The 43 beats within 128 samples of an end of their record are left out.
    """
    records = _records(files, part)
    windows, symbols, samples, leads = zip(*(_beats(files[f"{record}.npz"]) for record in records), strict=True)
    counts = [len(each) for each in symbols]
    symbol, sample = np.concatenate(symbols), np.concatenate(samples)
    record = np.repeat(records, counts)
    return Table(
        np.concatenate(windows),
        columns=tuple(f"t{sample}" for sample in range(-_HALF, _HALF)),
        ids=np.char.add(np.char.add(record.astype(str), ":"), sample.astype(str)),
        label=np.array([BEAT_CLASSES[each] for each in symbol.tolist()]),
        metadata={
            "split": np.repeat([_split(record) for record in records], counts),
            "record": record.astype(np.int64),
            "sample": sample.astype(np.int64),
            "symbol": as_text(symbol.tolist()),
            "lead": as_text(np.repeat(leads, counts).tolist()),
        },
        item_shape=(1, 2 * _HALF),
        item_axes=("channel", "time"),
    )


def _split(record: int) -> str:
    """DS1 of de Chazal is for training, DS2 for testing; records of paced hearts are in neither."""
    return "paced" if record in _PACED else "train" if record in _TRAINING else "test"


def _beats(path: Path) -> tuple[Float[np.ndarray, "n features"], np.ndarray, np.ndarray, str]:
    """Windows, symbols and sample numbers of the beats of a record, and the lead they come from."""
    heart = _heart(path)
    leads, symbols, samples = heart.leads, heart.symbols, heart.samples
    number = leads.index(_LEAD) if _LEAD in leads else 0
    signal = heart.signal[number]
    kept = np.isin(symbols, list(BEAT_CLASSES)) & (samples >= _HALF) & (samples <= len(signal) - _HALF)
    low, middle, high = np.percentile(signal, (1, 50, 99))
    windows = np.lib.stride_tricks.sliding_window_view(signal, 2 * _HALF)[samples[kept] - _HALF]
    return ((windows - middle) / (high - low)).astype(np.float32), symbols[kept], samples[kept], leads[number]


def _read_hearts(files: Files, part: str | None) -> list[Recording]:
    """Whole records in mV at 360 Hz, both leads, with all annotations as marks; 202 is the same person as 201."""
    recordings = []
    for record in _records(files, part):
        heart = _heart(files[f"{record}.npz"])
        recordings.append(
            Recording(
                (heart.signal - heart.baseline[:, None]) / heart.gain[:, None],
                heart.rate,
                str(record),
                subject=str(_SAME_PERSON.get(record, record)),
                channels=tuple(heart.leads),
                events=Events.marks(heart.samples, heart.symbols),
                facts={"split": _split(record)},
            )
        )
    return recordings


class _Heart(NamedTuple):
    """A prepared record as it is stored; mV = (signal − baseline) / gain."""

    signal: np.ndarray
    gain: np.ndarray
    baseline: np.ndarray
    rate: float
    leads: list[str]
    samples: np.ndarray
    symbols: np.ndarray


def _heart(path: Path) -> _Heart:
    with np.load(path, allow_pickle=False) as record:
        signal = record["sig"]
        ones = np.ones(len(signal))
        return _Heart(
            signal=signal,
            gain=record.get("gain", ones),
            baseline=record.get("baseline", 0 * ones),
            rate=float(record.get("fs", _HEART_RATE)),
            leads=record["sig_name"].tolist(),
            samples=record["ann_sample"],
            symbols=record["ann_symbol"],
        )


def _records(files: Files, part: str | None) -> list[int]:
    """Numbers of the records of a split, or of all, split after split."""
    records = sorted(int(name.removesuffix(".npz")) for name in files)
    records = [record for record in records if part in (None, _split(record))]
    return sorted(records, key=lambda record: ("train", "test", "paced").index(_split(record)))


def _read_movements(files: Files, part: str | None) -> Table:
    """Windows of 128 samples (2.56 s at 50 Hz), half of each shared with the next, inside one labelled activity.

    Labels count samples from 1 and name the last one too. Units: g and rad/s. Transitions between postures are shorter
    than a window as often as not.
    """
    raw = _movements(files["hapt_raw.npz"])
    first = dict(zip(raw.experiments, raw.offsets, strict=False))
    names, trained = raw.names, raw.trained
    experiments, users, activities, starts, ends = raw.labels.T
    counts = np.maximum(0, (ends - starts + 1 - _WINDOW) // _STRIDE + 1)
    within = np.concatenate([np.arange(count) for count in counts]) * _STRIDE
    experiment, user, activity, start = (
        np.repeat(column, counts).astype(np.int64) for column in (experiments, users, activities, starts - 1)
    )
    start += within
    offset = np.array([first[each] for each in experiment.tolist()])
    windows = np.lib.stride_tricks.sliding_window_view(raw.signal.astype(np.float32), _WINDOW, axis=0)[offset + start]
    return Table(
        np.ascontiguousarray(windows).reshape(len(start), -1),
        columns=tuple(f"{channel}_{time}" for channel in _CHANNELS for time in range(_WINDOW)),
        ids=np.char.add(np.char.add(experiment.astype(str), ":"), start.astype(str)),
        label=names[activity - 1],
        metadata={
            "split": np.where(np.isin(user, trained), "train", "test"),
            "user": user,
            "experiment": experiment,
            "start": start,
        },
        item_shape=(len(_CHANNELS), _WINDOW),
        item_axes=("channel", "time"),
    )


def _read_walks(files: Files, part: str | None) -> list[Recording]:
    """Whole experiments at 50 Hz, acceleration (g) and rotation (rad/s), with their activities as segments."""
    raw = _movements(files["hapt_raw.npz"])
    recordings = []
    for place, experiment in enumerate(raw.experiments):
        labels = raw.labels[raw.labels[:, 0] == experiment]
        user = int(labels[0, 1])
        split = "train" if user in raw.trained else "test"
        if part in (None, split):
            recordings.append(
                Recording(
                    raw.signal[raw.offsets[place] : raw.offsets[place + 1]].T,
                    _MOVEMENT_RATE,
                    str(experiment),
                    subject=str(user),
                    channels=_CHANNELS,
                    events=Events(labels[:, 3].astype(np.int64) - 1, labels[:, 4], raw.names[labels[:, 2] - 1]),
                    facts={"split": split},
                )
            )
    return recordings


class _Movements(NamedTuple):
    """All experiments one after the other, in g and rad/s; labels are experiment, user, activity, start, end."""

    signal: Float[np.ndarray, "time channels"]
    experiments: list[int]
    offsets: list[int]
    labels: np.ndarray
    names: np.ndarray
    trained: np.ndarray


def _movements(path: Path) -> _Movements:
    with np.load(path, allow_pickle=False) as raw:
        return _Movements(
            signal=np.concatenate([raw["acc"] * raw["acc_scale"], raw["gyro"] * raw["gyro_scale"]], axis=1),
            experiments=raw["exp_id"].tolist(),
            offsets=raw["offsets"].tolist(),
            labels=raw["labels"],
            names=raw["activity_names"],
            trained=raw["train_users"],
        )


@final
@dataclass(frozen=True)
class SignalReader:
    """Reads the windows of a corpus, or its records whole.

    Args:
        table: reads the windows.
        whole: reads the records.
    """

    table: Callable[[Files, str | None], Table]
    whole: Callable[[Files, str | None], list[Recording]]

    def __call__(self, files: Files, part: str | None) -> Table:
        """The windows."""
        return self.table(files, part)

    def recordings(self, files: Files, part: str | None) -> list[Recording]:
        """The records."""
        return self.whole(files, part)


_MOVEMENT_FILE = CorpusFile(
    "hapt/hapt_raw.npz", "sha256:6f77d74f451b4d330afd00c757c1405cae3d8579139ddee28f9ff81710d509f9", 9_838_142
)

SIGNALS = (
    Corpus(
        name="mitbih",
        kind="signals",
        title="Heart beats in the classes of AAMI",
        details="256 samples at 360 Hz around each beat, one lead (MLII where it exists), scaled by record. Train and"
        " test are DS1 and DS2 of de Chazal 2004; the records of paced hearts (102, 104, 107, 217) stand "
        "apart. Records 201 and 202 are the same person.",
        license="ODC-By 1.0",
        citation="G. B. Moody, R. G. Mark, The impact of the MIT-BIH Arrhythmia Database, IEEE Eng. Med. Biol. "
        "20(3):45-50, 2001; A. L. Goldberger et al., PhysioBank, PhysioToolkit, and PhysioNet, Circulation 101(23), "
        "2000",
        source="https://physionet.org/content/mitdb/1.0.0/",
        editions=(Edition("prepared", 109_451, 256, SignalReader(_read_beats, _read_hearts), HEART_FILES),),
        splits=("train", "test", "paced"),
    ),
    Corpus(
        name="hapt",
        kind="signals",
        title="Activities, by a phone at the waist",
        details="Acceleration (g) and rotation (rad/s), 128 samples at 50 Hz, windows overlap by half. Train and test"
        " are different people (21 and 9).",
        license="CC BY 4.0",
        citation="J.-L. Reyes-Ortiz, L. Oneto, A. Sama, X. Parra, D. Anguita, Transition-Aware Human Activity "
        "Recognition Using Smartphones, Neurocomputing, 2016",
        source="https://archive.ics.uci.edu/dataset/341",
        editions=(Edition("prepared", 10_929, 768, SignalReader(_read_movements, _read_walks), (_MOVEMENT_FILE,)),),
        splits=("train", "test"),
    ),
)
