"""Every method on every track and seed, chosen by training environments alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.colored_mnist.judging import Material
from latentatlas.experiments.colored_mnist.methods import METHODS
from latentatlas.experiments.colored_mnist.rows import AXES, TRACKS, draw
from latentatlas.experiments.colored_mnist.training import Budget
from latentatlas.experiments.maps.tables import Target, figure, spread, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = tuple(range(10))
_COLUMNS = ("test", "kept rows", "colour within labels", "chosen by extrapolated accuracy", "best weight by the test")
_OPTIMUM = {"colored": 0.75, "inverse": 0.85}
_TOO_GOOD = {"colored": 0.755, "inverse": 0.855}
_GUESS = "a guess"
_LEVEL = 0.05
_BLIND = tuple(f"{name}, {way}" for way in ("in one go", "after two rounds") for name in ("IRMv1", "V-REx", "Fishr"))
_TOLD = ("conditional HSIC", "conditional adversarial", "reweighting")
_ORACLE = "ERM on gray images (oracle)"
_BOUND = {"colored": 0.704, "inverse": 0.84}

_Methods = Mapping[str, Mapping[str, list[float]]]


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method, chosen and tested, on both tracks."""
    cells = cells or Cells()
    seeds = _SEEDS[:1] if quick else _SEEDS
    budget = Budget.of(quick=quick)
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for seed in seeds:
        for track in TRACKS:
            log(f"{track}, seed {seed}")
            material = Material(lambda t=track, s=seed: draw(TRACKS[t], seed=s, quick=quick), budget, seed=seed)
            makes = {_GUESS: material.guessed}
            makes |= {method.title: lambda m=method, rows=material: rows.judged(m) for method in METHODS}
            for title, make in makes.items():
                for name, value in cells.of(f"{track} {title} {seed}", make).items():
                    found.setdefault(track, {}).setdefault(title, {}).setdefault(name, []).append(value)
    return {"quick": quick, "seeds": list(seeds), "budget": vars(budget), "axes": AXES, "tracks": found}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/colored_mnist.md."""
    lines = [_about(result), "", _READING]
    for track, methods in result["tracks"].items():
        lines += ["", f"## {TRACKS[track].title}", "", f"No rule that is blind to colour is above {_OPTIMUM[track]:g}."]
        lines += ["", table((*_COLUMNS, "weights", "refuted", "alarm"), _rows(methods)), ""]
        lines += _verdicts(track, methods) if not result["quick"] else ["Targets are for a full run."]
    return "\n".join([*lines, "", "![Test accuracy of every method](colored_mnist.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """The picture of the page, as PNG."""
    png = BytesIO()
    _accuracies(result).savefig(png, dpi=110, bbox_inches="tight", metadata={"Software": None})
    return {"colored_mnist_quick" if result["quick"] else "colored_mnist": png.getvalue()}


_READING = "\n".join(
    [
        "- *test*: accuracy where the colour is reversed, of the weight that training environments choose. *kept "
        "rows*: of the same on the kept rows of the training environments.",
        "- *in one go*: the penalty beside the risk, a network from random weights. *after two rounds*: from random "
        "weights too, but first a network of the risk alone, then a second one for which the rows that the first has "
        "right, and those that it has wrong, weigh half each; the penalised part is a linear head on the two logits, "
        "or on both latents. Neither round knows a colour or an environment.",
        "- *chosen by*: among the weights whose kept rows do not refute equal log loss in both environments "
        "(`EqualScores`, level .05) the one with the least log loss; where all are refuted, the least refuted. "
        "*refuted*: in how many seeds that was so. *by extrapolated accuracy* is what `ExtrapolatedScore(1.0)` of the "
        "accuracy would have chosen, *by the test* what choosing by the test would print: neither is used.",
        "- *colour within labels*: association of prediction and colour within labels on the kept rows, along the "
        "direction in which label and colour go together (`metrics.over_correction`): above 0 colour is a shortcut, "
        "below 0 it is used reversed. *alarm*: in how many seeds `checks.Removal` fails for that.",
    ]
)


def _about(result: Mapping[str, Any]) -> str:
    source = "the bundled digits" if result["quick"] else "60,000 digits of MNIST at half the resolution"
    budget = result["budget"]
    return (
        f"{source[0].upper()}{source[1:]}, coloured by `data.synthetic.coloured_digits`; two environments to train on "
        f"and one to test. A perceptron on {result['axes']} principal components of the training images, one hidden "
        f"layer of {budget['hidden']} and a latent of 16, from random weights; {budget['steps']} steps of "
        f"{budget['batch']:,} rows (twice as many where a penalty compares environments, four times for conditional "
        f"HSIC), weight decay {budget['decay']:g}; heads by L-BFGS in {budget['stages']} stages of rising weight. A "
        "fifth of each training environment is kept to choose the weight of a penalty by; the test environment chooses "
        f"nothing. Mean ± standard deviation over {len(result['seeds'])} seed(s), each with its own colours, flipped "
        "labels, environments and weights."
    )


def _rows(methods: _Methods) -> dict[str, list[str]]:
    rows = {f"{_GUESS} [nothing]": _row(methods[_GUESS], penalised=False)}
    for method in METHODS:
        rows[f"{method.title} [{method.knows}]"] = _row(methods[method.title], penalised=method.penalty is not None)
    return rows


def _row(values: Mapping[str, list[float]], *, penalised: bool) -> list[str]:
    seeds = len(values["test"])
    return [
        *(spread(values[name]) for name in _COLUMNS),
        ", ".join(f"{weight:g}" for weight in sorted(set(values["weight"]))) if penalised else "–",
        f"{sum(p < _LEVEL for p in values['p'])} of {seeds}",
        f"{sum(values['alarm']):.0f} of {seeds}",
    ]


def _verdicts(track: str, methods: _Methods) -> list[str]:
    means = {name: float(np.mean(values["test"])) for name, values in methods.items()}
    lines = [Target(name, "≥", _BOUND[track]).verdict(means[name]) for name in _BLIND]
    lines += [Target(f"{name}, behind the oracle", "≤", 0.005).verdict(means[_ORACLE] - means[name]) for name in _TOLD]
    above, silent = _too_good(methods, _TOO_GOOD[track])
    lines.append(Target(f"runs above {_TOO_GOOD[track]:g} without the alarm", "≤", 0).verdict(len(silent)))
    if above:
        named = ", ".join(sorted(set(above)))
        lines.append(f"- {len(above)} runs are above {_TOO_GOOD[track]:g} ({named}): they use the colour reversed.")
    over = methods["marginal HSIC"]
    lines.append(
        f"- The alarm is shown at work by marginal HSIC, with one weight and no choice: it fails in "
        f"{sum(over['alarm']):.0f} of {len(over['alarm'])} seeds, with {figure(float(np.mean(over['test'])))} on the "
        f"test rows, and in {_alarms(methods, 'marginal HSIC')} of the runs of all other methods."
    )
    return lines


def _too_good(methods: _Methods, bound: float) -> tuple[list[str], list[str]]:
    """Names of methods, once for each run above the bound, and for each of these without alarm."""
    runs = [
        (name, alarm)
        for name, values in methods.items()
        for test, alarm in zip(values["test"], values["alarm"], strict=True)
        if test > bound
    ]
    return [name for name, _ in runs], [name for name, alarm in runs if not alarm]


def _alarms(methods: _Methods, besides: str) -> str:
    others = [alarm for name, values in methods.items() if name != besides for alarm in values["alarm"]]
    return f"{sum(others):.0f} of {len(others)}"


def _accuracies(result: Mapping[str, Any]) -> Figure:
    """A point for every seed, and the mean."""
    from matplotlib.figure import Figure

    tracks = result["tracks"]
    drawn = Figure(figsize=(9.0, 4.6), layout="constrained")
    for panel, (track, methods) in zip(
        drawn.subplots(1, len(tracks), sharey=True, squeeze=False)[0], tracks.items(), strict=True
    ):
        names = [_GUESS, *(method.title for method in METHODS)]
        for place, name in enumerate(names):
            values = methods[name]["test"]
            panel.plot(values, [place] * len(values), "o", color="#4477aa", alpha=0.4, markersize=4, clip_on=False)
            panel.plot(np.mean(values), place, "D", color="#222222", markersize=5)
        panel.axvline(_OPTIMUM[track], color="#cc6677", linewidth=1, label="best without colour")
        panel.axvline(0.5, color="#999999", linewidth=1, linestyle=":", label="a guess")
        panel.set_xlim(0, 1)
        panel.set_xlabel("test accuracy, colour reversed")
        panel.set_title("Colored MNIST" if track == "colored" else "Inverse")
        panel.set_yticks(range(len(names)), names)
        panel.spines[["top", "right"]].set_visible(False)
    drawn.axes[0].invert_yaxis()
    drawn.axes[0].legend(frameon=False, loc="lower left", fontsize=8)
    return drawn
