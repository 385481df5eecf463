"""A nuisance out of frozen embeddings: statistics that stream, a frozen map, one file."""

from latentatlas.erasure.base import Eraser, Erasure, ErasureWarning
from latentatlas.erasure.groups import Grouping
from latentatlas.erasure.kernel import KernelEraser, KernelErasure
from latentatlas.erasure.linear import LinearEraser, LinearErasure
from latentatlas.erasure.loading import load_erasure

__all__ = [
    "Eraser",
    "Erasure",
    "ErasureWarning",
    "Grouping",
    "KernelEraser",
    "KernelErasure",
    "LinearEraser",
    "LinearErasure",
    "load_erasure",
]
