"""Do the blocks of a latent do what they are for when rows are transformed?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Status, Tier, Verdict
from latentatlas.metrics import MLPProbe, ProbeScore

__all__ = ["InvariantBlock", "LabelKept", "VariantBlock", "ViewSimilarity", "view_checks"]

_SHORTEST = 1e-6
_FEWEST = 30


def view_checks() -> tuple[Check, ...]:
    """The checks that join the certificate where there are views."""
    return (ViewSimilarity(), VariantBlock(), InvariantBlock(), LabelKept())


@final
class ViewSimilarity(Check):
    """Rows are more like their views than like other rows: `views.similarity`, never without its control.

    The value is the control: the mean cosine between the invariant blocks of DIFFERENT rows, in [−1, 1]. It must lie
    `margin` below the mean cosine of a row and its view. A block that ignores its input has a similarity of 1 with
    every view, and fails since other rows have it too; one that ignores nothing fails as well.

    Args:
        margin: how far the control must lie below.

    O(n dim).
    """

    name: ClassVar[str] = "views"
    tier: ClassVar[Tier] = Tier.ESSENTIAL
    reads: ClassVar[tuple[str, ...]] = ("z", "z_view", "layout")
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, *, margin: float = 0.5):
        self.margin = margin

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        z, of_view = _block(evidence, "invariant")
        if not z.shape[1] or len(z) < 2:
            reason = f"No pairs of rows with an invariant block in {len(z)} rows of {z.shape[1]} axes."
            return (self.skip(reason, "Give the block axes, and pass two rows or more.", part="similarity"),)
        rows, views = _directions(z), _directions(of_view)
        same = float((rows * views).sum(axis=1).mean())
        others = float((rows * (rows.sum(axis=0) - rows)).sum(axis=1).mean() / (len(rows) - 1))
        verdict = self.verdict(
            others,
            same - self.margin,
            part="similarity",
            reason=f"Invariant blocks of a row and its view have a mean cosine of {same:.2f}, those of different rows "
            f"{others:.2f}.",
            remedy="If both are high the block has collapsed: raise the weight of the partition term, or take "
            "HardestNegative. If both are low it does not ignore the transformation: train longer.",
        )
        return (verdict,)


@final
class VariantBlock(Check):
    """The variant block tells which transformation it was: `variant`, the R² of a probe of its parameters.

    The probe sees the block of a row and that of its view side by side, since the parameters of a rotation are no
    function of a difference. Held-out R², a mean over parameters that vary; the best of the probes.

    Args:
        min_r2: below it the check fails.
        probes: None is a linear one, which sees differences, and a perceptron.
    """

    name: ClassVar[str] = "variant"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("z", "z_view", "transform", "layout")
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, min_r2: float = 0.5, probes: Sequence[ProbeScore] | None = None):
        self.min_r2 = min_r2
        self.probes = _probes() if probes is None else tuple(probes)

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        why_not = _obstacle(evidence, "variant")
        if why_not:
            return (self.skip(why_not, "Pass more rows, or give the block axes."),)
        read = _readable(evidence, "variant", self.probes)
        verdict = self.verdict(
            read,
            self.min_r2,
            reason=f"A probe of the variant blocks of row and view reads the transformation with R² {read:.2f}.",
            remedy="Add a ReadableTransformation on the block, give the block more axes, or raise β of the partition.",
        )
        return (verdict,)


@final
class InvariantBlock(Check):
    """The invariant block does not tell which transformation it was: `invariant`, the R² of a probe, as `variant`.

    Args:
        max_r2: above it the check fails.
        probes: None is a linear one, which sees differences, and a perceptron.
    """

    name: ClassVar[str] = "invariant"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("z", "z_view", "transform", "layout")
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, *, max_r2: float = 0.1, probes: Sequence[ProbeScore] | None = None):
        self.max_r2 = max_r2
        self.probes = _probes() if probes is None else tuple(probes)

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        why_not = _obstacle(evidence, "invariant")
        if why_not:
            return (self.skip(why_not, "Pass more rows, or give the block axes."),)
        read = _readable(evidence, "invariant", self.probes)
        verdict = self.verdict(
            read,
            self.max_r2,
            reason=f"A probe of the invariant blocks of row and view reads the transformation with R² {read:.2f}.",
            remedy="Raise the weight of the partition term, train longer, or give variant and free more axes.",
        )
        return (verdict,)


@final
class LabelKept(Check):
    """The transformation leaves the label alone: `label_kept`, the accuracy that a model loses on views.

    A warning, not a failure: either the transformation changes what rows are (a 6 turned into a 9), and the invariant
    block is taught to ignore the class, or the model has not learned to bear it yet.

    Args:
        max_loss: tolerated loss of accuracy; the noise of a difference on so many rows is added to it.
    """

    name: ClassVar[str] = "label_kept"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("label", "prediction", "prediction_view")
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, *, max_loss: float = 0.1):
        self.max_loss = max_loss

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        label = np.asarray(evidence.label)
        right, right_view = (np.asarray(p) == label for p in (evidence.prediction, evidence.prediction_view))
        change = right.astype(float) - right_view
        threshold = self.max_loss + 2 * float(change.std() / np.sqrt(len(change)))
        verdict = self.verdict(
            float(change.mean()),
            threshold,
            reason=f"The label is predicted for {right.mean():.1%} of the rows and {right_view.mean():.1%} of their "
            "views.",
            remedy="Ask whether a transformed row still is what its label says: if not, take a smaller transformation. "
            "Else train the task on views as well.",
        )
        return (verdict._replace(status=Status.WARN) if verdict.status is Status.FAIL else verdict,)


def _probes() -> tuple[ProbeScore, ...]:
    return (ProbeScore(), ProbeScore(MLPProbe()))


def _block(evidence: Evidence, name: str) -> tuple[np.ndarray, np.ndarray]:
    """One block of rows and views."""
    assert evidence.layout is not None
    z, z_view = np.asarray(evidence.z), np.asarray(evidence.z_view)
    return evidence.layout.block(z, name), evidence.layout.block(z_view, name)


def _obstacle(evidence: Evidence, name: str) -> str:
    """Why a probe of a block cannot be judged; empty where it can."""
    block, transform = _block(evidence, name)[0], np.asarray(evidence.transform)
    if not block.shape[1]:
        return f"The {name} block has 0 axes."
    if len(block) < _FEWEST:
        return f"{len(block)} rows are too few for a probe; {_FEWEST} are needed."
    return "" if np.ptp(transform, axis=0).any() else "The transformation has 0 parameters that vary."


def _readable(evidence: Evidence, name: str, probes: Sequence[ProbeScore]) -> float:
    """R² of the parameters from a block of rows and views, of the best probe."""
    transform = np.asarray(evidence.transform, dtype=np.float64)
    wanted = transform[:, np.ptp(transform, axis=0) > 0]
    wanted = (wanted - wanted.mean(axis=0)) / wanted.std(axis=0)
    pair = np.concatenate(_block(evidence, name), axis=1)
    return max(probe(pair, wanted) for probe in probes)


def _directions(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(length > _SHORTEST, rows / np.maximum(length, _SHORTEST), 0.0)
