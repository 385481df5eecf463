"""Every method, honest rows and judges, on both degrees of missing combinations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.core import Batch
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import spread, table
from latentatlas.experiments.zero_shot_combination.answering import (
    Answering,
    Erased,
    Gray,
    Guess,
    MeanImage,
    Mixing,
    Moving,
    Nearest,
)
from latentatlas.experiments.zero_shot_combination.figures import as_text, examples_figure
from latentatlas.experiments.zero_shot_combination.judging import COLUMNS, Judged
from latentatlas.experiments.zero_shot_combination.methods import (
    ERM,
    GRAY,
    METHODS,
    ORACLE,
    Budget,
    Method,
    Parted,
    accuracy,
    trained,
)
from latentatlas.experiments.zero_shot_combination.rows import (
    DEGREES,
    EVERYTHING,
    SHAPES,
    Degree,
    draw,
    label_of,
)

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2, 3, 4)
_CHOOSING = 1_000  # seed of the rows by which weights are chosen; they are in no table
_SPARED = 0.01
_ORACLE = "colour told, conditional HSIC, all combinations seen (oracle)"


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Weights are chosen on rows of their own; then every row of the tables with every seed."""
    cells = cells or Cells()
    budget = Budget.of(quick=quick)
    seeds = _SEEDS[:1] if quick else _SEEDS
    tables: dict[str, dict[str, dict[str, list[float]]]] = {}
    log("weights")
    oracle = cells.of("weight, oracle", lambda: _chosen(EVERYTHING, {_ORACLE: ORACLE}, budget))
    weights, shown, judges = {}, {}, []
    for name, degree in DEGREES.items():
        log(f"{name}: weights")
        weights[name] = oracle | cells.of(f"weights, {name}", lambda d=degree: _chosen(d, METHODS, budget))
        for seed in seeds:
            log(f"{name}, seed {seed}")
            part = cells.of(f"{name} {seed}", lambda d=degree, w=weights[name], s=seed: _part(d, w, budget, seed=s))
            judges.append(part["judge"])
            shown.setdefault(name, part["shown"])
            for title, values in part["figures"].items():
                for column, value in values.items():
                    tables.setdefault(name, {}).setdefault(title, {}).setdefault(column, []).append(value)
    return {
        "quick": quick,
        "seeds": list(seeds),
        "rows": budget.rows,
        "aside": budget.aside,
        "steps": budget.steps,
        "batch": budget.batch,
        "judge": float(np.mean(judges)),
        "weights": weights,
        "degrees": tables,
        "shown": shown,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/zero_shot_combination.md."""
    lines = [
        "Squares, circles and triangles in red, blue and green; place, size and light vary. Some combinations of a "
        f"shape and a colour are never seen in training, which has {result['rows']:,} images of the others, "
        f"{result['steps']} steps of {result['batch']} rows. A perceptron to ten axes, its mirror back, a linear head "
        f"for the shape; mean ± standard deviation over {len(result['seeds'])} seed(s), each with its own images and "
        "weights.",
        "",
        "- *seen*, *unseen*: accuracy of the shape on new images of combinations that were, and were not, in training.",
        "- *as colour says*: share of the unseen images that are called a shape which training showed in their colour. "
        "Where each colour has two shapes, that is every wrong answer.",
        "- *error*: the shape of one image decoded in the colour of another, against the true image of that unseen "
        "combination; mean squared error over the variance of the pixels, so that 1 is as good as their mean.",
        "- *shape shown*, *colour shown*: what a judge sees in the decoded image: a perceptron on pixels, trained on "
        f"all combinations and used for nothing else (both right on {result['judge']:.3f} of the true images).",
        "- *colour, linear* and *perceptron*: accuracy of probes that read the colour from the latent, on images of "
        "all nine combinations, where shape tells nothing of it; ⅓ is chance.",
        "",
        "How shape and colour are combined: *ERM* moves the latent by the difference of the mean latents of the two "
        "colours; *LinearEraser* keeps what is left of the shape's latent and adds what was erased of the other's; *on "
        "a block*, four free axes beside the penalised ten are taken from the other image; *colour told*, the decoder "
        "is given the three channels of the colour beside the latent; *channels permuted*, each training image is "
        "there with its channels in all six orders, and so is the colour told; *nearest seen image* is the one most "
        "alike in gray, among those of the wanted colour.",
        "",
        "The weight of a penalty is the largest that costs at most a point of accuracy on new images of *seen* "
        "combinations, chosen once on images and weights of their own; unseen combinations choose nothing.",
    ]
    for name, methods in result["degrees"].items():
        rows = {title: [spread(values.get(column, [])) for column in COLUMNS] for title, values in methods.items()}
        chosen = "; ".join(f"{title}: {weight:g}" for title, weight in result["weights"][name].items())
        lines += ["", f"## {DEGREES[name].title}", "", _told(name), "", table(COLUMNS, rows)]
        lines += ["", f"Weights: {chosen}."]
    return "\n".join([*lines, "", "![Decoded combinations of every method](zero_shot_combination.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.plots import png_bytes

    return {"zero_shot_combination": png_bytes(examples_figure(result["shown"]))}


def _told(name: str) -> str:
    seen = ", ".join(DEGREES[name].named(DEGREES[name].seen))
    if name == "confounded":
        return (
            f"Seen: {seen}; the six others are unseen. In training the number of the shape IS the number of the "
            "colour: give the two words each other's meaning, and no training row changes. So no method that has these "
            "rows alone can be right for both meanings, and conditional HSIC is 0 whatever the latent holds. What "
            "helps must be said from outside: that the order of channels means nothing, or that images are gray."
        )
    unseen = ", ".join(DEGREES[name].named(sorted(DEGREES[name].unseen)))
    return f"Seen: {seen}. Unseen: {unseen}. Shape and colour depend on each other, but can be told apart."


def _chosen(degree: Degree, methods: Mapping[str, Method], budget: Budget) -> dict[str, float]:
    """The largest weight of every penalty that spares the accuracy on seen combinations."""
    rng = np.random.default_rng(_CHOOSING)
    rows, aside = _training(degree, budget, rng), draw(degree.seen, budget.aside, rng)
    found = {}
    for title, method in methods.items():
        if method.penalty is None:
            continue
        models = {w: trained(method, w, rows, budget, seed=_CHOOSING) for w in (0.0, *method.weights)}
        right = {weight: accuracy(model, aside) for weight, model in models.items()}
        found[title] = largest_spared(right)
    return found


def largest_spared(right: Mapping[float, float]) -> float:
    """The largest weight whose accuracy is at most a point below that of the weight 0.

    >>> largest_spared({0.0: 1.0, 10.0: 0.995, 100.0: 0.9})
    10.0
    """
    return max(weight for weight, value in right.items() if value >= right[0.0] - _SPARED)


def _training(degree: Degree, budget: Budget, rng: np.random.Generator) -> Batch:
    return draw(degree.seen, budget.rows // len(degree.seen), rng)


def _part(degree: Degree, weights: Mapping[str, float], budget: Budget, *, seed: int) -> dict[str, Any]:
    """Figures of every row with one seed, and examples of what is decoded."""
    rng = np.random.default_rng(seed)
    rows, whole = _training(degree, budget, rng), _training(EVERYTHING, budget, rng)
    judged = Judged(degree, budget.aside, whole, rng, seed=seed)
    figures: dict[str, dict[str, float]] = {}
    shown = judged.inputs()
    for title, answering in _answering(degree, rows, whole, weights, budget, seed=seed):
        images = answering.combined(judged.pairs)
        figures[title] = judged.figures(answering, images)
        if images is not None:
            shown[title] = as_text(images[judged.examples])
    return {"figures": figures, "shown": shown, "judge": judged.reliability()}


def _answering(
    degree: Degree, rows: Batch, whole: Batch, weights: Mapping[str, float], budget: Budget, *, seed: int
) -> list[tuple[str, Answering]]:
    def made(method: Method, weight: float = 0.0, on: Batch = rows) -> Parted:
        return trained(method, weight, on, budget, seed=seed)

    plain = made(ERM)
    found: list[tuple[str, Answering]] = [
        ("a guess", Guess(rows, seed=seed)),
        ("most frequent shape, mean image", MeanImage(rows)),
        ("nearest seen image", Nearest(rows)),
        ("ERM", Moving(plain, rows)),
        ("LinearEraser on ERM", Erased(plain, rows)),
    ]
    if len(degree.seen) > len(SHAPES):  # else the colour is constant within shapes, and the eraser says so
        found.append(("LinearEraser within shapes on ERM", Erased(plain, rows, within=label_of(rows).numpy())))
    found += [(title, Mixing(made(method, weights.get(title, 0.0)))) for title, method in METHODS.items()]
    found.append(("gray images", Gray(made(GRAY))))
    return [*found, (_ORACLE, Mixing(made(ORACLE, weights[_ORACLE], whole)))]
