"""Differentiable parts of an objective. A term knows no model: it reads named fields and returns a scalar."""

from latentatlas.terms.anchor import Anchor
from latentatlas.terms.base import Rebind, Term, TermInput
from latentatlas.terms.energy import ChartBalance, PrototypeEnergy
from latentatlas.terms.invariance import HSIC, Covariance, DeltaKernel, GaussianKernel, Kernel
from latentatlas.terms.objective import Objective, Report, gather_fields
from latentatlas.terms.reconstruction import Reconstruction
from latentatlas.terms.topology import NeighborContrast

__all__ = [
    "HSIC",
    "Anchor",
    "ChartBalance",
    "Covariance",
    "DeltaKernel",
    "GaussianKernel",
    "Kernel",
    "NeighborContrast",
    "Objective",
    "PrototypeEnergy",
    "Rebind",
    "Reconstruction",
    "Report",
    "Term",
    "TermInput",
    "gather_fields",
]
