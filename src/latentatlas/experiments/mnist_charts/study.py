"""Charts that start from groups of a layout, beside models of equal size and the simplest rows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from latentatlas.core import reproducible
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.clusters.ours import BasinGroups
from latentatlas.experiments.energies.digits import Digits, digits, labels_of
from latentatlas.experiments.maps.tables import MISSING, Target, figure, spread, table
from latentatlas.experiments.mnist_charts.figures import codes_figure
from latentatlas.experiments.mnist_charts.judging import COLUMNS, judged, judged_groups
from latentatlas.experiments.mnist_charts.models import (
    AXES,
    CHARTS,
    CODES,
    Shape,
    Spending,
    Trained,
    numbers_of,
    trained,
)
from latentatlas.metrics import MeanSquaredError

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_OURS, _ALONE, _ORACLE = (
    "**ours**, charts from groups",
    "**ours**, charts by error alone",
    "ours, told the digits (oracle)",
)
_PLAIN, _CODED = "autoencoder of equal size", "VQ-VAE of equal size, 160 codes"
_RANDOM, _SHOWN, _SHOWN_PLAIN = (
    "random charts, mean image",
    "TopoEncoder (shown, AMI supervised)",
    "its autoencoder (shown)",
)
_MANY = Shape(CHARTS, CODES, detail=True)
_SHAPES = {
    _OURS: _MANY,
    _ALONE: _MANY,
    _ORACLE: _MANY,
    _PLAIN: Shape(1, 0, detail=True),
    _CODED: Shape(1, CHARTS * CODES, detail=False),
}
_KMEANS = (CHARTS, CHARTS * CODES)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """All rows of the table, one entry a seed, and the decoded codes of the picture."""
    cells = cells or Cells()
    rows = digits(quick=quick)
    spending = Spending(steps=20) if quick else Spending()
    seeds = _SEEDS[:1] if quick else _SEEDS
    figures: dict[str, dict[str, list[float]]] = {}
    numbers: dict[str, int] = {}
    shown: dict[str, Any] = {}
    for seed in seeds:
        log(f"seed {seed}: groups of a layout")
        groups = cells.of(f"groups {seed}", lambda s=seed: _groups(rows, seed=s))
        told = {_OURS: np.array(groups), _ORACLE: _numbered(labels_of(rows.train))}
        for title, shape in _SHAPES.items():
            log(f"seed {seed}: {title}")
            part = cells.of(
                f"{title} {seed}",
                lambda t=title, s=shape, n=seed, g=told: _fitted(rows, s, g.get(t), spending, seed=n),
            )
            numbers[title] = part["numbers"]
            _note(figures, title, part["figures"])
            if title == _OURS:
                shown = shown or part["shown"]
        for title, found in cells.of(f"plain rows {seed}", lambda s=seed: _simplest(rows, seed=s)).items():
            _note(figures, title, found)
        _note(figures, "the groups themselves, fitted rows", judged_groups(told[_OURS], labels_of(rows.train)))
    return {
        "quick": quick,
        "seeds": list(seeds),
        "rows": [len(part) for part in rows],
        "steps": spending.steps,
        "numbers": numbers,
        "figures": figures,
        "shown": shown,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/mnist_charts.md."""
    training, testing = result["rows"]
    sizes = "; ".join(f"{title.replace('*', '')} {count:,}" for title, count in result["numbers"].items())
    rows = {title: [spread(found.get(name, [])) for name in COLUMNS] for title, found in result["figures"].items()}
    rows[_SHOWN] = [figure(0.0527), MISSING, MISSING, figure(0.830), figure(0.922), MISSING, MISSING]
    rows[_SHOWN_PLAIN] = [figure(0.0359), *[MISSING] * 6]
    lines = [
        f"{training:,} training rows of MNIST, pixels from 0 to 1; figures on {testing:,} test rows, mean ± standard "
        f"deviation over {len(result['seeds'])} seed(s). {CHARTS} charts of {AXES} axes with {CODES} codes each. Every "
        f"model reads the same 48 principal components and has {result['steps']:,} steps of 512 rows. Numbers held, "
        f"principal axes included: {sizes}.",
        "",
        "**Ours** sees no label. *Charts from groups*: ten groups of the density of five layouts, one of which is kept "
        "(as in the study mnist-clusters, no prior), tell the router its charts; charts and router also learn by the "
        "error of each chart, and the gate goes from soft to hard. *By error alone*: no groups, the router begins at "
        "k-means. *Told the digits*: labels in place of groups.",
        "",
        "- *MSE*: of pixels, decoded by the likeliest chart alone; *code alone*: from chart and code, without "
        "the place beside the code.",
        "- *soft/hard gap*: how much larger the error is than that of all charts blended by a soft gate; below 0 the "
        "blend is worse.",
        "- *AMI*, *ACC of charts*: likeliest chart against digit, adjusted for chance, and under the best one-to-one "
        "match; *AMI of codes*: chart and code together.",
        f"- *codes in use*: of {CODES} in the chart that uses fewest; in use is a tenth of the even share.",
        "",
        table(COLUMNS, rows),
        "",
        "Targets are for a full run." if result["quick"] else "Targets, **ours**, charts from groups:",
        "",
    ]
    lines += [] if result["quick"] else _verdicts(result["figures"][_OURS])
    return "\n".join([*lines, "", "![What the codes of each chart decode to](mnist_charts.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.plots import png_bytes

    return {"mnist_charts": png_bytes(codes_figure(result["shown"]["pixels"], result["shown"]["names"]))}


def _groups(rows: Digits, *, seed: int) -> list[int]:
    """Ten groups of the training rows, without labels."""
    with reproducible(seed, threads=1):
        return BasinGroups("groups", count=CHARTS).fit(rows.train.x, seed=seed).groups.tolist()


def _fitted(
    rows: Digits, shape: Shape, group: Int[np.ndarray, " n"] | None, spending: Spending, *, seed: int
) -> dict[str, Any]:
    fitted = trained(torch.from_numpy(rows.train.x), shape, group, spending, seed=seed)
    test = torch.from_numpy(rows.test.x)
    found: dict[str, Any] = {
        "numbers": numbers_of(fitted.stem, fitted.model),
        "figures": judged(fitted, test, labels_of(rows.test)),
    }
    return found | ({"shown": _shown(fitted, test)} if shape == _MANY else {})


@torch.no_grad()
def _shown(fitted: Trained, x: torch.Tensor) -> dict[str, Any]:
    """What each code of each chart decodes to, along the first axis of the chart, and the size of the charts."""
    model = fitted.model
    assert model.codebook is not None
    places = model.codebook.places
    order = places[..., 0].argsort(dim=1)[..., None].expand_as(places)
    decoded = model.decoder.base(places.gather(1, order).transpose(0, 1))
    pixels = fitted.decoded(decoded.transpose(0, 1).flatten(0, 1)).reshape(*places.shape[:2], -1)
    share = torch.bincount(model.route(fitted.stem(x)).argmax(dim=1), minlength=len(places)) / len(x)
    return {
        "pixels": [[_packed(image) for image in chart] for chart in pixels],
        "names": [f"chart {k + 1}, {float(part):.0%}" for k, part in enumerate(share)],
    }


def _packed(image: Float[np.ndarray, " pixels"]) -> str:
    """One byte for each pixel, in base64."""
    return base64.b64encode(np.round(255 * np.clip(image, 0, 1)).astype(np.uint8).tobytes()).decode()


def _simplest(rows: Digits, *, seed: int) -> dict[str, dict[str, float]]:
    """k-means of pixels with as many means as charts, and as codes; charts at random."""
    from sklearn.cluster import MiniBatchKMeans

    train, test, label = rows.train.x, rows.test.x, labels_of(rows.test)
    found: dict[str, dict[str, float]] = {}
    for count in _KMEANS:
        means = MiniBatchKMeans(count, n_init=3, batch_size=4096, random_state=seed).fit(train)
        cell = means.predict(test)
        agreement = judged_groups(cell, label)
        kept = agreement if count == CHARTS else {"AMI of codes": agreement["AMI of charts"]}
        found[f"k-means, {count}"] = {"MSE": MeanSquaredError()(test, means.cluster_centers_[cell]), **kept}
    chance = judged_groups(np.random.default_rng(seed).integers(CHARTS, size=len(test)), label)
    mean = np.broadcast_to(train.mean(axis=0), test.shape)
    return found | {_RANDOM: {"MSE": MeanSquaredError()(test, mean), **chance}}


def _numbered(label: np.ndarray) -> Int[np.ndarray, " n"]:
    return np.unique(label, return_inverse=True)[1].reshape(-1)


def _note(figures: dict[str, dict[str, list[float]]], title: str, values: Mapping[str, float]) -> None:
    for name, value in values.items():
        figures.setdefault(title, {}).setdefault(name, []).append(value)


def _verdicts(ours: Mapping[str, list[float]]) -> list[str]:
    targets = (
        Target("MSE", "≤", 0.0359),
        Target("AMI of charts", "≥", 0.90),
        Target("codes in use", "≥", 14),
        Target("soft/hard gap", "≤", 0.05),
    )
    return [target.verdict(float(np.mean(ours[target.name]))) for target in targets]
