"""What is asked of every trained network: what its blocks ignore, what they tell, whether it is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import LatentLayout, reproducible
from latentatlas.experiments.signals.rows import Part, Setting
from latentatlas.experiments.signals.training import Method, Trained, latents, predictions
from latentatlas.metrics import PredictionConsistency, draw_gallery, find_again, similarity_curve
from latentatlas.terms import Concatenation, OuterProduct, Pairing, ReadableTransformation

__all__ = ["Pairs", "answers", "found_again", "pairs_of", "right", "similarity", "told_by_blocks", "told_by_pair"]

_HEADS = (Concatenation(), OuterProduct())
_READ = 6_000  # pairs that a head learns from, and is scored on
_READING, _QUICK_READING = 300, 10  # steps of a head
_BATCH, _HIDDEN = 256, (64,)
_DRAWS = 5  # of a gallery


class Pairs(NamedTuple):
    """Latents of windows before and after a change, and its parameters.

    Attributes:
        before: of the windows.
        after: of the changed windows.
        told: parameters, those that can be read.
    """

    before: Float[Tensor, "n dim"]
    after: Float[Tensor, "n dim"]
    told: Float[Tensor, "n parameters"]


def judged_block(layout: LatentLayout) -> str:
    """The block that is to ignore the change; of a latent that is not cut, all of it."""
    return "invariant" if layout.invariant else "free"


def answers(
    found: Trained, part: Part, setting: Setting, parameters: Tensor | None = None
) -> Float[np.ndarray, "n classes"]:
    """Probabilities of the classes."""
    return predictions(found.model, part, setting, parameters).softmax(dim=1).numpy()


def right(before: np.ndarray, after: np.ndarray, label: np.ndarray, classes: int) -> dict[str, float]:
    """Accuracy and macro-F1 as the windows are, the same when they are changed, and consistency of the answers."""
    from sklearn.metrics import f1_score

    told = {"": before.argmax(axis=1), " changed": after.argmax(axis=1)}
    result = {}
    for name, answer in told.items():
        result[f"accuracy{name}"] = float((answer == label).mean())
        result[f"F1{name}"] = float(f1_score(label, answer, average="macro", labels=range(classes), zero_division=0))
    return result | {"consistency": PredictionConsistency()(told[""], told[" changed"])}


def similarity(
    before: Float[np.ndarray, "n dim"], changed: Mapping[float, Float[np.ndarray, "n dim"]], record: np.ndarray
) -> dict[str, list[float] | float]:
    """The curve with its controls, as plain numbers."""
    curve = similarity_curve(before, changed, record)
    return {
        "sizes": curve.sizes.tolist(),
        "similarity": curve.similarity.tolist(),
        "other records": curve.other_records,
        "same record": curve.same_record,
    }


def found_again(
    before: Float[np.ndarray, "n dim"],
    after: Float[np.ndarray, "n dim"],
    record: np.ndarray,
    galleries: tuple[int, ...],
    *,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Recall@1 and mean average precision for so many windows of each record, means over five galleries."""
    result = {}
    for size in galleries:
        draws = [draw_gallery(record, size, seed=_DRAWS * seed + draw) for draw in range(_DRAWS)]
        reports = [find_again(after[rows], before[rows], ks=(1,)) for rows in draws]
        result[str(size)] = {
            "recall@1": float(np.mean([report.recall[1] for report in reports])),
            "mAP": float(np.mean([report.average_precision for report in reports])),
        }
    return result


def pairs_of(found: Trained, part: Part, setting: Setting, *, seed: int) -> Pairs:
    """Windows at random, each changed once."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(part.x), generator=generator)[:_READ].numpy()
    rows = part.at(chosen)
    parameters = setting.transformation.sample(len(rows.x), generator)
    readable = list(setting.transformation.readable)
    before, after = latents(found.model, rows, setting), latents(found.model, rows, setting, parameters)
    return Pairs(before, after, parameters[:, readable])


def told_by_blocks(
    found: Trained, method: Method, setting: Setting, *, seed: int, quick: bool
) -> dict[str, dict[str, float]]:
    """R² of the change from the blocks that are to ignore and to tell it, by heads that learn from training."""
    names = [name for name in ("invariant", "variant") if method.layout.size(name)]
    if not names:
        return {}
    both = [
        pairs_of(found, part, setting, seed=2 * seed + place)
        for place, part in enumerate((setting.train, setting.test))
    ]
    result = {}
    for name in names:
        learn, meet = (_block(pairs, method.layout, name) for pairs in both)
        result[name] = told_by_pair(learn, meet, seed=seed, quick=quick)
    return result


def told_by_pair(learn: Pairs, meet: Pairs, *, seed: int, quick: bool) -> dict[str, float]:
    """R² of each way to look at a pair of latents, of a fresh head that was not there when they were trained."""
    steps = _QUICK_READING if quick else _READING
    return {type(pairing).__name__: _read(learn, meet, pairing, steps, seed=seed) for pairing in _HEADS}


def _block(pairs: Pairs, layout: LatentLayout, name: str) -> Pairs:
    return pairs._replace(before=layout.block(pairs.before, name), after=layout.block(pairs.after, name))


def _read(learn: Pairs, meet: Pairs, pairing: Pairing, steps: int, *, seed: int) -> float:
    mean, spread = learn.before.mean(dim=0), learn.before.std(dim=0).clamp(min=1e-6)
    centre, scale = learn.told.mean(dim=0), learn.told.std(dim=0)
    (before, after), (new_before, new_after) = (
        [(z - mean) / spread for z in (pairs.before, pairs.after)] for pairs in (learn, meet)
    )
    wanted, new_wanted = ((pairs.told - centre) / scale for pairs in (learn, meet))
    columns = tuple(range(wanted.shape[1]))
    with reproducible(seed, threads=1):
        layout = LatentLayout(variant=before.shape[1])
        head = ReadableTransformation(layout, columns, pairing=pairing, hidden=_HIDDEN)
        _optimise(head, before, after, wanted, steps)
    with torch.no_grad():
        error = (head.read(new_before, new_after) - new_wanted).square().mean(dim=0)
    return float((1 - error / new_wanted.var(dim=0, unbiased=False)).mean())


def _optimise(head: ReadableTransformation, before: Tensor, after: Tensor, wanted: Tensor, steps: int) -> None:
    optimiser = torch.optim.AdamW(head.parameters(), lr=3e-3, weight_decay=1e-2)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(before), (min(_BATCH, len(before)),))
        optimiser.zero_grad()
        head(before[rows], after[rows], wanted[rows]).backward()
        nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimiser.step()
        rate.step()
