"""Study `few-shot`: digits told apart by one, five or ten labelled examples of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.energies.classifying import LEARNERS, NO_PRIOR, PRIOR, Learner, told
from latentatlas.experiments.energies.digits import SEEDS, digits, labels_of
from latentatlas.experiments.maps.tables import Target, spread, table

__all__ = ["drawn_examples", "pictures", "run", "to_markdown"]

_SHOTS = (1, 5, 10)
_DRAWS, _QUICK_DRAWS = 10, 2
_TARGETS = (Target(NO_PRIOR, "≥", 0.95), Target(PRIOR, "≥", 0.95))
_TARGET_SHOTS = 5


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Accuracy on the test rows of every learner, for each number of examples and each draw of them."""
    cells = cells or Cells()
    draws = _QUICK_DRAWS if quick else _DRAWS
    found: dict[str, dict[str, list[float]]] = {}
    for draw in range(draws):
        log(f"draw {draw + 1} of {draws}")
        for title, learner in LEARNERS.items():
            for shots in _SHOTS:
                value = cells.of(
                    f"{title} {shots} {draw}", lambda e=learner, s=shots, d=draw: _accuracy(e, s, d, quick=quick)
                )
                found.setdefault(title, {}).setdefault(str(shots), []).append(value)
    return {
        "quick": quick,
        "rows": [len(part) for part in digits(quick=quick)],
        "draws": draws,
        "methods": found,
        "told": cells.of("told", lambda: told(quick=quick)),
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/few_shot.md."""
    training, testing = result["rows"]
    columns = [f"{shots} a class" for shots in _SHOTS]
    rows = {name: [spread(found[str(shots)]) for shots in _SHOTS] for name, found in result["methods"].items()}
    alike = {name: [spread([value])] * len(_SHOTS) for name, value in result["told"].items()}
    lines = [
        f"{training:,} training rows of MNIST without labels, and a few of them with: so many of each digit, drawn at "
        f"random {result['draws']} times. Accuracy on {testing:,} test rows, mean ± standard deviation over "
        f"the draws; ours has a fit of its own, one of {len(SEEDS)}, for every draw. Ours knows that there are ten "
        "digits. The image prior: strokes are made upright and central, and seen as directions of edges "
        "(`OrientedEdges`).",
        "",
        table(columns, rows | alike),
        "",
        "Targets are for a full run." if result["quick"] else "Targets, five examples a class:",
        "",
    ]
    means = {name: float(np.mean(found[str(_TARGET_SHOTS)])) for name, found in result["methods"].items()}
    lines += [] if result["quick"] else [target.verdict(means[target.name]) for target in _TARGETS]
    return "\n".join([*lines, "", "![Accuracy of every learner against the number of examples](few_shot.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.experiments.energies.figures import lines_figure
    from latentatlas.plots import png_bytes

    curves = {
        name: {float(shots): values for shots, values in found.items()} for name, found in result["methods"].items()
    }
    drawn = lines_figure(
        {"": curves}, across="labelled examples of each digit", up="accuracy on test rows", ticks=_SHOTS
    )
    return {"few_shot": png_bytes(drawn)}


def drawn_examples(label: np.ndarray, shots: int, *, seed: int) -> np.ndarray:
    """Numbers of so many rows of every class.

    >>> drawn_examples(np.array([0, 1, 1]), 1, seed=0).tolist() in ([0, 1], [0, 2])
    True
    """
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.choice(np.flatnonzero(label == each), shots, replace=False) for each in np.unique(label)]
    )


def _accuracy(learner: Learner, shots: int, draw: int, *, quick: bool) -> float:
    train, test = digits(quick=quick)
    rows = drawn_examples(labels_of(train), shots, seed=draw)
    seed = SEEDS[0] if quick else SEEDS[draw % len(SEEDS)]
    return float((learner(rows, seed=seed, quick=quick) == labels_of(test)).mean())
