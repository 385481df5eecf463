"""Study `source-erasure`: the product domain out of review embeddings, and what is left of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from latentatlas.erasure import KernelEraser, LinearEraser
from latentatlas.experiments.erasures import (
    PROBES,
    Reviews,
    cross_validated,
    held_out_accuracy,
    load_reviews,
    within_group_overlap,
)
from latentatlas.experiments.erasures.group_maps import GaussianMaps
from latentatlas.experiments.maps.tables import Target, spread, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_QUICK_ROWS = 900
_TRAIN, _VALIDATION = 0.7, 0.2
_SOFTNESS = (0.25, 0.1, 0.06, 0.04, 0.025)
_LEAST_OVERLAP = 0.65
_FOLDS = 3
_PROJECTED = 8
_NONE, _LINEAR, _LOGIT = "nothing erased", "**ours**, LinearEraser (LEACE)", "1-D sentiment logit (cheats)"
_ALONE, _GUESSED = "**ours**, KernelEraser, domain given", "**ours**, KernelEraser, domain guessed"
_GIVEN = "**ours**, KernelEraser then LinearEraser, domain given"
_MAPS, _RANDOM = "one Gaussian map per domain, domain given", f"random projection to {_PROJECTED} axes"
_KEPT = ("sentiment", "stars", "length")
_PROBED = (*PROBES, *(f"{name}, sceptic" for name in PROBES))


class _Erased(NamedTuple):
    name: str
    train: np.ndarray
    test: np.ndarray


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Every row for three splits."""
    reviews = load_reviews(_QUICK_ROWS if quick else None)
    seeds = _SEEDS[:1] if quick else _SEEDS
    rows: dict[str, dict[str, list[float]]] = {}
    chance, chosen = [], []
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(reviews.x))
        train, test = (reviews.take(part) for part in np.split(order, [int(_TRAIN * len(order))]))
        softness = _softness(train, seed)
        chosen.append(softness)
        chance.append(float(np.unique(test.domain, return_counts=True)[1].max() / len(test.domain)))
        for erased in _erased(train, test, softness, seed):
            figures = _judged(erased, train, test, seed)
            for name, value in figures.items():
                rows.setdefault(erased.name, {}).setdefault(name, []).append(value)
            log(f"seed {seed}, {erased.name}: kNN {figures['kNN']:.3f}, sentiment {figures['sentiment']:.3f}")
    return {
        "quick": quick,
        "seeds": list(seeds),
        "count": len(reviews.x),
        "chance": chance,
        "softness": chosen,
        "rows": rows,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/source_erasure.md."""
    rows = result["rows"]
    chance = float(np.mean(result["chance"]))
    columns = (*_PROBED, *_KEPT, "overlap", "axes")
    lines = [
        f"{result['count']:,} reviews without duplicate texts, 384 axes (MiniLM); nuisance: the domain (books, dvd, "
        f"electronics, kitchen). Erasers are fitted on {_TRAIN:.0%} of the rows; everything is scored on the others. "
        f"Mean ± standard deviation over {len(result['seeds'])} split(s). A domain is guessed right with probability "
        f"{chance:.3f} without looking (the largest domain among the scored rows).",
        "",
        "*linear*, *kNN* (15 voters) and *MLP* (128 units) read the domain. They are fitted on the erased training "
        f"rows; the *sceptic*'s are fitted on rows the eraser has not seen ({_FOLDS}-fold within the scored rows), so "
        "that they see what is new in them. *sentiment*, *stars* (1, 2, 4, 5) and *length* (quartiles of characters) "
        "are accuracies of a linear probe fitted on the erased training rows. *overlap*: of the 15 nearest scored rows "
        "of the same domain, the share that is kept.",
        "",
        f"`softness` of KernelEraser is the narrowest of {', '.join(map(str, _SOFTNESS))} that keeps an overlap of "
        f"{_LEAST_OVERLAP} on a fifth of the training rows; chosen: {', '.join(map(str, result['softness']))}. No "
        "other setting is chosen, no label and no scored row is looked at.",
        "",
        table(columns, {name: [spread(values[column]) for column in columns] for name, values in rows.items()}),
        "",
        f"Targets, for `{_GIVEN.replace('*', '')}`:",
        "",
    ]
    lines += [target.verdict(value) for target, value in _targets(rows, chance)]
    return "\n".join([*lines, "", "![The probes of each row, and what it keeps](source_erasure.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    return {"source_erasure": _png(_figure(result))}


def _softness(train: Reviews, seed: int) -> float:
    """The narrowest width that keeps the neighbours of rows set aside from the training rows."""
    order = np.random.default_rng(seed + 1000).permutation(len(train.x))
    aside, fitted = (train.take(part) for part in np.split(order, [int(_VALIDATION * len(order))]))
    best = _SOFTNESS[0]
    for softness in _SOFTNESS:
        eraser = KernelEraser(softness=softness).fit(fitted.x, fitted.domain)
        kept = within_group_overlap(aside.x, eraser.transform(aside.x, aside.domain), aside.domain)
        if kept < _LEAST_OVERLAP:
            break
        best = softness
    return best


def _erased(train: Reviews, test: Reviews, softness: float, seed: int) -> list[_Erased]:
    linear = LinearEraser().fit(train.x, train.domain)
    kernel = KernelEraser(softness=softness).fit(train.x, train.domain)
    moved = [kernel.transform(part.x, part.domain) for part in (train, test)]
    after = LinearEraser().fit(moved[0], train.domain)
    maps = GaussianMaps.fit(train.x, train.domain)
    logit = PROBES["linear"]().fit(train.x, train.sentiment)
    axes = np.random.default_rng(seed).standard_normal((train.x.shape[1], _PROJECTED)).astype(np.float32)
    return [
        _Erased(_NONE, train.x, test.x),
        _Erased(_LINEAR, linear.transform(train.x), linear.transform(test.x)),
        _Erased(_ALONE, *moved),
        _Erased(_GIVEN, *(after.transform(part) for part in moved)),
        _Erased(_GUESSED, kernel.transform(train.x), kernel.transform(test.x)),
        _Erased(_MAPS, maps(train.x, train.domain), maps(test.x, test.domain)),
        _Erased(_LOGIT, *(logit.decision_function(part.x)[:, None] for part in (train, test))),
        _Erased(_RANDOM, train.x @ axes, test.x @ axes),
    ]


def _judged(erased: _Erased, train: Reviews, test: Reviews, seed: int) -> dict[str, float]:
    figures = {}
    for name, make in PROBES.items():
        figures[name] = held_out_accuracy(make, erased.train, train.domain, test=erased.test, truth=test.domain)
        figures[f"{name}, sceptic"] = cross_validated(make, erased.test, test.domain, folds=_FOLDS, seed=seed)
    for name in _KEPT:
        figures[name] = held_out_accuracy(
            PROBES["linear"], erased.train, getattr(train, name), test=erased.test, truth=getattr(test, name)
        )
    figures["overlap"] = within_group_overlap(test.x, erased.test, test.domain)
    figures["axes"] = float(erased.test.shape[1])
    return figures


def _targets(rows: Mapping[str, Mapping[str, list[float]]], chance: float) -> list[tuple[Target, float]]:
    mean = {name: float(np.mean(values)) for name, values in rows[_GIVEN].items()}
    raw = {name: float(np.mean(values)) for name, values in rows[_NONE].items()}
    probes = [(Target(f"{name} probe above chance", "≤", 0.03), mean[name] - chance) for name in PROBES]
    bounds = {"sentiment": 0.01, "stars": 0.02, "length": 0.02}
    lost = [(Target(f"{name} lost", "≤", bound), raw[name] - mean[name]) for name, bound in bounds.items()]
    return [*probes, *lost, (Target("overlap within a domain", "≥", 0.6), mean["overlap"])]


def _figure(result: Mapping[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK

    rows = result["rows"]
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = {"The domain can be read (accuracy)": tuple(PROBES), "What is kept": (*_KEPT, "overlap")}
    for panel, (title, columns) in zip(panels, titles.items(), strict=True):
        for number, column in enumerate(columns):
            means = [float(np.mean(values[column])) for values in rows.values()]
            places = np.arange(len(means)) + (number - (len(columns) - 1) / 2) * 0.14
            panel.scatter(means, places, color=CATEGORY_COLOURS[number], label=column, s=34)
        panel.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold")
        panel.set_xlim(0, 1.02)
        panel.grid(axis="x", color=FAINT, linewidth=0.4, alpha=0.5)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=4)
    panels[0].axvline(float(np.mean(result["chance"])), color=INK, linewidth=1, linestyle="--")
    panels[0].set_yticks(range(len(rows)), [name.replace("*", "") for name in rows], fontsize=8)
    panels[0].invert_yaxis()
    return figure


def _png(figure: Figure) -> bytes:
    out = BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
