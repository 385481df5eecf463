"""Study `anomaly`: a digit that no training row shows is to be told from the others."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.energies.digits import SEEDS, digits, labels_of
from latentatlas.experiments.energies.scoring import ATLAS_SCORE, ENERGY_SCORE, SCORERS, Scorer
from latentatlas.experiments.maps.tables import Target, spread, table

__all__ = ["area", "pictures", "run", "to_markdown"]

_DIGITS, _QUICK_DIGITS = (1, 4, 5, 7, 9), (1,)
_TRAINING = 10_000
_KEPT_ASIDE = 0.2  # of the usual rows, in the published protocol
_AMONG_TEST, _MORE_STRANGE = "among the test rows", "among more strange rows"
_SHOWN = {
    "latent EBM (shown)": (0.336, 0.630, 0.619, 0.463, 0.413),
    "VAE (shown)": (0.063, 0.337, 0.325, 0.148, 0.104),
}
_BOUNDS = dict(zip(_DIGITS, _SHOWN["latent EBM (shown)"], strict=True))


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """The area under precision over recall of every score, for each digit that is left out."""
    cells = cells or Cells()
    seeds = SEEDS[:1] if quick else SEEDS
    found: dict[str, dict[str, dict[str, list[float]]]] = {_AMONG_TEST: {}, _MORE_STRANGE: {}}
    chosen = _QUICK_DIGITS if quick else _DIGITS
    for seed, digit, (name, scorer) in itertools.product(seeds, chosen, SCORERS.items()):
        log(f"without {digit}, {name}, seed {seed}")
        areas = cells.of(f"{digit} {name} {seed}", lambda e=scorer, d=digit, s=seed: _areas(e, d, s, quick))
        for share, by_title in areas.items():
            for title, value in by_title.items():
                found[share].setdefault(title, {}).setdefault(str(digit), []).append(value)
    rows = [_training_rows(quick), len(digits(quick=quick).test)]
    return {"quick": quick, "seeds": list(seeds), "rows": rows, "digits": list(chosen), "areas": found}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/anomaly.md."""
    training, testing = result["rows"]
    columns = [f"without {digit}" for digit in result["digits"]]
    lines = [
        f"{training:,} training rows of MNIST, drawn among those of nine digits; {testing:,} test rows of all ten, of "
        "which those of the tenth are to be found. Area under precision over recall (average precision), the digit "
        f"left out being positive; mean ± standard deviation over {len(result['seeds'])} seed(s), each with rows of "
        "its own.",
    ]
    for share, by_title in result["areas"].items():
        rows = {title: [spread(found[str(digit)]) for digit in result["digits"]] for title, found in by_title.items()}
        if share == _AMONG_TEST and not result["quick"]:
            rows |= {title: [f"{value:.4f}" for value in values] for title, values in _SHOWN.items()}
        lines += ["", f"## {share.capitalize()}", "", _ABOUT[share], "", table(columns, rows)]
    lines += [
        "",
        "Targets are for a full run." if result["quick"] else f"Targets, {_AMONG_TEST}, above the latent EBM:",
        "",
    ]
    lines += [] if result["quick"] else _verdicts(result)
    return "\n".join([*lines, "", "![Area of every score by the digit left out](anomaly.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.experiments.energies.figures import bars_figure
    from latentatlas.plots import png_bytes

    panels = {share.capitalize(): by_title for share, by_title in result["areas"].items()}
    marks = {} if result["quick"] else {_AMONG_TEST.capitalize(): {str(each): bound for each, bound in _BOUNDS.items()}}
    drawn = bars_figure(
        panels,
        across="digit left out",
        up="area under precision over recall",
        marks=marks,
        mark="latent EBM, published",
    )
    return {"anomaly": png_bytes(drawn)}


def area(strange: np.ndarray, score: np.ndarray, *, share: float | None = None) -> float:
    """Average precision in [0, 1] with `strange` rows as positive, weighed to make up `share` of all; None leaves them.

    >>> strange, score = np.array([True, False]), np.array([0.0, 1.0])
    >>> area(strange, score), area(strange, score, share=0.2)
    (0.5, 0.2)
    """
    from sklearn.metrics import average_precision_score

    there = strange.mean()
    weight = None if share is None else np.where(strange, share / there, (1 - share) / (1 - there))
    return float(average_precision_score(strange, score, sample_weight=weight))


_ABOUT = {
    _AMONG_TEST: "A tenth of the rows is strange. “Shown” are figures that others printed.",
    _MORE_STRANGE: (
        "The same scores, rows weighed. Public code of the protocol tests on every image of the digit left out, "
        "training images too, and on a fifth of the others, so more than a third is strange. The figures shown above "
        "cannot have been made so: at that share the worst of all scores has .2, and one of them is .063."
    ),
}


def _training_rows(quick: bool) -> int:
    return len(digits(quick=quick).train) // 2 if quick else _TRAINING


def _areas(scorer: Scorer, digit: int, seed: int, quick: bool) -> dict[str, dict[str, float]]:
    train, test = digits(quick=quick)
    usual = np.flatnonzero(labels_of(train) != digit)
    chosen = np.random.default_rng(seed).choice(usual, min(_training_rows(quick), len(usual)), replace=False)
    strange = labels_of(test) == digit
    of_all = strange.mean()
    share = of_all / (of_all + _KEPT_ASIDE * (1 - of_all))
    scores = scorer(train.x[chosen], test.x, seed=seed, quick=quick)
    return {
        _AMONG_TEST: {title: area(strange, score) for title, score in scores.items()},
        _MORE_STRANGE: {title: area(strange, score, share=share) for title, score in scores.items()},
    }


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    by_title = result["areas"][_AMONG_TEST]
    return [
        Target(f"{title}, without {digit}", "≥", bound).verdict(float(np.mean(by_title[title][str(digit)])))
        for title in (ATLAS_SCORE, ENERGY_SCORE)
        for digit, bound in _BOUNDS.items()
    ]
