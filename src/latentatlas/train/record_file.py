"""The record of a fit in a file, while the fit goes on."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, final

from latentatlas.core import SpecError
from latentatlas.store.atomic import replacing
from latentatlas.train.callbacks import Callback

__all__ = ["RecordFile"]


@final
class RecordFile(Callback):
    """Write what `History` records to a JSON file from time to time, for those who look on.

    The file holds "steps", the steps that are planned, and "records", one object for each logging step with "step" and
    the columns of `History`; null where a value is not finite. It is replaced as a whole, so a reader never sees half
    of it. A file that cannot be written is passed over: to be watched is not worth a fit.

    Args:
        path: the file; its folder is made.
        every: seconds between two writings; 0 writes at every logging step.

    Cost: O(records) for each writing.
    """

    def __init__(self, path: str | os.PathLike[str], *, every: float = 1.0):
        if not every >= 0:
            raise SpecError(f"RecordFile wants every ≥ 0 seconds; got {every}. 1 is usual.")
        self.path = Path(path)
        self.every = every
        self._steps = 0
        self._records: list[dict[str, float | None]] = []
        self._written = -math.inf

    def on_start(self, steps: int) -> None:
        """Forget earlier fits."""
        self._steps, self._records, self._written = steps, [], -math.inf

    def on_log(self, step: int, record: Mapping[str, float]) -> None:
        """Keep the record, and write if it is time."""
        values = {name: float(value) if math.isfinite(value) else None for name, value in record.items()}
        self._records.append({"step": float(step), **values})
        if time.monotonic() - self._written >= self.every:
            self._write()

    def on_finish(self) -> None:
        """Write the whole record."""
        self._write()

    def state_dict(self) -> dict[str, Any]:
        """The records so far."""
        return {"records": list(self._records)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after these records."""
        self._records = list(state["records"])

    def _write(self) -> None:
        content = json.dumps({"steps": self._steps, "records": self._records}).encode()
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path) as file:
                file.write(content)
        self._written = time.monotonic()
