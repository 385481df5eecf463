"""Records as a source: files, folders, arrays and recordings become a table of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from latentatlas.core import DataError
from latentatlas.data.progress import tell
from latentatlas.data.select import Roles, reassign
from latentatlas.data.signals.files import read_recording, recording_files, recording_of_columns
from latentatlas.data.signals.recording import Recording
from latentatlas.data.signals.windows import Windows
from latentatlas.data.table import Table

__all__ = ["Signals"]


@final
@dataclass(frozen=True)
class Signals:
    """Reads a source as continuous records: a row is a window of a record.

    Sources: a file (`read_recording` says which), a folder of such files, an array (channels, time), a frame with a row
    for each sample, one `Recording` or several, or a corpus of records (`load_recordings`).

    Attributes:
        windows: how records are cut.
        rate: Hz of records that do not tell it; records that do must have this one.
        channels: those to read, in this order; all if empty, and then they must be the same in all records.

    >>> from latentatlas.data import read_table
    >>> table = read_table(np.arange(20.0).reshape(2, 10), Signals(Windows(5), rate=50))
    >>> table.item_shape, table.ids.tolist()
    ((2, 5), ['array:0', 'array:5'])
    """

    windows: Windows
    rate: float | None = None
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))

    def of_files(self, path: Path, roles: Roles) -> Table:
        """The windows of a file, or of all records of a folder, each called like its file."""
        files = recording_files(path) if path.is_dir() else [path]
        recordings = []
        for number, file in enumerate(files):
            recordings.append(read_recording(file, rate=self.rate, channels=self.channels))
            tell("Reading records", number + 1, len(files))
        table = self.of_recordings(recordings, roles)
        name = path.resolve().name if path.is_dir() else table.name
        return replace(table, name=name, pointer=str(path.resolve()))

    def of_columns(self, columns: dict[str, np.ndarray], roles: Roles, *, name: str) -> Table:
        """The windows of named columns with a row for each sample, or of one array (channels, time)."""
        return self.of_recordings([recording_of_columns(columns, name, rate=self.rate)], roles)

    def of_recordings(self, recordings: Sequence[Recording], roles: Roles) -> Table:
        """The windows of these records, their columns in roles.

        Raises:
            DataError: if a record has another rate than was asked for, lacks a channel, or as `Windows` says.
        """
        if roles.vector is not None:
            raise DataError(
                f"Signals maps whole windows; got vector={roles.vector[0]!r}. Name channels instead: Signals(windows, "
                f"channels=[{roles.vector[0]!r}])."
            )
        for recording in recordings:
            if self.rate is not None and recording.rate != self.rate:
                raise DataError(
                    f"Signals wants records at {self.rate:g} Hz; {recording.name!r} has {recording.rate:g} Hz. Leave "
                    f"the rate out, or bring the record to it: record.resampled({self.rate:g})."
                )
        picked = [recording.pick(self.channels) if self.channels else recording for recording in recordings]
        return reassign(self.windows(picked), roles)


def as_recordings(source: Any) -> list[Recording] | None:
    """One recording or several as a list; None if the source is something else."""
    if isinstance(source, Recording):
        return [source]
    if isinstance(source, list | tuple) and source and all(isinstance(each, Recording) for each in source):
        return list(source)
    return None
