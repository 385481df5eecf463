"""Finished parts of a long study, kept on disk so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

from latentatlas.core import DataError

__all__ = ["Cells"]


@final
class Cells:
    """Results by key in one JSON file that is replaced whole after each; without a path they are kept in memory.

    A key must name all that decides its result, apart from the code: results of older code are not recognised.

    Args:
        path: the file; read if it is there.

    Raises:
        DataError: if the file is not what a run of this study wrote.

    >>> cells = Cells()
    >>> cells.of("a", lambda: {"value": 1.0}), cells.of("a", lambda: {"value": 2.0})
    ({'value': 1.0}, {'value': 1.0})
    """

    def __init__(self, path: Path | None = None):
        self.path = path
        self.results: dict[str, Any] = {}
        if path is not None and path.exists():
            self.results = _read(path)

    def of(self, key: str, make: Callable[[], Any]) -> Any:
        """The result of this key, made now if there is none."""
        if key not in self.results:
            self.put(key, make())
        return self.results[key]

    def put(self, key: str, result: Any) -> None:
        """Keep a result, in place of an earlier one."""
        self.results[key] = result
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        beside.write_text(json.dumps({"cells": self.results}, indent=1) + "\n")
        beside.replace(self.path)

    def clear(self) -> None:
        """Remove the file: the study is finished."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text())["cells"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"A study wants its earlier results in {path}; the file is none of its own ({error}). Remove it."
        ) from error
