"""Terms that learn an energy as a network, or the distribution of codes."""

from latentatlas.terms.generative.contrastive_divergence import ContrastiveDivergence
from latentatlas.terms.generative.denoising import DenoisingScore
from latentatlas.terms.generative.detached import Detached
from latentatlas.terms.generative.divergence import EnergyPrior, GaussianDivergence
from latentatlas.terms.generative.noise_contrast import NoiseContrast
from latentatlas.terms.generative.replay import ReplayBuffer

__all__ = [
    "ContrastiveDivergence",
    "DenoisingScore",
    "Detached",
    "EnergyPrior",
    "GaussianDivergence",
    "NoiseContrast",
    "ReplayBuffer",
]
