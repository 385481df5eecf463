"""A fitted eraser as one file: arrays in the safetensors format, the rest as JSON in its header."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.core import StoreError

__all__ = ["SUFFIX", "read_erasure", "write_erasure"]

SUFFIX = ".safetensors"
_FORMAT = 1


def write_erasure(path: Path, kind: str, arrays: Mapping[str, np.ndarray], plain: Mapping[str, Any]) -> Path:
    """Write beside the place, then rename."""
    from safetensors.numpy import save

    if path.suffix != SUFFIX:
        raise StoreError(f"save wants a name that ends in {SUFFIX}; got {path.name}. Rename it.")
    header = {"latentatlas.erasure": json.dumps({"format": _FORMAT, "kind": kind, "plain": plain})}
    content = save({name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata=header)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise StoreError(f"save wanted to write {path}; the system refused: {error}. Choose another place.") from error
    return path


def read_erasure(path: Path) -> tuple[str, dict[str, np.ndarray], dict[str, Any]]:
    """Kind, arrays and plain data.

    Raises:
        StoreError: if the file is missing, damaged, no eraser, or of a newer version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {})["latentatlas.erasure"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
        number = header["format"]
        kind, plain = str(header["kind"]), dict(header["plain"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"load_erasure wants a file that an eraser has saved; {path} is none, or is damaged: {error}. Save "
            "it again."
        ) from error
    if number > _FORMAT:
        raise StoreError(
            f"load_erasure reads format {_FORMAT}; {path} is of format {number}. Update latentatlas: pip install -U."
        )
    return kind, arrays, plain
