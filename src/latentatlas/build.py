"""Plain data to objects, and run folders to fitted atlases. Knows every public name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentatlas.core import SpecError, StoreError, constructor_parameters, did_you_mean
from latentatlas.data import ShardSample, Table, fingerprint, read_table
from latentatlas.estimator import Atlas
from latentatlas.estimator.model import AtlasModel, space_of
from latentatlas.estimator.points import point_column
from latentatlas.estimator.preparation import Preparation
from latentatlas.estimator.usual import Usual
from latentatlas.geometry import Geometry
from latentatlas.graph import Neighbours
from latentatlas.models import Ledger, Stem
from latentatlas.store import Run, open_run

__all__ = ["build", "load", "patterns_of", "public_names"]

_FAMILIES = (
    "core",
    "geometry",
    "graph",
    "landscape",
    "spectral",
    "models",
    "terms",
    "data",
    "data.transformations",
    "erasure",
    "train",
    "metrics",
    "checks",
    "estimator",
)


def public_names() -> dict[str, type]:
    """Every public class by the name it has in specifications, such as `terms.Reconstruction`."""
    names = {}
    for family in _FAMILIES:
        module = importlib.import_module(f"latentatlas.{family}")
        for name in module.__all__:
            if inspect.isclass(getattr(module, name)):
                names[f"{family.partition('.')[0]}.{name}"] = getattr(module, name)
    return names


def build(spec: Any) -> Any:
    """The object that a specification describes; the inverse of `core.to_spec`.

    >>> build({"type": "core.Constant", "weight": 2.0}).weight
    2.0

    Raises:
        SpecError: for a type or argument that does not exist, with the closest one that does, or of the wrong kind.
    """
    if isinstance(spec, list | tuple):
        return [build(entry) for entry in spec]
    if not isinstance(spec, Mapping):
        return spec
    if "type" not in spec:
        return {name: build(value) for name, value in spec.items()}
    names = public_names()
    if spec["type"] not in names:
        raise SpecError(f"build has no type {spec['type']!r}. {did_you_mean(spec['type'], names)}")
    cls = names[spec["type"]]
    if inspect.isabstract(cls) or getattr(cls, "_is_protocol", False):
        raise SpecError(f"{spec['type']} is an interface and cannot be built. Name a class that implements it.")
    known = constructor_parameters(cls)
    arguments = {name: build(value) for name, value in spec.items() if name != "type"}
    for name in arguments:
        if name not in known:
            raise SpecError(f"{spec['type']} has no argument {name!r}. {did_you_mean(name, known)}")
    missing = [name for name, p in known.items() if p.default is p.empty and name not in arguments]
    if missing:
        raise SpecError(f"{spec['type']} wants {', '.join(missing)}; not given. Add {missing[0]} = ... to the table.")
    try:
        return cls(**arguments)
    except TypeError as error:
        raise SpecError(f"{spec['type']} cannot be built: {error}. Check the types of its arguments.") from error


def load(path: str | PathLike[str] | Run) -> Atlas:
    """The fitted atlas of a run folder; its transforms are bit-equal to those before saving. Nothing is unpickled.

    Patterns of a corpus are read again, and must match their fingerprint.

    Raises:
        StoreError: if the folder is damaged, of a newer version, or its patterns are no longer what they were.
    """
    run = path if isinstance(path, Run) else open_run(path)
    try:
        return _loaded(run)
    except (KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"load wants all parts of a fitted atlas in {run.path}; this run lacks some, or they are not as fit writes "
            f"them: {error!r}. Fit again, or restore the folder from a copy."
        ) from error


def _loaded(run: Run) -> Atlas:
    spec, weights = run.spec, run.weights()
    atlas = build(spec["atlas"])
    stem, model = build(spec["stem"]), build(spec["model"])
    _restore(stem, weights, "stem.")
    _restore(model, weights, "model.")
    preparation = Preparation(weights["preparation.centre"], weights["preparation.scale"], spec["unit_rows"])
    points, sampled = run.points(), run.sampled()
    if sampled is not None:
        points = {name: column[sampled] for name, column in points.items()}
    atlas._install(AtlasModel(preparation, stem, model, _usual(stem, weights, space_of(model))), _table(run, points))
    atlas.streamed_ = None
    if sampled is not None:
        atlas.streamed_ = ShardSample(
            atlas.table_, sampled, spec["data"]["fingerprint"], dtypes={}, total=spec["data"]["rows"], shards=None
        )
    atlas.latent_ = points["latent"]
    atlas.map_ = np.stack([points["x"], points["y"]], axis=1)
    atlas.labels_ = points["basin"].astype(np.int64)
    atlas.given_names_ = {basin["number"]: basin["name"] for basin in run.basins if basin["given"]}
    atlas.held_out_ = points["held_out"]
    if atlas.model_.usual is None:
        x = preparation(atlas.table_.x)
        atlas.model_ = atlas.model_.acquainted(x, atlas.latent_, held_out=atlas.held_out_, seed=atlas.random_state)
    atlas.history_ = run.history()
    atlas.graph_ = _graph(run, "input", recall=spec["graph"]["recall"], exact=spec["graph"]["exact"])
    atlas.latent_graph_ = _graph(
        run, "latent", recall=spec["graph"]["latent_recall"], exact=spec["graph"]["latent_exact"]
    )
    atlas.objective_ = build(spec["objective"])
    atlas.recipes_ = tuple(build(spec["recipes"]))
    atlas.rows_seen_ = spec.get("rows_seen", len(points["id"]))
    atlas.rows_new_ = spec.get("rows_new", len(points["id"]))
    atlas.chart_ledger_ = Ledger.restored(spec.get("chart_ledger"))
    atlas.threads_, atlas.seconds_ = spec["threads"], spec["seconds"]
    return atlas


def _usual(stem: Stem, weights: Mapping[str, np.ndarray], space: Geometry) -> Usual | None:
    """None for runs that were written before it was saved."""
    prefix = "usual."
    arrays = {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}
    return Usual.restored(stem, arrays, space) if arrays else None


def _restore(module: torch.nn.Module, weights: Mapping[str, np.ndarray], prefix: str) -> None:
    state = {
        name.removeprefix(prefix): torch.from_numpy(array.copy())
        for name, array in weights.items()
        if name.startswith(prefix)
    }
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise StoreError(f"load wants the weights that spec.json describes; {error}. Save the run again.") from error


def _graph(run: Run, name: str, *, recall: float, exact: bool) -> Neighbours:
    part = run.graph(name)
    return Neighbours(part["indices"], part["distances"], recall, exact)


def _table(run: Run, points: Mapping[str, np.ndarray]) -> Table:
    """The rows the atlas was fitted on, from the run folder or from the corpus it points to."""
    data = run.spec["data"]
    shape = data["item_shape"]
    return Table(
        patterns_of(run),
        columns=tuple(data["columns"]),
        ids=points["id"],
        label=points["label"] if data["has_label"] else None,
        nuisance={name: _point(points, name) for name in data["nuisances"]},
        environment=points["environment"] if data["has_environment"] else None,
        metadata={name: _point(points, name) for name in data["metadata"]},
        name=data["name"],
        pointer=data["pointer"],
        item_shape=None if shape is None else tuple(shape),
        item_axes=tuple(data.get("item_axes", ())),
        reading=data.get("reading", {}),
    )


def _point(points: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """A column of the data; earlier runs have it under its own name where a column of the atlas is called so now."""
    return points[column] if (column := point_column(name)) in points else points[name]


def patterns_of(run: Run) -> np.ndarray:
    """The rows a run was fitted on, (n, features): from its folder, or from the corpus it points to.

    Raises:
        StoreError: if the run has no patterns, or those of the corpus are no longer what they were.
    """
    kept = run.patterns()
    if kept is not None:
        return np.ascontiguousarray(kept)
    pointer = run.pattern_pointer
    if pointer is None:
        raise StoreError(f"load wants patterns in {Path(run.path)}; the run has none. Save it again.")
    x = read_table(pointer["pointer"]).x
    if fingerprint(x) != pointer["fingerprint"]:
        raise StoreError(
            f"load wants the rows the run was fitted on; {pointer['pointer']!r} now has other rows "
            f"(fingerprint {fingerprint(x)[:12]}, not {pointer['fingerprint'][:12]}). Fit again, or restore the data."
        )
    return x
