"""Reading a run folder. Needs no model and no framework: every part comes back as plain data."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, final

import numpy as np

from latentatlas.core.errors import StoreError, did_you_mean
from latentatlas.store.atomic import recover
from latentatlas.store.contents import json_bytes, nulls_for_nonfinite
from latentatlas.store.manifest import (
    MANIFEST,
    REPLACEABLE,
    Manifest,
    damaged,
    replace_files,
    replaced,
    roll_forward,
    verify_file,
)
from latentatlas.store.neighbours import nearest_rows
from latentatlas.store.points import read_columns, read_table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Run", "open_run"]

_Part = TypeVar("_Part")
_ATTEMPTS = 20
_CHECKED_WHEN_USED = ("patterns/", "graph/", "index/")


def open_run(path: str | os.PathLike[str], *, verify: bool = True) -> Run:
    """Open a run folder; the same as `Run(path, verify=verify)`."""
    return Run(path, verify=verify)


@final
class Run:
    """A run folder on disk, read part by part.

    Opening compares every file's size with the manifest and the content of all but the large files (patterns, graph,
    vectors) with its checksum; a large file is compared when it is first used. Files the manifest does not name are
    ignored.

    Args:
        path: the folder.
        verify: compare checksums; without it only presence and sizes are compared.

    Raises:
        StoreError: if the folder is not a run, is damaged (the file is named), or has another format.
    """

    def __init__(self, path: str | os.PathLike[str], *, verify: bool = True):
        self.path = Path(path)
        self.verify = verify
        self._verified: set[str] = set()
        for attempt in range(_ATTEMPTS):
            before = _current(self.path)
            try:
                self._open()
                break
            except StoreError:
                if attempt + 1 == _ATTEMPTS or (before is not None and _current(self.path) == before):
                    raise  # otherwise another run took the place while this one was opened, or is about to

    def _open(self) -> None:
        self._verified.clear()
        self._manifest = _read_manifest(self.path)
        for name, entry in self._manifest.files.items():
            large = name.startswith(_CHECKED_WHEN_USED)
            verify_file(self.path, name, entry, checksum=self.verify and not large)
            if not large:
                self._verified.add(name)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def version(self) -> str:
        """The version of latentatlas that wrote the run."""
        return self._manifest.version

    @property
    def files(self) -> frozenset[str]:
        """Names of the files that belong to the run, such as "graph/input_indices.npy"."""
        return frozenset(self._manifest.files)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """Constructor arguments, versions, seed and data fingerprint."""
        return self._json("spec.json")

    @cached_property
    def verdicts(self) -> list[dict[str, Any]]:
        """One dict per check; values that were not finite are None."""
        return self._json("verdicts.json")

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Name → value; values that were not finite are NaN."""
        return {name: math.nan if value is None else value for name, value in self._json("metrics.json").items()}

    @property
    def basins(self) -> list[dict[str, Any]]:
        """One dict per basin: number, name, given, size, share, ids of exemplars and borders; empty if it has none."""
        return self._json("basins.json") if self._has("basins.json") else []

    @property
    def charts(self) -> dict[str, Any]:
        """Charts with their codes, "transitions" of each pair, and "orientation"; empty if the run has none."""
        return self._json("charts.json") if self._has("charts.json") else {}

    def weights(self) -> dict[str, np.ndarray]:
        """Name → array of the model; empty if the run has none."""
        from safetensors.numpy import load_file

        return self._read("weights.safetensors", load_file) if self._has("weights.safetensors") else {}

    def points(self, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Columns with one entry per row, in the order they were written; `latent` comes back as (n, dim).

        Raises:
            StoreError: if a column does not exist; the closest name is suggested.
        """
        return self._read("points.parquet", lambda path: read_columns(path, columns))

    def points_table(self) -> pa.Table:
        """The points as an Arrow table."""
        return self._read("points.parquet", read_table)

    def history(self) -> dict[str, np.ndarray]:
        """Columns of the training log; empty if the run has none."""
        return self._read("history.parquet", read_columns) if self._has("history.parquet") else {}

    def graph(self, name: str) -> dict[str, np.ndarray]:
        """Neighbours: "indices" (n, k) int32 and "distances" (n, k) float32, memory-mapped and read-only.

        Where the run has `sampled` points, these are their neighbours among themselves, counted within the sample.

        Args:
            name: "input" or "latent".

        Raises:
            StoreError: if the run has no such graph.
        """
        if not self._has(f"graph/{name}_indices.npy"):
            ending = "_indices.npy"
            names = [file[len("graph/") : -len(ending)] for file in self._manifest.files if file.endswith(ending)]
            raise StoreError(f"Run {self.path} has no graph {name!r}. {did_you_mean(name, names)}")
        return {part: self._array(f"graph/{name}_{part}.npy") for part in ("indices", "distances")}

    def sampled(self) -> np.ndarray | None:
        """Numbers of the points that graph and patterns describe, ascending; None where they describe all."""
        return self._array("graph/rows.npy") if self._has("graph/rows.npy") else None

    def patterns(self) -> np.ndarray | None:
        """The raw rows, memory-mapped and read-only; None if the run keeps only a pointer, or nothing."""
        return self._array("patterns/patterns.npy") if self._has("patterns/patterns.npy") else None

    @property
    def pattern_pointer(self) -> dict[str, Any] | None:
        """Where the raw rows are: "pointer", "fingerprint", "rows", "features"; None if the run holds them itself."""
        return self._json("patterns/pointer.json") if self._has("patterns/pointer.json") else None

    def landscape(self) -> dict[str, Any]:
        """Minima ("minima": columns, most prominent first) and the saddles between them ("barriers": (m, m), mapped).

        Raises:
            StoreError: if the run has no landscape.
        """
        return {
            "minima": self._read("landscape/minima.parquet", read_columns),
            "barriers": self._array("landscape/barriers.npy"),
        }

    def vectors(self) -> np.ndarray:
        """The search vectors (n, dim) float32, memory-mapped and read-only."""
        return self._array("index/vectors.npy")

    def search(
        self, queries: np.ndarray, k: int, *, exclude: np.ndarray | None = None, where: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k rows whose vectors are nearest each query: row numbers and distances, both (queries, k).

        Distances are Euclidean, or those of the ball that the latent lies in. Exact; see `nearest_rows` for `exclude`
        (one row per query), `where` (a mask over rows), cost and errors.
        """
        return nearest_rows(self.vectors(), queries, k, exclude=exclude, where=where, curvature=self.curvature)

    @property
    def curvature(self) -> float:
        """Of the ball that the search vectors lie in; 0 where space is flat."""
        geometry = self.spec.get("atlas", {}).get("geometry") or {}
        return float(geometry.get("curvature", 0.0))

    def file(self, name: str) -> Path:
        """The path of a file of the run, such as "report.html" or "map.png", after comparing it with the manifest.

        Raises:
            StoreError: if the run has no such file, it is damaged, or another run took the place of this one.
        """
        self._is_unchanged()
        return self._file(name)

    def update(
        self,
        *,
        verdicts: list[dict[str, Any]] | None = None,
        metrics: dict[str, float] | None = None,
        report: str | None = None,
        picture: bytes | None = None,
    ) -> None:
        """Replace the given small parts together, atomically; None leaves a part as it is.

        Raises:
            StoreError: if the folder cannot be written.
        """
        files: dict[str, bytes] = {}
        if verdicts is not None:
            files["verdicts.json"] = json_bytes(nulls_for_nonfinite(verdicts))
        if metrics is not None:
            files["metrics.json"] = json_bytes(nulls_for_nonfinite(metrics))
        if report is not None:
            files["report.html"] = report.encode()
        if picture is not None:
            files["map.png"] = picture
        try:
            self._manifest = replace_files(self.path, self._manifest, files)
        except OSError as error:
            raise StoreError(
                f"Run {self.path} was to be updated; the system refused: {error}. Make the folder writable."
            ) from error
        self._verified -= set(files)
        self.__dict__.pop("verdicts", None)
        self.__dict__.pop("metrics", None)

    def size_bytes(self, *, without: Sequence[str] = ("patterns", "graph")) -> int:
        """Bytes of the run's files, except those in the named parts; `without=()` counts all."""
        return sum(entry.size for name, entry in self._manifest.files.items() if name.split("/")[0] not in without)

    def _has(self, name: str) -> bool:
        return name in self._manifest.files

    def _file(self, name: str) -> Path:
        if not self._has(name):
            raise StoreError(f"Run {self.path} was written without {name}. {did_you_mean(name, self._manifest.files)}")
        if name not in self._verified:
            verify_file(self.path, name, self._manifest.files[name], checksum=self.verify)
            self._verified.add(name)
        return self.path / name

    def _json(self, name: str) -> Any:
        return self._read(name, lambda path: json.loads(path.read_bytes()))

    def _array(self, name: str) -> np.ndarray:
        return self._read(name, lambda path: np.load(path, mmap_mode="r", allow_pickle=False))

    def _read(self, name: str, read: Callable[[Path], _Part]) -> _Part:
        """A part of the run that was opened, never of another one that took its place before or meanwhile."""
        while True:
            try:
                part = read(self._file(name))
            except StoreError:
                if self._is_unchanged():
                    raise
            except MemoryError:
                raise
            except Exception as error:  # every library has its own ways to say that it cannot read a file
                if self._is_unchanged():
                    raise damaged(self.path, name, f"it cannot be read ({error})") from error
            else:
                if self._is_unchanged():
                    return part

    def _is_unchanged(self) -> bool:
        """Whether the manifest is still the one that was read; follows the replacement of small files."""
        manifest = _steady_manifest(self.path)
        if manifest == self._manifest:
            return True
        if not manifest.is_of_same_run(self._manifest):
            raise replaced(self.path)
        self._verified -= {name for name in REPLACEABLE if manifest.files.get(name) != self._manifest.files.get(name)}
        self._manifest = manifest
        return False


def _current(path: Path) -> bytes | None:
    """Which folder is there and its manifest, once other processes have finished what they are at; None if none is.

    The manifest alone would not do: a run may be replaced by an equal one.
    """
    try:
        recover(path.resolve())
        roll_forward(path)
        state = path.stat()
        return f"{state.st_ino} {state.st_ctime_ns} ".encode() + (path / MANIFEST).read_bytes()
    except (OSError, StoreError):
        return None


def _steady_manifest(path: Path) -> Manifest:
    """The manifest; tried again where another run takes the place meanwhile."""
    for _ in range(_ATTEMPTS - 1):
        before = _current(path)
        try:
            return _read_manifest(path)
        except StoreError:
            if before is not None and _current(path) == before:
                raise
    return _read_manifest(path)


def _read_manifest(path: Path) -> Manifest:
    try:
        recover(path.resolve())
        if not path.is_dir():
            what = "is a file" if path.exists() else "does not exist"
            raise StoreError(f"Run wants a run folder; {path} {what}. Write one with `latentatlas fit … --out {path}`.")
        if not (path / MANIFEST).is_file():
            raise StoreError(f"Run wants a run folder; {path} has no {MANIFEST}, so it is not one. Check the path.")
        roll_forward(path)
        return Manifest.read(path)
    except OSError as error:
        raise StoreError(f"Run {path} cannot be read: {error}. Check the permissions of the folder.") from error
