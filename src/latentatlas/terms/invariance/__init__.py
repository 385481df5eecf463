"""Terms that remove a nuisance, and terms that make predictions and axes independent of what they should not know."""

from latentatlas.terms.invariance.adversarial import Adversarial, ConditionalAdversarial
from latentatlas.terms.invariance.axes import (
    BatchWeights,
    Covariance,
    MinibatchWeights,
    StratifiedWeights,
    TotalCorrelation,
)
from latentatlas.terms.invariance.discrepancy import CORAL, MMD
from latentatlas.terms.invariance.environments import Fishr, IRMv1, VREx
from latentatlas.terms.invariance.hsic import HSIC, ConditionalHSIC, ResidualHSIC
from latentatlas.terms.invariance.kernels import (
    Combination,
    DeltaKernel,
    GaussianKernel,
    Jointly,
    Kernel,
    MultiscaleKernel,
    Separately,
)
from latentatlas.terms.invariance.reweighting import Reweighting, reweighting
from latentatlas.terms.invariance.strata import WithinStrata

__all__ = [
    "CORAL",
    "HSIC",
    "MMD",
    "Adversarial",
    "BatchWeights",
    "Combination",
    "ConditionalAdversarial",
    "ConditionalHSIC",
    "Covariance",
    "DeltaKernel",
    "Fishr",
    "GaussianKernel",
    "IRMv1",
    "Jointly",
    "Kernel",
    "MinibatchWeights",
    "MultiscaleKernel",
    "ResidualHSIC",
    "Reweighting",
    "Separately",
    "StratifiedWeights",
    "TotalCorrelation",
    "VREx",
    "WithinStrata",
    "reweighting",
]
