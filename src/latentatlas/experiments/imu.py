"""Study `imu`: movements of a phone that sits in any position; answers that stay, and the position read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import LatentLayout
from latentatlas.data import window_statistics
from latentatlas.data.transformations import AxisRotation
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import MISSING, Target, spread, table
from latentatlas.experiments.signals import Budget, Method, Part, Setting, Trained, latents, movements, trained
from latentatlas.experiments.signals.figures import mean_curve, paths_figure, paths_of_blocks
from latentatlas.experiments.signals.judging import answers, judged_block, right, similarity, told_by_blocks
from latentatlas.experiments.signals.methods import LOG, RATIO, methods, parted, risk
from latentatlas.experiments.signals.steady import SteadyEncoder, steady_channels
from latentatlas.experiments.signals.training import usual_encoder

__all__ = ["METHODS", "pictures", "run", "to_markdown"]

_SEEDS, _MORE_SEEDS = (0, 1, 2), (3, 4)  # the second of the row that the targets are for
_SIX = tuple(range(6))
_BUDGET, _QUICK_BUDGET = Budget(800, batch=128), Budget(8, batch=32)
_WEIGHT = 0.3
_DIRECTIONS = LatentLayout(invariant=64, variant=30, free=34)
_STEADY, _STEADY_ALONE = "partition beside steady channels", "steady channels, class alone"
_FOREST, _BOOSTING = "window statistics, random forest", "steady statistics, gradient boosting"
_AVERAGED = "{}, {} turns averaged"
_TURNS = 8
_DRAWN = (LOG, _STEADY)
_PATHS, _PLACES = 12, 25
_ANGLES = (0.0, 30.0, 60.0, 90.0, 120.0, 150.0, 180.0)  # degrees


def _steady_encoder(shape: tuple[int, int], _: int) -> SteadyEncoder:
    return SteadyEncoder(_DIRECTIONS, shape[1])


METHODS: dict[str, Method] = {
    **methods(_SIX, usual_encoder, reads=("invariant",), weight=_WEIGHT),
    _STEADY: Method(
        _DIRECTIONS, lambda layout: parted(layout, _SIX, weight=_WEIGHT), reads=("invariant",), encoder=_steady_encoder
    ),
    _STEADY_ALONE: Method(_DIRECTIONS, lambda _: risk(), reads=("invariant",), encoder=_steady_encoder),
}
"""Rows of the study that are trained."""


class _ByHand(NamedTuple):
    """A description of windows, and a scikit-learn classifier of it.

    Attributes:
        describe: windows (n, 6, time) to features.
        classifier: given a seed.
    """

    describe: Callable[[Tensor], np.ndarray]
    classifier: Callable[[int], Any]


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(300, random_state=seed)


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


_BY_HAND = {
    _FOREST: _ByHand(lambda x: window_statistics(x.numpy()), _forest),
    _BOOSTING: _ByHand(lambda x: window_statistics(steady_channels(x).numpy()), _boosting),
}

_TARGETS = (
    Target("consistency", "≥", 0.97),
    Target("accuracy, turned", "≥", 0.95),
    Target("R² of the turn from variant", "≥", 0.9),
    Target("R² of the turn from invariant", "≤", 0.05),
    Target("minutes of training", "≤", 10.0),
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every row with all seeds, and paths of some windows that are turned, for the picture."""
    cells = cells or Cells()
    seeds = _SEEDS[:1] if quick else _SEEDS
    setting = movements(quick=quick).joined()
    found: dict[str, list[Any]] = {}
    paths = {}
    for title, seed in [(t, s) for s in seeds for t in METHODS] + [(_STEADY, s) for s in _MORE_SEEDS if not quick]:
        log(f"seed {seed}: {title}")
        cell = cells.of(f"{title} {seed}", lambda t=title, s=seed: _figures(t, setting, quick=quick, seed=s))
        found.setdefault(title, []).append(cell["figures"])
        if title == LOG:
            found.setdefault(_AVERAGED.format(title, _TURNS), []).append({"right": cell["averaged"]})
        if cell["paths"]:
            paths[title] = cell["paths"]
    for seed in seeds:
        for title in _BY_HAND:
            log(f"seed {seed}: {title}")
            found.setdefault(title, []).append(
                cells.of(f"{title} {seed}", lambda t=title, s=seed: _handmade(t, setting, quick=quick, seed=s))
            )
    budget = _QUICK_BUDGET if quick else _BUDGET
    return {
        "quick": quick,
        "seeds": list(seeds),
        "windows": [len(setting.train.x), len(setting.test.x)],
        "people": [len(np.unique(part.record)) for part in (setting.train, setting.test)],
        "steps": [budget.steps, budget.batch],
        "figures": found,
        "paths": paths,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/imu.md."""
    train, test = result["windows"]
    people, new = result["people"]
    steps, batch = result["steps"]
    lines = [
        f"HAPT: acceleration (g) and rotation (rad/s) of a phone at the waist, windows of 128 samples (2.56 s), half "
        f"of each shared with the next; six activities. Trained on {train:,} windows of {people} people, judged on "
        f"{test:,} of {new} others, the split of the data set. A turn is drawn uniformly from SO(3), the same for both "
        "sensors; every test window is judged as it is, and turned once. All networks but “no view” and “class alone” "
        "learn the class from windows and turned windows; rows of a partition tell it from `invariant`. "
        f"{steps} steps of {batch} windows, 128 axes; mean ± standard deviation over {len(result['seeds'])} seed(s), "
        f"of “{_STEADY}” over {len(result['figures'][_STEADY])}.",
        "",
        "Of the source (*Structured Contrastive Learning*) neither the code nor the whole protocol is public: windows, "
        "split, distribution of the turns and network are ours, its figures (consistency .9538, accuracy .8665) are "
        "goals ([decision 0021](../decisions/0021-partition.md)). A turn made by a computer turns the sensor's own "
        "offset along; a hand that turns the phone does not. So descriptions that no turn reaches may still know a "
        "little of how the phone sat, and all rows here profit from that.",
        "",
        f"*{_TURNS} turns averaged*: the same network, whose probabilities are averaged over so many random turns of "
        "the window. *Steady channels*: lengths of the vectors, their parts along and across gravity, and products, "
        "which no turn changes; `variant` has directions that turn along. Where they alone tell the class, answers are "
        "consistent by construction.",
        "",
        _answered(result),
        "",
        "## What is ignored, and what is told",
        "",
        "R² of the turn, as six numbers, read from a block of window and turned window by fresh heads that learn from "
        "the people of training and are scored on others: the better of two, one that sees both and one that sees "
        "their products too. Mean cosine of the block that is to ignore the turn (`invariant`, or the whole latent) "
        "for turns by 180° around an axis drawn for each window, beside its controls: windows of different people, and "
        "other windows of the same person. All people do the same six things, so the control of this task is high "
        "where the block holds little but the activity; it is no collapse if the class is told.",
        "",
        _told(result),
        "",
        "![Similarity against the angle for every row, with controls](imu.png)",
        "",
        *_pictured(result),
        "",
        "Targets are for a full run." if result["quick"] else "Targets:",
        "",
    ]
    return "\n".join([*lines, *([] if result["quick"] else _verdicts(result))])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """The curves, and the blocks of windows that are turned."""
    from latentatlas.plots import png_bytes, similarity_figure

    cells = {title: seeds for title, seeds in result["figures"].items() if "curve" in seeds[0]}
    curves = {title: mean_curve([each["curve"] for each in seeds]) for title, seeds in cells.items()}
    drawn = {"imu": png_bytes(similarity_figure(curves, size="turn (degrees)"))}
    for title, paths in result["paths"].items():
        figure = paths_figure(paths, name="turn around z (degrees)", period=360.0, title=title)
        drawn[_picture(title)] = png_bytes(figure)
    return drawn


def _figures(title: str, setting: Setting, *, quick: bool, seed: int) -> dict[str, Any]:
    """Figures of a trained row with one seed, and of some rows the paths of windows that are turned."""
    method = METHODS[title]
    found = trained(method, setting, _QUICK_BUDGET if quick else _BUDGET, seed=seed)
    test, count = setting.test, len(setting.classes)
    label, turn = test.label.numpy(), _turns(setting, seed)
    figures = {
        "right": right(answers(found, test, setting), answers(found, test, setting, turn), label, count),
        "curve": _curve(found, method, setting, seed=seed),
        "told": told_by_blocks(found, method, setting, seed=seed, quick=quick),
        "seconds": found.seconds,
    }
    averaged = right(
        _averaged(found, setting, None, seed=seed), _averaged(found, setting, turn, seed=seed), label, count
    )
    drawn = title in _DRAWN and seed == _SEEDS[0]
    return {
        "figures": figures,
        "averaged": averaged if title == LOG else {},
        "paths": _paths(found, method, setting) if drawn else {},
    }


def _turns(setting: Setting, seed: int) -> Tensor:
    """One turn for every test window."""
    return setting.transformation.sample(len(setting.test.x), torch.Generator().manual_seed(seed))


def _averaged(found: Trained, setting: Setting, first: Tensor | None, *, seed: int) -> np.ndarray:
    """Probabilities of the test windows, turned first where that is said, over turns drawn anew."""
    test, generator = setting.test, torch.Generator().manual_seed(1000 + seed + (first is not None))
    if first is not None:
        test = test._replace(x=setting.transformation.apply(test.x, first))
    drawn = [setting.transformation.sample(len(test.x), generator) for _ in range(_TURNS)]
    return np.mean([answers(found, test, setting, turn) for turn in drawn], axis=0)


def _curve(found: Trained, method: Method, setting: Setting, *, seed: int) -> dict[str, Any]:
    """Similarity for turns by some angles, each window around an axis of its own."""
    test, block = setting.test.spaced(100), judged_block(method.layout)
    axis = torch.randn(len(test.x), 3, generator=torch.Generator().manual_seed(seed))
    changed = {}
    for degrees in _ANGLES:
        z = latents(found.model, test, setting, around(axis, np.deg2rad(degrees)))
        changed[degrees] = method.layout.block(z, block).numpy()
    return similarity(changed[0], changed, test.record)


def around(axis: Tensor, angle: float) -> Tensor:
    """Turns by an angle around axes, as six numbers.

    >>> around(torch.tensor([[0.0, 0.0, 2.0]]), np.pi / 2).round(decimals=3).abs().tolist()
    [[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]]
    """
    u = torch.nn.functional.normalize(axis, dim=1)
    columns = []
    for column in torch.eye(3)[:2].expand(len(u), 2, 3).unbind(dim=1):
        along = (u * column).sum(dim=1, keepdim=True) * u
        columns.append(along + np.cos(angle) * (column - along) + np.sin(angle) * torch.linalg.cross(u, column))
    return torch.cat(columns, dim=1)


def _handmade(title: str, setting: Setting, *, quick: bool, seed: int) -> dict[str, Any]:
    """A classifier of statistics, as the windows are and turned."""
    describe, classifier = _BY_HAND[title]
    fitted = classifier(seed).fit(describe(setting.train.x), setting.train.label.numpy())
    test: Part = setting.test
    turned = setting.transformation.apply(test.x, _turns(setting, seed))
    before, after = (_all_classes(fitted, describe(x), len(setting.classes)) for x in (test.x, turned))
    return {"right": right(before, after, test.label.numpy(), len(setting.classes))}


def _all_classes(fitted: Any, features: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities with a column for every class, those of unseen ones 0."""
    result = np.zeros((len(features), classes))
    result[:, fitted.classes_] = fitted.predict_proba(features)
    return result


def _paths(found: Trained, method: Method, setting: Setting) -> dict[str, Any]:
    """Windows of different activities, turned once around z."""
    test = setting.test
    rows = np.concatenate([np.flatnonzero(test.label.numpy() == code)[:2] for code in range(len(setting.classes))])
    x = test.x[rows[:_PATHS]]
    angles = torch.linspace(-torch.pi, torch.pi, _PLACES)
    turn = AxisRotation((0.0, 0.0, np.pi))
    turned = [turn.apply(x, torch.tensor([0.0, 0.0, float(angle)]).expand(len(x), 3)) for angle in angles]
    with torch.no_grad():
        z = torch.cat([found.model.encode(each) for each in turned]).numpy()
    return paths_of_blocks(z, method.layout, np.rad2deg(angles.repeat_interleave(len(x)).numpy()))


def _answered(result: Mapping[str, Any]) -> str:
    columns = {
        "accuracy": "accuracy",
        "accuracy, turned": "accuracy changed",
        "macro-F1": "F1",
        "macro-F1, turned": "F1 changed",
        "consistency": "consistency",
    }
    rows = {
        title: [spread([each["right"][name] for each in cells]) for name in columns.values()]
        for title, cells in result["figures"].items()
    }
    return table(list(columns), rows)


def _told(result: Mapping[str, Any]) -> str:
    columns = ["R² variant", "R² invariant", "at 180°", "different people", "same person", "seconds"]
    rows = {}
    for title, cells in result["figures"].items():
        if "curve" in cells[0]:
            curve = [each["curve"] for each in cells]
            rows[title] = [
                *(_read(cells, block) for block in ("variant", "invariant")),
                spread([each["similarity"][-1] for each in curve]),
                *(spread([each[name] for each in curve]) for name in ("other records", "same record")),
                f"{np.mean([each['seconds'] for each in cells]):.0f}",
            ]
    return table(columns, rows)


def _read(cells: Sequence[Mapping[str, Any]], block: str) -> str:
    return spread([max(each["told"][block].values()) for each in cells]) if block in cells[0]["told"] else MISSING


def _picture(title: str) -> str:
    return f"imu_blocks_{_DRAWN.index(title) + 1}"


def _pictured(result: Mapping[str, Any]) -> list[str]:
    return [
        f"![{title}: the blocks of {_PATHS} windows as they are turned around z, coloured by the angle; a window that "
        f"no turn moves is one spot]({_picture(title)}.png)"
        for title in result["paths"]
    ]


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    """Those of the rows with a partition."""
    lines = []
    for title in (LOG, RATIO, _STEADY):
        cells = result["figures"][title]
        values = [
            np.mean([each["right"]["consistency"] for each in cells]),
            np.mean([each["right"]["accuracy changed"] for each in cells]),
            *(np.mean([max(each["told"][block].values()) for each in cells]) for block in ("variant", "invariant")),
            np.mean([each["seconds"] for each in cells]) / 60,
        ]
        lines += [f"{title}:", ""]
        lines += [target.verdict(float(value)) for target, value in zip(_TARGETS, values, strict=True)] + [""]
    return lines[:-1]
