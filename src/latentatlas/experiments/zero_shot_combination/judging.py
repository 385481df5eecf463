"""How what answers is judged, by images that training never had."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from latentatlas.core import Batch
from latentatlas.experiments.zero_shot_combination.answering import Answering
from latentatlas.experiments.zero_shot_combination.figures import as_text
from latentatlas.experiments.zero_shot_combination.rows import (
    EVERYTHING,
    Degree,
    colour_of,
    draw,
    label_of,
    pair,
)
from latentatlas.metrics import LinearProbe, MLPProbe, Probe, ProbeScore

__all__ = ["COLUMNS", "Judged"]

_PROBES: dict[str, Probe] = {"colour, linear": LinearProbe(), "colour, perceptron": MLPProbe()}
COLUMNS = ("seen", "unseen", "as colour says", "error", "shape shown", "colour shown", *_PROBES)
_EXAMPLES = 6


@final
class Judged:
    """New images of a degree, and a judge of what images show.

    Args:
        degree: which combinations are not seen.
        aside: images of each combination.
        whole: images of all combinations, for the judge to learn from.
        rng: for the images.
        seed: of the judge.
    """

    def __init__(self, degree: Degree, aside: int, whole: Batch, rng: np.random.Generator, *, seed: int):
        self.degree = degree
        self.seen = draw(degree.seen, aside, rng)
        self.unseen = draw(sorted(degree.unseen), aside, rng)
        self.every = draw(EVERYTHING.seen, aside, rng)
        self.pairs = pair(degree, aside, rng)
        step = max(1, len(self.pairs.target.x) // _EXAMPLES)
        self.examples = np.arange(step // 2, len(self.pairs.target.x), step)[:_EXAMPLES]
        self.judge = _judge(whole, seed)

    def figures(self, answering: Answering, images: np.ndarray | None) -> dict[str, float]:
        """Values by column; those that do not apply are left out."""
        answers, shape = answering.shapes(self.unseen), label_of(self.unseen).numpy()
        pairs = zip(answers.tolist(), colour_of(self.unseen).tolist(), strict=True)
        found = {
            "seen": float((answering.shapes(self.seen) == label_of(self.seen).numpy()).mean()),
            "unseen": float((answers == shape).mean()),
            "as colour says": float(np.mean([both in self.degree.seen for both in pairs])),
        }
        z = answering.latent(self.every)
        if z is not None:
            colour = colour_of(self.every).numpy()
            found |= {name: ProbeScore(probe)(z, colour) for name, probe in _PROBES.items()}
        return found if images is None else found | self._shown(images)

    def inputs(self) -> dict[str, str]:
        """Examples of what is combined, and of what should come out."""
        parts = {"shape from": self.pairs.source, "colour from": self.pairs.donor, "true image": self.pairs.target}
        return {name: as_text(part.x.numpy()[self.examples]) for name, part in parts.items()}

    def reliability(self) -> float:
        """Share of true images in which the judge sees both shape and colour."""
        shape, colour = np.divmod(self.judge.predict(self.pairs.target.x.numpy()), 3)
        target = self.pairs.target
        return float(((shape == label_of(target).numpy()) & (colour == colour_of(target).numpy())).mean())

    def _shown(self, images: np.ndarray) -> dict[str, float]:
        target = self.pairs.target
        true = target.x.numpy()
        shape, colour = np.divmod(self.judge.predict(images), 3)
        return {
            "error": float(np.square(images - true).mean() / true.var(axis=0).mean()),
            "shape shown": float((shape == label_of(target).numpy()).mean()),
            "colour shown": float((colour == colour_of(target).numpy()).mean()),
        }


def _judge(whole: Batch, seed: int) -> Any:
    """A perceptron on pixels that tells all nine combinations apart."""
    both = 3 * label_of(whole) + colour_of(whole)
    return MLPProbe(seed=seed).classifier().fit(whole.x.numpy(), both.numpy())
