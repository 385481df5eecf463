"""A fit that is at work beside a run, or on a run that is not there yet."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

__all__ = ["fit_beside", "records_of"]

_BEGUN = "about.json"
_STAGES = ("shape", "basins")


def fit_beside(path: Path) -> Path | None:
    """The folder in which a fit to this run folder keeps its state while it lasts; None if there is none."""
    folder = path.with_name(f"{path.resolve().name}.checkpoint")
    return folder if (folder / _BEGUN).is_file() else None


def records_of(path: Path) -> dict[str, Any] | None:
    """What a fit to this run folder has recorded so far; None if none is at work or was left unfinished.

    Returns:
        "columns": of the record, the second stage of training after the first; "step" and "steps", done and planned in
        the stage at work; "stage": its number, from 1; "age": seconds since the record was written.
    """
    folder = fit_beside(path)
    if folder is None:
        return None
    stages = [(file, found) for stage in _STAGES if (found := _read(file := folder / f"{stage}.json")) is not None]
    if not stages:
        return {"columns": {}, "step": 0, "steps": None, "stage": 0, "age": _age(folder / _BEGUN)}
    records: list[dict[str, Any]] = []
    for _, found in stages:
        before = records[-1]["step"] + 1 if records else 0
        records += [{**record, "step": record["step"] + before} for record in found["records"]]
    names = dict.fromkeys(name for record in records for name in record)
    file, last = stages[-1]
    return {
        "columns": {name: [record.get(name) for record in records] for name in names},
        "step": last["records"][-1]["step"] if last["records"] else 0,
        "steps": last["steps"],
        "stage": len(stages),
        "age": _age(file),
    }


def _read(path: Path) -> dict[str, Any] | None:
    """None where the file is not there, or is none of ours."""
    try:
        found = json.loads(path.read_bytes())
        return found if isinstance(found["records"], list) and "steps" in found else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _age(path: Path) -> float:
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return 0.0
