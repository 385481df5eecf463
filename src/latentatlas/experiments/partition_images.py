"""Study `partition-images`: a block that keeps what an image shows when it is turned, and one that tells how."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from latentatlas.core import reproducible
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import Target, spread, table
from latentatlas.experiments.partitions.judging import COLUMNS, Seen, judged, similarity_at
from latentatlas.experiments.partitions.methods import METHODS, ORACLE, Budget, Trained, trained
from latentatlas.experiments.partitions.pictures import Pictures, cifar, mnist
from latentatlas.metrics import SimilarityCurve
from latentatlas.models import ImageEncoder

__all__ = ["pictures", "run", "to_markdown"]

_SETS = {"mnist": mnist, "cifar": cifar}
_SEEDS = (0, 1, 2)
_PIXELS, _RANDOM = "pixels", "untrained network"
_OURS = "**partition**"
_ANGLES = np.arange(0.0, 181.0, 15.0)
_CURVES = ("autoencoder (baseline)", "augmentation", "NT-Xent", "VICReg", _OURS, ORACLE)
_SHOWN = 400
_TARGETS = (
    ("variant", Target("R² of the turn from variant", "≥", 0.9)),
    ("invariant", Target("R² of the turn from invariant", "≤", 0.05)),
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method on both sets of images with every seed."""
    cells = cells or Cells()
    budget, seeds = Budget.of(quick=quick), _SEEDS[:1] if quick else _SEEDS
    sets = {name: read(quick=quick) for name, read in _SETS.items()}
    figures: dict[str, Any] = {name: {} for name in sets}
    extras: dict[str, Any] = {name: {} for name in sets}
    for seed in seeds:
        for name, images in sets.items():
            for title in (_PIXELS, _RANDOM, *METHODS, ORACLE):
                log(f"{name}, seed {seed}: {title}")
                cell = cells.of(f"{name} {title} {seed}", lambda t=title, s=seed, p=images: _cell(t, p, budget, seed=s))
                extras[name].setdefault(title, {}).update(cell["extras"])
                _gather(figures[name].setdefault(title, {}), cell["figures"])
    about = {name: _about(images, budget) | {"seeds": list(seeds)} for name, images in sets.items()}
    parts = {name: about[name] | {"figures": figures[name], "extras": extras[name]} for name in sets}
    return {"quick": quick, "steps": budget.steps, "batch": budget.batch, "sets": parts}


def _gather(found: dict[str, dict[str, list[float]]], figures: Mapping[str, Mapping[str, float]]) -> None:
    """Figures of one seed beside those of others."""
    for block, values in figures.items():
        for column, value in values.items():
            found.setdefault(block, {}).setdefault(column, []).append(value)


def _about(images: Pictures, budget: Budget) -> dict[str, Any]:
    return {
        "title": images.title,
        "told": images.told,
        "rows": [len(images.train.x), len(images.test.x)],
        "blocks": str(budget.layout(images)),
        "changes": list(images.changes.columns),
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/partition_images.md."""
    lines = [
        "Encoders of two strided convolutions learn without labels, and each also decodes the image as it is: "
        f"{result['steps']} steps of {result['batch']} rows. *Augmentation* is trained on changed images and decodes "
        "them; the second such row decodes the image as it was before. NT-Xent and VICReg make the whole latent alike "
        "for an image and its change; `Partition` makes the invariant block alike, and a head reads each change from "
        "its part of the variant block. The oracle has labels, and changed images to learn them from.",
        "",
        "- *similarity*: mean cosine of the block of an image and of the same image changed at random; *other images*: "
        "that of different images, without which a similarity says nothing.",
        "- *recall@1*: share of the changed test images whose own is the nearest of all test images.",
        "- *accuracy*: of a linear probe of the class that has learned from unchanged training images; *changed*: the "
        "same probe on changed test images.",
        "- *R²*: how well the better of a ridge and a perceptron reads the change from the block before and after it, "
        "held out; angles as cosine and sine.",
        "",
        "Mean ± standard deviation over seeds, each with its own weights and changes of the test images. Nothing was "
        "chosen by test images.",
    ]
    for part in result["sets"].values():
        lines += ["", *_part(part)]
    lines += ["", *_verdicts(result)]
    shown = "![Similarity of every method against the angle, with its control](partition_images_similarity.png)"
    coloured = "![Blocks of turned digits in the colour of the angle](partition_images_blocks.png)"
    return "\n".join([*lines, "", shown, "", coloured])


def _part(part: Mapping[str, Any]) -> list[str]:
    columns = [*COLUMNS, *(f"R² {name}" for name in part["changes"])]
    rows = {
        title if block == "z" else f"{title}: {block}": [spread(figures.get(each, [])) for each in columns]
        for title, blocks in part["figures"].items()
        for block, figures in blocks.items()
    }
    training, testing = part["rows"]
    return [
        f"## {part['title']}",
        "",
        f"{training:,} training and {testing:,} test rows, {len(part['seeds'])} seed(s); {part['told']}. Blocks: "
        f"{part['blocks']}; others have the same axes as one block.",
        "",
        table(columns, rows),
    ]


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    if result["quick"]:
        return ["Targets are for a full run."]
    lines = ["Targets:", ""]
    for part in result["sets"].values():
        for block, target in _TARGETS:
            value = float(np.mean(part["figures"][_OURS][block]["R² turn"]))
            lines.append(target._replace(name=f"{part['title']}: {target.name}").verdict(value))
    return lines


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """Two PNG images, of the digits."""
    from latentatlas.plots import blocks_figure, png_bytes, similarity_figure

    extras = result["sets"]["mnist"]["extras"]
    curves = {title.strip("*"): _curve(extras[title]["curve"]) for title in _CURVES}
    shown = extras[_OURS]["blocks"]
    blocks = {name: _from_text(text) for name, text in shown["blocks"].items()}
    angle = np.degrees(_from_text(shown["angle"])[:, 0])
    return {
        "partition_images_similarity": png_bytes(similarity_figure(curves, size="angle (degrees)")),
        "partition_images_blocks": png_bytes(
            blocks_figure(blocks, angle, name="angle of the turn (degrees)", period=360.0)
        ),
    }


def _cell(title: str, images: Pictures, budget: Budget, *, seed: int) -> dict[str, Any]:
    latent, seen = _latent(title, images, budget, seed=seed), Seen.of(images, seed=seed)
    extras: dict[str, Any] = {}
    if seed == 0 and list(images.changes.columns) == ["turn"]:
        block = "z" if latent.layout is None else "invariant"
        extras["curve"] = similarity_at(latent, images, _ANGLES, block=block)
        if title == _OURS:
            angle = torch.atan2(seen.parameters[:_SHOWN, 1], seen.parameters[:_SHOWN, 0])
            named = {name: _as_text(block) for name, block in latent.blocks(seen.views[:_SHOWN]).items()}
            extras["blocks"] = {"blocks": named, "angle": _as_text(angle[:, None].numpy())}
    return {"figures": judged(latent, seen), "extras": extras}


def _latent(title: str, images: Pictures, budget: Budget, *, seed: int) -> Trained:
    if title == _PIXELS:
        return Trained(None)
    if title == _RANDOM:
        dim = budget.layout(images).dim
        with reproducible(seed, threads=torch.get_num_threads()):
            return Trained(ImageEncoder(images.shape, dim, channels=budget.channels, hidden=budget.hidden, spread=1.0))
    return trained(title, images, budget, seed=seed)


def _curve(kept: Mapping[str, Any]) -> SimilarityCurve:
    sizes, similarity, spread_ = (np.array(kept[name]) for name in ("sizes", "similarity", "spread"))
    return SimilarityCurve(sizes, similarity, spread_, kept["other_records"], float("nan"))


def _as_text(rows: np.ndarray) -> str:
    """Numbers of half precision as bytes in base 64, with the number of columns before them.

    >>> _from_text(_as_text(np.ones((2, 3)))).shape
    (2, 3)
    """
    return f"{rows.shape[1]} {base64.b64encode(rows.astype(np.float16).tobytes()).decode()}"


def _from_text(text: str) -> np.ndarray:
    """The way back."""
    width, kept = text.split(" ")
    return np.frombuffer(base64.b64decode(kept), np.float16).reshape(-1, int(width)).astype(np.float64)
