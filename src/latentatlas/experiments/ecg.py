"""Study `ecg`: heart beats whose window slides; what ignores the slide, what tells it, and what finds the window."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import LatentLayout
from latentatlas.data import log_spectrum
from latentatlas.data.transformations import WindowSlide
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import MISSING, Target, spread, table
from latentatlas.experiments.signals import Budget, Method, Part, Setting, hearts, latents, trained
from latentatlas.experiments.signals.beats import PARTS, WholeAndParts
from latentatlas.experiments.signals.figures import mean_curve, paths_figure, paths_of_blocks
from latentatlas.experiments.signals.judging import (
    answers,
    found_again,
    judged_block,
    right,
    similarity,
    told_by_blocks,
)
from latentatlas.experiments.signals.methods import LOG, RATIO, methods, parted
from latentatlas.experiments.signals.rows import BEAT, SLIDE
from latentatlas.models import ResidualSignalEncoder

__all__ = ["METHODS", "pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_SIZES = (0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0)
_GALLERIES, _QUICK_GALLERIES = (1, 10, 50), (1, 2)
_FAR, _ANY = "slid by 300", "slid by 0 … 300"
_PER_RECORD = 100  # windows of each record for similarity and the class
_BUDGET, _QUICK_BUDGET = Budget(400, batch=128), Budget(8, batch=32)
_LONGER = 3  # times as many steps
_LONG = f"{LOG}, {_LONGER} × the steps"
_OURS = "partition, whole and parts"
_TEMPERATURE = 0.07
_LAYOUT = LatentLayout(invariant=64, variant=40, free=24)
_HANDMADE = {"raw window": lambda x: x.reshape(len(x), -1), "log spectrum": log_spectrum}
_DRAWN = (_OURS,)
_PATHS, _PLACES = 12, 26
_TIMED, _ROUNDS = 512, 8


def _encoder(shape: tuple[int, int], dim: int) -> ResidualSignalEncoder:
    return ResidualSignalEncoder(shape, dim, channels=(16, 24, 32, 48), segments=8, spread=1.0)


METHODS: dict[str, Method] = methods((0,), _encoder, reads=("free",))
METHODS[_LONG] = METHODS[LOG]
METHODS[_OURS] = Method(
    _LAYOUT,
    lambda layout: parted(layout, (0,), temperature=_TEMPERATURE),
    encoder=lambda shape, _: WholeAndParts(_LAYOUT, shape),
)
"""Rows of the study that are trained."""


class _Plan(NamedTuple):
    """How a row is trained.

    Attributes:
        budget: of each of its networks.
        seeds: one network each.
    """

    budget: Budget
    seeds: tuple[int, ...]


_OUR_BUDGET = Budget(1500, batch=128, mixed=True)
_PLANS = dict.fromkeys(METHODS, _Plan(_BUDGET, _SEEDS)) | {
    _LONG: _Plan(replace(_BUDGET, steps=_LONGER * _BUDGET.steps), _SEEDS),
    _OURS: _Plan(_OUR_BUDGET, (0, 1, 2, 3, 4)),
}

_TARGETS = (
    Target(f"similarity at {_SIZES[-1]:g} samples", "≥", 0.95),
    Target("similarity, mean of all slides", "≥", 0.95),
    Target("similarity of different records", "≤", 0.3),
    *(
        Target(f"recall@1, {how}, {size} a record", "≥", bound)
        for how in (_FAR, _ANY)
        for size, bound in zip(_GALLERIES, (0.95, 0.75, 0.5), strict=True)
    ),
    Target("R² of the slide from variant", "≥", 0.9),
    Target("R² of the slide from invariant", "≤", 0.05),
    Target("minutes of training", "≤", 10.0),
    Target("windows encoded in a second", "≥", 5_000.0),
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every row with all seeds, and paths of some windows that slide, for the picture."""
    cells = cells or Cells()
    seeds = _SEEDS[:1] if quick else _SEEDS
    setting = hearts(quick=quick).joined()
    found: dict[str, list[Any]] = {}
    paths = {}
    for seed in seeds:
        for title, code in _HANDMADE.items():
            found.setdefault(title, []).append(
                cells.of(f"{title} {seed}", lambda c=code, s=seed: _handmade(c, setting, quick=quick, seed=s))
            )
    for title, seed in _in_order(quick):
        log(f"seed {seed}: {title}")
        cell = cells.of(f"{title} {seed}", lambda t=title, s=seed: _figures(t, setting, quick=quick, seed=s))
        found.setdefault(title, []).append(cell["figures"])
        if cell["paths"]:
            paths[title] = cell["paths"]
    budget = _QUICK_BUDGET if quick else _BUDGET
    return {
        "quick": quick,
        "seeds": list(seeds),
        "windows": [len(setting.train.x), len(setting.test.x)],
        "records": len(set(setting.test.record.tolist())),
        "majority": float((setting.test.label == 0).float().mean()),
        "steps": [budget.steps, budget.batch],
        "longer": _OUR_BUDGET.steps,
        "figures": found,
        "paths": paths,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/ecg.md."""
    train, test = result["windows"]
    steps, batch = result["steps"]
    lines = [
        f"MIT-BIH, lead MLII at 360 Hz, in units of (signal − median) / (99th − 1st percentile) of the record; windows "
        f"of 1,080 samples (3 s). Trained on the {train:,} windows of DS1, judged on {_PER_RECORD} a record of the "
        f"{test:,} of the {result['records']} records of DS2, which share no sample, even slid. A window slides along "
        "its record by 0 … 300 samples and reads what comes there; nothing is glued. Task: the class (N, S, V, F) of "
        "the beat nearest to the middle of the window; all rows but “no view” learn it from windows and slid windows, "
        f"and rows of a partition tell it from `free`. {steps} steps of {batch} windows, 128 axes (64 invariant, 32 "
        f"variant, 32 free), {len(result['seeds'])} seed(s); mean ± standard deviation over them.",
        "",
        f"*{_OURS}*: {result['longer']:,} steps; `invariant` sees nothing but means and deviations over the whole "
        f"window, the other blocks also means over {PARTS} parts of it; blocks {_LAYOUT}; τ = {_TEMPERATURE}. It "
        "multiplies in bfloat16 in training where the processor is fast at it. No other term was trained as long on "
        "these convolutions: rows of other terms say what 400 steps of the first network give.",
        "",
        "Of the source (*Structured Contrastive Learning*) neither the code nor the whole protocol is public: records, "
        "negatives, controls and network are ours, its figures (similarity .241 without, .127 with augmentation, .907 "
        "with its term) are goals ([decision 0021](../decisions/0021-partition.md)). Person 201 of DS1 is also 202 of "
        "DS2, as in every use of this split.",
        "",
        "## Similarity, and its controls",
        "",
        "Mean cosine between a window and itself, slid, in the block that is to ignore the slide (`invariant`; all of "
        "the latent where there are no blocks), beside that of windows of different records and of other windows of "
        "the same record. Similarity alone rewards collapse.",
        "",
        _similarities(result),
        "",
        "![Similarity against the slide for every row, with controls](ecg.png)",
        "",
        "## The window found again",
        "",
        "The slid window is searched among so many windows of every record as they are: recall@1 and mean average "
        "precision, means over five galleries. Slid by 300 samples, the most, 28 % of the window is new:",
        "",
        _galleries(result, _FAR),
        "",
        "Slid by 0 … 300, drawn anew for every window:",
        "",
        _galleries(result, _ANY),
        "",
        "## What tells the slide, and the class",
        "",
        "R² of the slide, drawn from 0 … 300, read from a block of window and slid window by fresh heads that learn "
        "from DS1 and are scored on DS2: the better of two, one that sees both and one that sees their products too. "
        "Accuracy and macro-F1 of the class on people who were never seen, as the window is and slid by 300; the most "
        f"frequent class has {result['majority']:.3f}. *minutes*: of training, on one thread.",
        "",
        _abilities(result),
        "",
        *_pictured(result),
        "",
        "Targets are for a full run." if result["quick"] else "Targets:",
        "",
    ]
    return "\n".join([*lines, *([] if result["quick"] else _verdicts(result))])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """The curves, and the blocks of windows that slide."""
    from latentatlas.plots import png_bytes, similarity_figure

    curves = {title: mean_curve([each["curve"] for each in cells]) for title, cells in result["figures"].items()}
    drawn = {"ecg": png_bytes(similarity_figure(curves, size="slide (samples)"))}
    for title, paths in result["paths"].items():
        figure = paths_figure(paths, name="slide (samples)", title=title)
        drawn[_picture(title)] = png_bytes(figure)
    return drawn


def _in_order(quick: bool) -> list[tuple[str, int]]:
    """Networks of short training first, all rows with one seed before the next."""
    everything = [(title, seed) for title, plan in _PLANS.items() for seed in (plan.seeds[:1] if quick else plan.seeds)]
    return sorted(everything, key=lambda each: (_PLANS[each[0]].budget.steps, each[1]))


def _picture(title: str) -> str:
    return f"ecg_blocks_{_DRAWN.index(title) + 1}"


def _pictured(result: Mapping[str, Any]) -> list[str]:
    return [
        f"![{title}: the blocks of {_PATHS} windows as they slide, coloured by the slide]({_picture(title)}.png)"
        for title in result["paths"]
    ]


def _handmade(code: Callable[[np.ndarray], np.ndarray], setting: Setting, *, quick: bool, seed: int) -> dict[str, Any]:
    """A description of windows that is not learned."""

    def coded(part: Part, slides: Tensor) -> np.ndarray:
        return code(setting.transformation.apply(part.x, slides).numpy())

    return _ignored(coded, setting.test, quick=quick, seed=seed)


def _figures(title: str, setting: Setting, *, quick: bool, seed: int) -> dict[str, Any]:
    """Figures of a trained row with one seed, and of some rows the paths of windows that slide."""
    method = METHODS[title]
    found = trained(method, setting, _QUICK_BUDGET if quick else _PLANS[title].budget, seed=seed)
    block = judged_block(method.layout)

    def coded(part: Part, slides: Tensor) -> np.ndarray:
        return method.layout.block(latents(found.model, part, setting, slides), block).numpy()

    test = setting.test.spaced(_PER_RECORD)
    slid = torch.full((len(test.x), 1), _SIZES[-1])
    before, after = answers(found, test, setting), answers(found, test, setting, slid)
    figures = {
        **_ignored(coded, setting.test, quick=quick, seed=seed),
        "told": told_by_blocks(found, method, setting, seed=seed, quick=quick),
        "right": right(before, after, test.label.numpy(), len(setting.classes)),
        "seconds": found.seconds,
        "encoded": _encoded(found.model.encode, test, setting),
    }
    drawn = title in _DRAWN and seed == _PLANS[title].seeds[0]
    return {"figures": figures, "paths": _paths(found.model.encode, method, setting) if drawn else {}}


@torch.no_grad()
def _encoded(encode: Callable[[Tensor], Tensor], test: Part, setting: Setting) -> float:
    """Windows in a second of processor time on one thread, the fastest of some rounds."""
    x = setting.transformation.apply(test.x, setting.transformation.identity(len(test.x)))[:_TIMED]
    rounds = []
    for _ in range(_ROUNDS):
        started = time.process_time()
        encode(x)
        rounds.append(time.process_time() - started)
    return len(x) / min(rounds)


def _ignored(coded: Callable[[Part, Tensor], np.ndarray], test: Part, *, quick: bool, seed: int) -> dict[str, Any]:
    """Similarity with its controls, and whether slid windows are found again."""
    some = test.spaced(_PER_RECORD)
    changed = {size: coded(some, torch.full((len(some.x), 1), size)) for size in _SIZES}
    drawn = coded(some, WindowSlide(BEAT, after=SLIDE).sample(len(some.x), torch.Generator().manual_seed(seed)))
    galleries = _QUICK_GALLERIES if quick else _GALLERIES
    return {
        "curve": similarity(changed[0], changed, some.record),
        "again": {
            name: found_again(changed[0], moved, some.record, galleries, seed=seed)
            for name, moved in ((_FAR, changed[_SIZES[-1]]), (_ANY, drawn))
        },
    }


def _paths(encode: Callable[[Tensor], Tensor], method: Method, setting: Setting) -> dict[str, Any]:
    """One window of each of some records at every twelfth place of its slide."""
    rows = setting.test.spaced(1)
    x = rows.x[:: max(1, len(rows.x) // _PATHS)][:_PATHS]
    slides = torch.linspace(0, _SIZES[-1], _PLACES).round()
    moved = [setting.transformation.apply(x, slide.expand(len(x), 1)) for slide in slides]
    with torch.no_grad():
        z = torch.cat([encode(each) for each in moved]).numpy()
    return paths_of_blocks(z, method.layout, slides.repeat_interleave(len(x)).numpy())


def _similarities(result: Mapping[str, Any]) -> str:
    columns = [f"at {_SIZES[-1]:g}", "mean of all slides", "different records", "same record"]
    rows = {}
    for title, cells in result["figures"].items():
        curve = [each["curve"] for each in cells]
        rows[title] = [
            spread([each["similarity"][-1] for each in curve]),
            spread([float(np.mean(each["similarity"][1:])) for each in curve]),
            *(spread([each[name] for each in curve]) for name in ("other records", "same record")),
        ]
    return table(columns, rows)


def _galleries(result: Mapping[str, Any], how: str) -> str:
    sizes = list(next(iter(result["figures"].values()))[0]["again"][how])
    columns = [f"{metric}, {size} a record" for metric in ("recall@1", "mAP") for size in sizes]
    rows = {
        title: [
            spread([each["again"][how][size][metric] for each in cells])
            for metric in ("recall@1", "mAP")
            for size in sizes
        ]
        for title, cells in result["figures"].items()
    }
    return table(columns, rows)


def _abilities(result: Mapping[str, Any]) -> str:
    columns = ["R² variant", "R² invariant", "accuracy", "F1", "accuracy, slid", "F1, slid", "seeds", "minutes"]
    rows = {}
    for title, cells in result["figures"].items():
        if "told" not in cells[0]:
            continue
        row = [_told(cells, block) for block in ("variant", "invariant")]
        row += [
            spread([each["right"][name] for each in cells])
            for name in ("accuracy", "F1", "accuracy changed", "F1 changed")
        ]
        rows[title] = [*row, str(len(cells)), f"{np.mean([each['seconds'] for each in cells]) / 60:.1f}"]
    return table(columns, rows)


def _told(cells: list[Mapping[str, Any]], block: str) -> str:
    return spread([max(each["told"][block].values()) for each in cells]) if block in cells[0]["told"] else MISSING


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    """Those of the rows with a partition."""
    lines = []
    for title in (LOG, RATIO, _LONG, _OURS):
        cells = result["figures"][title]
        curve = [each["curve"] for each in cells]
        values = [
            np.mean([each["similarity"][-1] for each in curve]),
            np.mean([each["similarity"][1:] for each in curve]),
            np.mean([each["other records"] for each in curve]),
            *(
                np.mean([each["again"][how][str(size)]["recall@1"] for each in cells])
                for how in (_FAR, _ANY)
                for size in _GALLERIES
            ),
            np.mean([max(each["told"]["variant"].values()) for each in cells]),
            np.mean([max(each["told"]["invariant"].values()) for each in cells]),
            np.mean([each["seconds"] for each in cells]) / 60,
            *([np.mean([each["encoded"] for each in cells])] if "encoded" in cells[0] else []),
        ]
        lines += [f"{title}:", ""]
        lines += [target.verdict(float(value)) for target, value in zip(_TARGETS, values, strict=False)] + [""]
    return lines[:-1]
