"""Study `single-cell`: cells of three donors mixed, beside Harmony's reference result; types kept on made cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from latentatlas.data import load_corpus
from latentatlas.erasure import KernelEraser, LinearEraser
from latentatlas.experiments.erasures import same_group_share, within_group_overlap
from latentatlas.experiments.maps.tables import Target, figure, spread, table
from latentatlas.metrics import AdjustedRand, NeighbourAccuracy, NormalizedMutualInfo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MadeCells", "made_cells", "pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_NEIGHBOURS = 30
_FITTED = 0.7
_DRAWN = 1_500
_SOFTNESS = (0.5, 0.35, 0.25, 0.2, 0.15)
_RAW, _HARMONY, _OURS = "raw principal components", "Harmony (its published result)", "**ours**, KernelEraser"
_LINEAR = "**ours**, LinearEraser"
_GIVEN, _GUESSED = "**ours**, KernelEraser, donor given", "**ours**, KernelEraser, donor guessed"
_KEPT_COLUMNS = ("same-donor share", "overlap, k = 15", "overlap, k = 30")
_TYPE_COLUMNS = ("same-donor share", "overlap, k = 15", "type across donors", "NMI of types", "ARI of types")


class MadeCells(NamedTuple):
    """Cells whose types are known.

    Attributes:
        clean: without the effect of the donors.
        x: with it: a shift for each donor, and a smaller one for each donor and type.
        donor: of each cell; donors differ in composition, and one lacks a type.
        kind: type of each cell.
    """

    clean: np.ndarray
    x: np.ndarray
    donor: np.ndarray
    kind: np.ndarray


def made_cells(seed: int, *, cells: int = 600) -> MadeCells:
    """Five Gaussian types in 20 axes, three donors of `cells` cells each.

    >>> made = made_cells(0, cells=100)
    >>> made.x.shape, sorted(set(made.kind[made.donor == "C"].tolist()))
    ((300, 20), [0, 1, 2, 3])
    """
    rng = np.random.default_rng(seed)
    centres = 5 * np.linalg.qr(rng.normal(size=(20, 20)))[0][:5]
    shares = {"A": [0.3, 0.3, 0.2, 0.1, 0.1], "B": [0.1, 0.2, 0.3, 0.2, 0.2], "C": [0.4, 0.3, 0.2, 0.1, 0.0]}
    parts = []
    for name, share in shares.items():
        kind = np.repeat(np.arange(5), np.round(np.array(share) * cells).astype(int))
        clean = centres[kind] + rng.normal(size=(len(kind), 20))
        shift = rng.normal(size=20) + 0.5 * rng.normal(size=(5, 20))[kind]
        parts.append((clean, clean + shift, np.full(len(kind), name), kind))
    return MadeCells(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """The cells as a whole, cells that the fit has not seen, and made cells."""
    table_, harmony = load_corpus("pbmc"), load_corpus("pbmc", "harmony").x
    x, donor = table_.x, table_.metadata["donor"].astype(str)
    if quick:
        rows = np.sort(np.random.default_rng(0).choice(len(x), 600, replace=False))
        x, donor, harmony = x[rows], donor[rows], harmony[rows]
    seeds = _SEEDS[:1] if quick else _SEEDS
    log(f"{len(x):,} cells: all of them")
    whole, shown = _whole(x, donor, harmony, _SOFTNESS[1:3] if quick else _SOFTNESS)
    new: dict[str, dict[str, list[float]]] = {}
    made: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        log(f"seed {seed}: cells not seen, and made cells")
        _append(new, _unseen(x, donor, harmony, seed))
        _append(made, _made(made_cells(seed, cells=100 if quick else 600)))
    counts = np.unique(donor, return_counts=True)[1] / len(donor)
    return {
        "quick": quick,
        "seeds": list(seeds),
        "count": len(x),
        "chance": float((counts**2).sum()),
        "whole": whole,
        "new": new,
        "made": made,
        "shown": shown,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/single_cell.md."""
    whole, new, made = result["whole"], result["new"], result["made"]
    lines = [
        f"{result['count']:,} blood cells of three donors, 30 principal components. *Same-donor share*: of the "
        f"{_NEIGHBOURS} nearest cells, those of the same donor; {result['chance']:.3f} if donors were mixed at random. "
        "*Overlap*: of the 15 or 30 nearest cells of the same donor in the raw components, the share that is kept. "
        "Harmony is not run here: it is the result that its authors publish with these cells.",
        "",
        "## All cells, fitted on all of them, as Harmony is",
        "",
        table(_KEPT_COLUMNS, {name: [figure(values[c]) for c in _KEPT_COLUMNS] for name, values in whole.items()}),
        "",
        "The default of `softness` is 0.25. The other rows show what the setting trades.",
        "",
        f"## Cells that the fit has not seen: {1 - _FITTED:.0%} of them, neighbours among all cells",
        "",
        f"Mean ± standard deviation over {len(result['seeds'])} split(s). Harmony has seen these cells.",
        "",
        table(_KEPT_COLUMNS, {name: [spread(values[c]) for c in _KEPT_COLUMNS] for name, values in new.items()}),
        "",
        "## Made cells of known types",
        "",
        "Five types in 20 axes, three donors of unlike composition, one of them without the fifth type; a shift for "
        "each donor and a smaller one for each donor and type. *Type across donors*: accuracy of the type of a cell "
        "from its five nearest cells of the other donors. *NMI*, *ARI*: k-means with five groups against the types.",
        "",
        table(_TYPE_COLUMNS, {name: [spread(values[c]) for c in _TYPE_COLUMNS] for name, values in made.items()}),
        "",
        "## Targets",
        "",
    ]
    lines += [target.verdict(value) for target, value in _targets(whole, new)]
    return "\n".join([*lines, "", "![Two principal components by donor: raw, Harmony, ours](single_cell.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    return {"single_cell": _png(_figure(result["shown"]))}


def _whole(
    x: np.ndarray, donor: np.ndarray, harmony: np.ndarray, widths: tuple[float, ...]
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    ways = {_RAW: x, _HARMONY: harmony, _LINEAR: LinearEraser().fit(x, donor).transform(x)}
    ways[_OURS] = KernelEraser().fit(x, donor).transform(x, donor)
    default = KernelEraser().softness
    for width in widths:
        if width != default:
            ways[f"{_OURS}, softness {width}"] = KernelEraser(softness=width).fit(x, donor).transform(x, donor)
    drawn = np.random.default_rng(0).permutation(len(x))[:_DRAWN]
    shown: dict[str, Any] = {name: _plane(ways[name])[drawn].tolist() for name in (_RAW, _HARMONY, _OURS)}
    shown["donor"] = donor[drawn].tolist()
    return {name: _kept(x, z, donor, np.arange(len(x))) for name, z in ways.items()}, shown


def _unseen(x: np.ndarray, donor: np.ndarray, harmony: np.ndarray, seed: int) -> dict[str, dict[str, float]]:
    order = np.random.default_rng(seed).permutation(len(x))
    fitted, new = np.split(order, [int(_FITTED * len(x))])
    kernel = KernelEraser().fit(x[fitted], donor[fitted])
    linear = LinearEraser().fit(x[fitted], donor[fitted])
    guessed = kernel.transform(x, donor)
    guessed[new] = kernel.transform(x[new])
    ways = {_RAW: x, _HARMONY: harmony, _LINEAR: linear.transform(x)}
    ways |= {_GIVEN: kernel.transform(x, donor), _GUESSED: guessed}
    return {name: _kept(x, z, donor, new) for name, z in ways.items()}


def _kept(x: np.ndarray, z: np.ndarray, donor: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    share = same_group_share(z, donor, k=_NEIGHBOURS, rows=rows)
    overlaps = {f"overlap, k = {k}": within_group_overlap(x[rows], z[rows], donor[rows], k=k) for k in (15, 30)}
    return {"same-donor share": share, **overlaps}


def _made(cells: MadeCells) -> dict[str, dict[str, float]]:
    ways = {
        "as made": cells.x,
        _LINEAR: LinearEraser().fit(cells.x, cells.donor).transform(cells.x),
        _OURS: KernelEraser().fit(cells.x, cells.donor).transform(cells.x, cells.donor),
        "without the donors' effect (oracle)": cells.clean,
    }
    return {name: _typed(cells, z) for name, z in ways.items()}


def _typed(cells: MadeCells, z: np.ndarray) -> dict[str, float]:
    from sklearn.cluster import KMeans

    across = []
    for name in np.unique(cells.donor):
        others = cells.donor != name
        accuracy = NeighbourAccuracy(5).held_out(
            z[others], cells.kind[others], z_test=z[~others], label_test=cells.kind[~others]
        )
        across.append(accuracy)
    groups = KMeans(5, n_init=10, random_state=0).fit_predict(z)
    return {
        **_kept(cells.x, z, cells.donor, np.arange(len(z))),
        "type across donors": float(np.mean(across)),
        "NMI of types": NormalizedMutualInfo()(cells.kind, groups),
        "ARI of types": AdjustedRand()(cells.kind, groups),
    }


def _append(results: dict[str, dict[str, list[float]]], found: Mapping[str, Mapping[str, float]]) -> None:
    for name, values in found.items():
        for column, value in values.items():
            results.setdefault(name, {}).setdefault(column, []).append(value)


def _targets(
    whole: Mapping[str, Mapping[str, float]], new: Mapping[str, Mapping[str, list[float]]]
) -> list[tuple[Target, float]]:
    ours, theirs = whole[_OURS], whole[_HARMONY]
    unseen = {column: float(np.mean(values)) for column, values in new[_GIVEN].items()}
    reference = {column: float(np.mean(values)) for column, values in new[_HARMONY].items()}
    targets = [(Target("all cells, same-donor share", "≤", 0.45), ours["same-donor share"])]
    targets += [
        (Target(f"all cells, {column} (Harmony's)", "≥", round(theirs[column], 4)), ours[column])
        for column in _KEPT_COLUMNS[1:]
    ]
    targets += [(Target("new cells, donor given, same-donor share", "≤", 0.45), unseen["same-donor share"])]
    return targets + [
        (Target(f"new cells, donor given, {column} (Harmony's)", "≥", round(reference[column], 4)), unseen[column])
        for column in _KEPT_COLUMNS[1:]
    ]


def _plane(z: np.ndarray) -> np.ndarray:
    """Two principal components, rounded: for the picture."""
    centred = z - z.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    axes = axes * np.sign(axes.sum(axis=1, keepdims=True))
    return np.round((centred @ axes.T).astype(np.float64), 1)


def _figure(shown: Mapping[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, INK, bare

    figure_ = Figure(figsize=(13, 4.4), layout="constrained")
    donor = np.array(shown["donor"])
    names = np.unique(donor)
    panels = {name: points for name, points in shown.items() if name != "donor"}
    for axes, (name, points) in zip(figure_.subplots(1, len(panels)), panels.items(), strict=True):
        places, codes = np.array(points), np.searchsorted(names, donor)
        axes.scatter(*places.T, c=np.array(CATEGORY_COLOURS)[codes], s=4, linewidths=0, rasterized=True)
        axes.set_title(name.replace("*", ""), loc="left", fontsize=11, color=INK, fontweight="bold")
        bare(axes)
    for number, name in enumerate(names):
        figure_.axes[0].scatter([], [], color=CATEGORY_COLOURS[number], label=f"donor {name}", s=20)
    figure_.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure_


def _png(figure_: Figure) -> bytes:
    out = BytesIO()
    figure_.savefig(out, format="png", dpi=110)
    return out.getvalue()
