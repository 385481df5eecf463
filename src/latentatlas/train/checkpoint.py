"""Checkpoints: an interrupted fit goes on where it was, to the same result."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from latentatlas.core import SpecError, StoreError
from latentatlas.data import DataWarning
from latentatlas.store.atomic import replacing
from latentatlas.train.callbacks import Callback, Resumable

__all__ = ["Checkpoint", "read_state"]


@final
class Checkpoint(Callback):
    """Write the whole state of a fit to one file from time to time, and begin from that file where it is there.

    Kept are weights, optimiser, rate, random generators, order of the rows, schedules, history and stopping rules, so a
    fit that goes on is bit-equal to one that was never interrupted (with the same seed, threads, machine and versions).
    The file is safetensors with a checksum, replaced as a whole; nothing in it is ever unpickled. It stays after the
    last step, so that what follows the fit can be repeated as well; remove it when all is saved.

    Args:
        path: the file; its folder is made.
        every: seconds between two writings; 0 writes before every step.

    Raises:
        StoreError: on start, if the file is damaged or of another fit. A file that cannot be written is only a
            `DataWarning`: a full disk shall not end a long fit.
    """

    def __init__(self, path: str | os.PathLike[str], *, every: float = 60.0):
        if not every >= 0:
            raise SpecError(f"Checkpoint wants every ≥ 0 seconds; got {every}. 60 is usual.")
        self.path = Path(path)
        self.every = every
        self._fit: Resumable | None = None
        self._written = 0.0

    def on_ready(self, fit: Resumable) -> None:
        """Go back to the state in the file, if there is one."""
        self._fit, self._written = fit, time.monotonic()
        state = read_state(self.path)
        if state is None:
            return
        try:
            fit.load_state_dict(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split()[:40]) or type(error).__name__
            raise StoreError(
                f"Checkpoint wants the state of this very fit in {self.path}; it holds another: {reason}. Remove the "
                "file to begin anew."
            ) from error

    def on_step(self, step: int) -> None:
        """Write, if it is time."""
        if time.monotonic() - self._written >= self.every:
            self._write()

    def on_finish(self) -> None:
        """Write the last state."""
        self._write()

    def _write(self) -> None:
        assert self._fit is not None
        content = _packed(self._fit.state_dict())
        try:
            with replacing(self.path) as file:
                file.write(content)
        except OSError as error:
            warnings.warn(
                f"Checkpoint could not be written to {self.path}: {error}. The fit goes on without; free space, or "
                "choose another folder, to be able to resume it.",
                DataWarning,
                stacklevel=2,
            )
        self._written = time.monotonic()


def _packed(state: dict[str, Any]) -> bytes:
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    outline = json.dumps(_outline(state, tensors))
    return save(tensors, metadata={"state": outline, "sha256": _digest(tensors, outline)})


def read_state(path: Path) -> dict[str, Any] | None:
    """The state in the file of a `Checkpoint`; None if there is no file.

    Raises:
        StoreError: if it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a dict
        if about.get("sha256") != _digest(tensors, about.get("state", "")):
            raise ValueError("its checksum does not fit")
        return _filled(json.loads(about["state"]), tensors)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise StoreError(
            f"Checkpoint wants a whole checkpoint in {path}; it is damaged: {error}. Remove the file to begin anew."
        ) from error


def _digest(tensors: dict[str, Tensor], outline: str) -> str:
    digest = hashlib.sha256(outline.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _outline(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Plain data in which the tensors are named by number; dicts are lists of pairs, as JSON has only text keys."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[_outline(key, tensors), _outline(entry, tensors)] for key, entry in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_outline(entry, tensors) for entry in value]}
    return value


def _filled(outline: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(outline, dict):
        return outline
    (kind, content), *_ = outline.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {_filled(key, tensors): _filled(entry, tensors) for key, entry in content}
    entries = [_filled(entry, tensors) for entry in content]
    return entries if kind == "list" else tuple(entries)
