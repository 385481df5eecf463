"""What a check is: evidence in, verdicts out, each with a number, a threshold, a reason and a remedy."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar, Literal, NamedTuple, final

import numpy as np
import torch

from latentatlas.core import LatentLayout, ShapeError
from latentatlas.geometry import Geometry

__all__ = ["Check", "Evidence", "Status", "Tier", "Verdict"]


class Status(StrEnum):
    """How a check ended."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Tier(StrEnum):
    """How much hangs on a check: without the essential ones a map means nothing."""

    ESSENTIAL = "essential"
    IMPORTANT = "important"
    ADVANCED = "advanced"


class Verdict(NamedTuple):
    """One line of the certificate.

    Attributes:
        name: of the check, with a part after a dot where it gives several: `leakage.author`.
        status: pass, warn, fail or skip.
        value: what was measured; NaN when skipped.
        threshold: where the verdict turns; NaN when skipped.
        better: the good side of the threshold.
        reason: one sentence with the numbers.
        remedy: what to do; empty when passed.
        tier: how much hangs on it.
    """

    name: str
    status: Status
    value: float
    threshold: float
    better: Literal["higher", "lower"]
    reason: str
    remedy: str
    tier: Tier

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; a number that JSON lacks becomes the text "nan", "inf" or "-inf"."""
        numbers = {name: _plain(number) for name, number in (("value", self.value), ("threshold", self.threshold))}
        return {**self._asdict(), **numbers, "status": self.status.value, "tier": self.tier.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """The way back from `to_dict`."""
        return cls(
            name=data["name"],
            status=Status(data["status"]),
            value=float(data["value"]),
            threshold=float(data["threshold"]),
            better=data["better"],
            reason=data["reason"],
            remedy=data["remedy"],
            tier=Tier(data["tier"]),
        )


@final
@dataclass(frozen=True, eq=False)
class Evidence:
    """What checks may look at. Every field is optional; all arrays have one entry per row.

    Attributes:
        x: patterns.
        z: latents.
        recon: decoded patterns, shaped like `x`.
        label: class of each row.
        nuisance: what must not show in `z`, by name; whole numbers, booleans or text are categories.
        basins: hard basin code of each row, 0 … K − 1.
        memberships: soft basin memberships, (n, K).
        held_out: True for rows that training did not see.
        surprise: how unlike usual rows each row is; large is strange.
        environment: environment of each row.
        z_view: latents of a transformed view of each row.
        transform: parameters of the transformation that made the views, (n, p).
        layout: the blocks of the latent.
        prediction: class that a model predicts for each row.
        prediction_view: class that it predicts for the view.
        local: coordinates of each row in every chart, (n, charts, dim).
        code: code of each row in its own chart.
        chart_counts: how many charts there were at each review, where their number was found; not by row.
        geometry: where `z` and `z_view` lie; None is flat space.

    Raises:
        ShapeError: if the arrays differ in length.
    """

    x: np.ndarray | None = None
    z: np.ndarray | None = None
    recon: np.ndarray | None = None
    label: np.ndarray | None = None
    nuisance: Mapping[str, np.ndarray] = field(default_factory=dict)
    basins: np.ndarray | None = None
    memberships: np.ndarray | None = None
    held_out: np.ndarray | None = None
    surprise: np.ndarray | None = None
    environment: np.ndarray | None = None
    z_view: np.ndarray | None = None
    transform: np.ndarray | None = None
    layout: LatentLayout | None = None
    prediction: np.ndarray | None = None
    prediction_view: np.ndarray | None = None
    local: np.ndarray | None = None
    code: np.ndarray | None = None
    chart_counts: np.ndarray | None = None
    geometry: Geometry | None = None

    def __post_init__(self) -> None:
        others = ("nuisance", "layout", "geometry", "chart_counts")
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in others}
        arrays |= {f"nuisance {name!r}": values for name, values in self.nuisance.items()}
        lengths = {name: len(array) for name, array in arrays.items() if array is not None}
        if len(set(lengths.values())) > 1:
            came = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise ShapeError(f"Evidence wants arrays with one entry per row; {came}. Pass matching rows.")

    @property
    def coordinates(self) -> np.ndarray:
        """The latents as numbers for probes and spectra: in a curved space their tangent vectors at zeros."""
        z = np.asarray(self.z)
        return z if self.geometry is None else self.geometry.vector(torch.from_numpy(z)).numpy()

    def missing(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the named fields that are not given."""
        given = {name: getattr(self, name) for name in names}
        return tuple(name for name, value in given.items() if value is None or (name != "layout" and not len(value)))


class Check(ABC):
    """Evidence → verdicts. The constructor holds the thresholds.

    A subclass declares `name`, `tier`, the evidence it `reads` and which side is `better`, and judges in `judge`; when
    something it reads is missing, the verdict is a skip that says so, never an error.
    """

    name: ClassVar[str]
    tier: ClassVar[Tier]
    reads: ClassVar[tuple[str, ...]]
    better: ClassVar[Literal["higher", "lower"]]

    def __call__(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict, or one per part (per nuisance, per side of a neighbourhood)."""
        missing = evidence.missing(self.reads)
        if missing:
            wanted = " and ".join(missing)
            return (self.skip(f"No {wanted} to look at.", f"Pass {wanted} to have this checked."),)
        return self.judge(evidence)

    @abstractmethod
    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """The verdicts, given that everything in `reads` is there."""

    def skip(self, reason: str, remedy: str, *, part: str = "") -> Verdict:
        """A verdict that says why nothing was measured."""
        return Verdict(self._full_name(part), Status.SKIP, math.nan, math.nan, self.better, reason, remedy, self.tier)

    def verdict(self, value: float, threshold: float, *, reason: str, remedy: str, part: str = "") -> Verdict:
        """Pass if the value is on the better side of the threshold or on it, else fail (NaN fails)."""
        passed = value >= threshold if self.better == "higher" else value <= threshold
        status = Status.PASS if passed else Status.FAIL
        kept = "" if passed else remedy
        return Verdict(
            self._full_name(part), status, float(value), float(threshold), self.better, reason, kept, self.tier
        )

    def _full_name(self, part: str) -> str:
        return f"{self.name}.{part}" if part else self.name


def _plain(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)
