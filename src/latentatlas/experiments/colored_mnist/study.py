"""Every method on every track and seed, chosen by training environments alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.colored_mnist.methods import METHODS, Budget, judged
from latentatlas.experiments.colored_mnist.rows import TRACKS, Drawn, draw
from latentatlas.experiments.maps.tables import Target, spread, table

__all__ = ["run", "to_markdown"]

_SEEDS = tuple(range(10))
_COLUMNS = ("test", "training environments", "weight", "best weight by the test")
_OPTIMUM = {"colored": 0.75, "inverse": 0.85}
_TOO_GOOD = 0.755
_BLIND = ("IRMv1", "V-REx")
_TOLD = ("conditional HSIC", "conditional adversarial", "reweighting")
_ORACLE = "ERM on gray images (oracle)"


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method, chosen and tested, on both tracks."""
    cells = cells or Cells()
    seeds = _SEEDS[:1] if quick else _SEEDS
    budget = Budget.of(quick=quick)
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for track in TRACKS:
        for seed in seeds:
            log(f"{track}, seed {seed}")
            rows = _Once(lambda t=track, s=seed: draw(TRACKS[t], seed=s, quick=quick))
            for method in METHODS:
                values = cells.of(
                    f"{track} {method.title} {seed}", lambda m=method, r=rows, s=seed: judged(m, r(), budget, seed=s)
                )
                for name, value in values.items():
                    found.setdefault(track, {}).setdefault(method.title, {}).setdefault(name, []).append(value)
    return {"quick": quick, "seeds": list(seeds), "steps": budget.steps, "batch": budget.batch, "tracks": found}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/colored_mnist.md."""
    source = "the bundled digits" if result["quick"] else "60,000 digits of MNIST at half the resolution"
    lines = [
        f"{source[0].upper()}{source[1:]}, coloured by `data.synthetic.coloured_digits`; two environments to train on "
        f"and one to test. A perceptron of two hidden layers from random initialisation, {result['steps']} steps of "
        f"{result['batch']:,} rows. A tenth of each training environment is kept to choose the weight of a penalty, by "
        "`train.select` with `ExtrapolatedScore(1.0)`; the test environment chooses nothing. “Best weight by the test” "
        f"is what choosing by the test would print. Mean ± standard deviation over {len(result['seeds'])} seed(s).",
    ]
    for track, methods in result["tracks"].items():
        rows = {
            f"{method.title} [{method.knows}]": [spread(methods[method.title][name]) for name in _COLUMNS]
            for method in METHODS
            if method.title in methods
        }
        lines += ["", f"## {TRACKS[track].title}", "", f"No rule that is blind to colour is above {_OPTIMUM[track]:g}."]
        lines += ["", table(_COLUMNS, rows), ""]
        lines += _verdicts(track, methods) if not result["quick"] else ["Targets are for a full run."]
    return "\n".join(lines)


def _verdicts(track: str, methods: Mapping[str, Mapping[str, list[float]]]) -> list[str]:
    means = {name: float(np.mean(values["test"])) for name, values in methods.items()}
    if track == "inverse":
        return [Target(name, "≥", 0.84).verdict(means[name]) for name in _BLIND]
    lines = [Target(f"{name}, environments only", "≥", 0.704).verdict(means[name]) for name in _BLIND]
    lines += [Target(f"{name}, behind the oracle", "≤", 0.005).verdict(means[_ORACLE] - means[name]) for name in _TOLD]
    above = [name for name, value in means.items() if value > _TOO_GOOD]
    lines += [f"- above {_TOO_GOOD:g}, so colour is used backwards: {', '.join(above)}"] if above else []
    return lines


class _Once:
    """Rows that are drawn when they are first needed."""

    def __init__(self, make: Callable[[], Drawn]):
        self._make = make
        self._drawn: Drawn | None = None

    def __call__(self) -> Drawn:
        if self._drawn is None:
            self._drawn = self._make()
        return self._drawn
