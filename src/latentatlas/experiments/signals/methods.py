"""The ways to train that both studies compare: the same network, rows and steps, other terms."""

from __future__ import annotations

from collections.abc import Callable

from latentatlas.core import Constant, LatentLayout
from latentatlas.experiments.signals.training import Method, Terms
from latentatlas.models import Encoder
from latentatlas.terms import (
    LogForm,
    NTXent,
    OuterProduct,
    Partition,
    PartitionForm,
    Prediction,
    RatioForm,
    ReadableTransformation,
    Rebind,
    SoftNegative,
    Term,
    VICReg,
)

__all__ = ["LOG", "PARTED", "RATIO", "WHOLE", "methods", "parted", "risk", "risk_of_both"]

WHOLE = LatentLayout(free=128)
PARTED = LatentLayout(invariant=64, variant=32, free=32)
LOG, RATIO = "partition, log form", "partition, ratio form"
_HIDDEN = (128,)

MakesEncoder = Callable[[tuple[int, int], int], Encoder]


def risk() -> Terms:
    """Cross-entropy of the class, on windows as they are."""
    return {"risk": (Prediction(), Constant(1.0))}


def risk_of_both() -> Terms:
    """The same, half on windows and half on their views."""
    return {
        "risk": (Prediction(), Constant(0.5)),
        "risk of views": (Rebind(Prediction(), {"prediction": "prediction_view"}), Constant(0.5)),
    }


def parted(
    layout: LatentLayout,
    columns: tuple[int, ...],
    *,
    form: PartitionForm | None = None,
    temperature: float = 0.1,
    weight: float = 1.0,
) -> Terms:
    """The task on both, the partition, and a head that reads the change from the variant block."""
    partition = Partition(layout, form=form, negatives=SoftNegative(temperature))
    readable = ReadableTransformation(layout, columns, pairing=OuterProduct(), hidden=_HIDDEN)
    return {
        **risk_of_both(),
        "partition": (partition, Constant(weight)),
        "readable": (readable, Constant(weight)),
    }


def methods(
    columns: tuple[int, ...], encoder: MakesEncoder, *, reads: tuple[str, ...], weight: float = 1.0
) -> dict[str, Method]:
    """Every row that is trained with one encoder.

    Args:
        columns: of the parameters, those to be read.
        encoder: of all of them.
        reads: blocks that tell the class where there are blocks.
        weight: of what stands beside the task.
    """

    def beside(term: Term) -> Terms:
        return {**risk_of_both(), "views": (term, Constant(weight))}

    forms: dict[str, PartitionForm] = {LOG: LogForm(), RATIO: RatioForm()}
    whole: dict[str, Callable[[LatentLayout], Terms]] = {
        "no view": lambda _: risk(),
        "augmentation": lambda _: risk_of_both(),
        "NT-Xent": lambda _: beside(NTXent(0.1)),
        "VICReg": lambda _: beside(VICReg(agree=1.0, spread=1.0, uncorrelated=0.04)),
    }
    found = {title: Method(WHOLE, terms, encoder=encoder) for title, terms in whole.items()}
    for title, form in forms.items():
        found[title] = Method(
            PARTED, lambda layout, f=form: parted(layout, columns, form=f, weight=weight), reads, encoder
        )
    return found
