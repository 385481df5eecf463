"""The folder from which an interrupted fit of an atlas goes on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import latentatlas
from latentatlas.core import StoreError, available_threads, to_spec
from latentatlas.data import Table
from latentatlas.estimator.fitting import STAGES, Problem
from latentatlas.estimator.known import Known
from latentatlas.store import Run
from latentatlas.store.atomic import discard, replacing
from latentatlas.train.checkpoint import read_state

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["forget_fit", "holds_a_fit", "is_saved", "open_checkpoints"]

_ABOUT = "about.json"
_IRRELEVANT = ("verbose",)


def holds_a_fit(folder: Path) -> bool:
    """Whether a folder of checkpoints is that of a fit that has begun."""
    return (folder / _ABOUT).exists()


def forget_fit(folder: Path) -> None:
    """Make what a folder of checkpoints holds void."""
    discard(folder / _ABOUT)


def is_saved(folder: Path, run: Run) -> bool:
    """Whether a run holds the weights with which the fit of these checkpoints ended.

    Raises:
        StoreError: if either is damaged.
    """
    state = read_state(folder / f"{STAGES[-1]}.safetensors")
    if state is None:
        return False
    weights = run.weights()
    ended = {name: tensor.numpy() for name, tensor in state["training"].items() if name.startswith("model.")}
    return all(np.array_equal(tensor, weights.get(name, ())) for name, tensor in ended.items())


def open_checkpoints(folder: str | os.PathLike[str], atlas: Atlas, table: Table) -> Path:
    """The folder for the checkpoints of this fit: a new one, or one that was left by the very same fit.

    Raises:
        StoreError: if the folder was left by a fit with other settings, data, threads or library versions, which could
            not be continued to the same result, or cannot be written.
    """
    folder = Path(folder)
    about = json.loads(json.dumps(_about(atlas, table)))
    path = folder / _ABOUT
    try:
        if not path.exists():
            for stage in STAGES:  # of a fit that was forgotten
                discard(folder / f"{stage}.safetensors")
                discard(folder / f"{stage}.json")
            with replacing(path) as file:
                file.write(json.dumps(about, indent=1).encode())
        _require_same(json.loads(path.read_text()), about, folder)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StoreError(
            f"Atlas.fit wants {folder} for its checkpoints; it cannot be used: {error}. Remove it, or choose another."
        ) from error
    return folder


def _about(atlas: Atlas, table: Table) -> dict[str, Any]:
    """All that decides the result of a fit."""
    settings = {name: value for name, value in to_spec(atlas).items() if name not in _IRRELEVANT}
    return {
        "settings": settings,
        "rows": table.fingerprint,
        "columns beside": _digest({**table.nuisance, "environment": table.environment, **_trained_on(atlas, table)}),
        "threads": atlas.threads or available_threads(),
        "versions": {
            "latentatlas": latentatlas.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }


def _trained_on(atlas: Atlas, table: Table) -> dict[str, np.ndarray]:
    """The label, where a term reads it."""
    label = Known.of(table, reads=Problem.of(atlas).reads()).label
    return {} if label is None else {"label": label}


def _digest(columns: Mapping[str, np.ndarray | None]) -> str:
    digest = hashlib.sha256()
    for name, values in columns.items():
        digest.update(f"{name} {None if values is None else values.tolist()}".encode())
    return digest.hexdigest()


def _require_same(was: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    differences = list(_differences(was, now))
    if differences:
        raise StoreError(
            f"Atlas.fit wants to go on from {folder}, which another fit left: {'; '.join(differences)}. Fit with the "
            "same settings and data as before, or remove the folder to begin anew."
        )


def _differences(was: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*was, *now]):
            yield from _differences(was.get(key), now.get(key), f"{name}.{key}" if name else key)
    elif was != now:
        long = isinstance(was, str) and len(was) == 64
        yield f"{name} differ" if long else f"{name} was {was!r} and is {now!r}"
