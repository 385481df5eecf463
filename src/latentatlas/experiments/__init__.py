"""Studies and benchmarks: one module per study, each run by a command and written to docs/results."""

from __future__ import annotations

import importlib
import json
import platform
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from latentatlas.core import SpecError, available_threads, did_you_mean
from latentatlas.experiments.cells import Cells

__all__ = ["benchmarks", "machine", "page_of", "run_study", "studies"]

_STUDIES = {
    "foundation": "The bundled digits and MNIST end to end: quality, speed, size, determinism.",
    "parameters": "Digits: what the settings that people change most do, and what they cost.",
    "spectral-search": "NFCorpus, Cranfield, NPL: what the spectral λ beside the cosine does to the hits of a search.",
    "streaming": "Two million rows from Parquet shards: reading speed, memory and time of fit and save.",
    "updates": "Digits in two parts: what `partial_fit` gains on new rows and costs the earlier ones.",
    "reliability": "A hundred fits killed at random moments: what is found afterwards, and how they go on.",
    "minima": "The ArrowSpace table of local minima to its printed digits, then ten seeds with honest rows, then α.",
    "minima-text": "AG News embeddings without labels: basins of density, diffusion and λ against the topics.",
    "mnist-map": "MNIST on two axes: ours and its peers under two published protocols, with the time they take.",
    "spheres": "Ten spheres inside a large one in 101 dimensions, judged as topological autoencoders are.",
    "swiss-roll": "Swiss roll with a hole, linked circles, sphere, torus: which latents have their loops and voids.",
    "fashion-map": "Fashion-MNIST on two axes: the study of MNIST, unchanged.",
    "mnist-clusters": "MNIST grouped without labels, with and without a prior that is said, beside other ways.",
    "mnist-charts": "MNIST in 85,000 numbers: ten charts with codes, without labels, beside models of equal size.",
    "fashion-clusters": "Fashion-MNIST grouped without labels: the study of MNIST, unchanged.",
    "cifar-clusters": "10,000 photographs grouped without labels, beside autoencoders and β-VAEs.",
    "ag-news-topics": "Four topics of 12,600 news from frozen sentence embeddings, without a label.",
    "few-shot": "MNIST told apart by one, five or ten labelled examples of each digit.",
    "recall": "MNIST with noise on pixels or latents: which digit a row still is, and is after recall.",
    "anomaly": "MNIST without one digit: how well rows of that digit are found among the others.",
    "colored-mnist": "Digits whose colour misleads: environments alone, colour given, and the inverse.",
    "factors": "Generated pictures of known factors: how far each axis of a latent holds one of them.",
    "source-erasure": "Amazon reviews: the product domain taken out of MiniLM embeddings, and what is left.",
    "author-shift": "Reviews sampled so that the domain tells the sentiment, then the other way round.",
    "single-cell": "Blood cells of three donors mixed, beside Harmony; cell types kept on generated cells.",
    "zero-shot-combination": "Shapes in colours that were never seen together, told and decoded.",
    "partition-images": "Images turned and relit: a block that keeps what they show, and one that tells the change.",
    "partition-multimodal": "Accelerometer and gyroscope: a block that both share, and what either says alone.",
    "partition-ablation": "Movements of a phone that turns: block sizes, β, other rows and methods, one at a time.",
    "ecg": "Heart beats whose window slides: what ignores it, what tells it, and what finds the window again.",
    "imu": "Movements of a phone that sits in any position: answers that stay, and the position read back.",
    "manifolds": "Sphere, Klein bottle and six others covered by learned charts: errors, and who is orientable.",
    "jumps": "Charts with known overlaps: four kinds of jumps, changes along paths, when consistency should begin.",
    "elastic": "How many charts and groups are found without being told, how stable, and at what cost.",
    "charts-cost": "What charts in an atlas give and take, beside an atlas without.",
    "explore-speed": "The explorer on up to two million rows: seconds to the page, questions, frames, weight.",
    "hierarchy": "Mammals of WordNet in a Poincaré ball and in flat space: are ancestors nearest to a node.",
    "stack": "Images and heartbeats explained block by block, against one block of equal size.",
    "generate": "MNIST drawn anew from each basin, and whether the drawings are copies of training rows.",
}


def studies() -> Mapping[str, str]:
    """Name and title of every study."""
    return dict(_STUDIES)


def run_study(name: str, out: Path, *, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Run a study and write OUT/NAME.json and OUT/NAME.md, with `_` for `-`, and its pictures where it has some.

    A study that takes `cells` keeps its finished parts in OUT/NAME.partial.json until it is done: the same call after
    an interruption goes on from there.

    Raises:
        SpecError: if there is no such study.
        DataError: if the finished parts of an interrupted run cannot be read.
    """
    if name not in _STUDIES:
        raise SpecError(f"reproduce has no study {name!r}. {did_you_mean(name, _STUDIES)}")
    module, stem = _module(name), _stem(name)
    cells = Cells(out / f"{stem}{'_quick' if quick else ''}.partial.json")
    kept = {"cells": cells} if "cells" in signature(module.run).parameters else {}
    result = module.run(quick=quick, log=log, **kept) | {"machine": machine()}
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{stem}.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / f"{stem}.md").write_text(page_of(name, out))
    for picture, png in (module.pictures(result) if hasattr(module, "pictures") else {}).items():
        (out / f"{picture}.png").write_bytes(png)
    cells.clear()
    log(f"Wrote {out / f'{stem}.md'} and {out / f'{stem}.json'}")
    return result


def page_of(name: str, out: Path) -> str:
    """The page of a study from OUT/NAME.json; the remarks of OUT/NAME.notes.md, where there are any, end it."""
    result = json.loads((out / f"{_stem(name)}.json").read_text())
    command = f"latentatlas reproduce {name}" + (" --quick" if result["quick"] else "")
    machine = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    notes = out / f"{_stem(name)}.notes.md"
    page = [f"# {name.replace('-', ' ').capitalize()}", "", _STUDIES[name], "", f"Made by `{command}` ({machine}).", ""]
    page += [_module(name).to_markdown(result), ""] + ([notes.read_text()] if notes.exists() else [])
    return "\n".join(page).rstrip() + "\n"


def benchmarks() -> Mapping[str, Callable[[], dict[str, float]]]:
    """Every benchmark by name that takes no arguments; `map_speed.bench_map` takes some."""
    from latentatlas.experiments import (
        audit_speed,
        chart_speed,
        erasure_speed,
        explore_speed,
        neighbourhood_speed,
        speed,
        term_speed,
    )

    return {
        "import": speed.import_seconds,
        "weight": speed.installed_weight,
        "transform": speed.transform_speed,
        "fit": speed.fit_speed,
        "spectral": speed.spectral_speed,
        "landscape": speed.landscape_speed,
        "terms": term_speed.term_speed,
        "trees": term_speed.spanning_tree_speed,
        "graph": neighbourhood_speed.graph_speed,
        "ranks": neighbourhood_speed.rank_speed,
        "shape": neighbourhood_speed.shape_speed,
        "charts": chart_speed.chart_speed,
        "jumps": chart_speed.jump_speed,
        "audit": audit_speed.audit_speed,
        "erasure": erasure_speed.erasure_speed,
        "explore": explore_speed.explore_speed,
    }


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"latentatlas.experiments.{_stem(name)}")


def _stem(name: str) -> str:
    """What the module and the files of a study are called."""
    return name.replace("-", "_")


def machine() -> dict[str, Any]:
    """What figures were made with: versions, processor, threads."""
    import torch

    import latentatlas

    return {
        "latentatlas": latentatlas.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": available_threads(),
    }
