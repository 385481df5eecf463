"""Terms that shape the energy landscape and the basins of its prototypes (E)."""

from latentatlas.terms.energy.balanced import BalancedAssignment, SwappedAssignment, balanced
from latentatlas.terms.energy.information import MutualInformation
from latentatlas.terms.energy.prototypes import PrototypeEnergy, PrototypeSeparation
from latentatlas.terms.energy.sharpening import BatchUsage, MovingUsage, Sharpening, Usage
from latentatlas.terms.energy.smoothness import Augmented, ChartSmoothness, Perturbation, VirtualAdversary
from latentatlas.terms.energy.usage import ChartBalance, UsageBand

__all__ = [
    "Augmented",
    "BalancedAssignment",
    "BatchUsage",
    "ChartBalance",
    "ChartSmoothness",
    "MovingUsage",
    "MutualInformation",
    "Perturbation",
    "PrototypeEnergy",
    "PrototypeSeparation",
    "Sharpening",
    "SwappedAssignment",
    "Usage",
    "UsageBand",
    "VirtualAdversary",
    "balanced",
]
