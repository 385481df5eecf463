"""Short chains of Langevin dynamics, as training draws them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import DataError, SpecError
from latentatlas.landscape.fields import gradient

__all__ = ["ShortRun"]


@final
class ShortRun:
    """A few steps z ← z − (η/2)∇E + √η ξ of every start, with η = step · s² for latents of spread s.

    Of (η/2)∇E no more than the length s is taken, or chains would fly apart where a network is steep for a while. Runs
    are too short to forget where they began; chains that go on from call to call (`terms.ReplayBuffer`) come to follow
    exp(−E), with variances about 1 + step/4 times too large on a Gaussian. Noise comes from torch's own generator, so
    that a fit that is resumed draws what it would have drawn; `langevin` has a seed and keeps the path.

    Args:
        steps: number of steps.
        step: η in units of s². The noise of one step, √step · s, should be less than the narrowest structure wanted.

    Cost: O(steps) gradients of the field.

    >>> slide = ShortRun(1000, step=0.01)
    >>> _ = torch.manual_seed(0)
    >>> ends = slide(lambda z: z.square().sum(dim=1) / 2, torch.full((1000, 1), 5.0), spread=1.0)
    >>> abs(ends.mean().item()) < 0.1, abs(ends.std().item() - 1) < 0.1
    (True, True)

    References:
        Nijkamp et al., *Learning non-convergent non-persistent short-run MCMC toward energy-based model*, 2019.
    """

    def __init__(self, steps: int = 20, *, step: float = 0.02):
        if steps < 1 or not (math.isfinite(step) and step > 0):
            raise SpecError(f"ShortRun wants steps ≥ 1 and a finite step > 0; got {steps} and {step}. 20 and .02 do.")
        self.steps = steps
        self.step = step

    def __call__(
        self, field: Callable[[Tensor], Tensor], starts: Float[Tensor, "n dim"], *, spread: float | Tensor
    ) -> Float[Tensor, "n dim"]:
        """Where the chains are in the end, without gradient.

        Raises:
            DataError: if a chain leaves the finite numbers; the step is then too large.
        """
        spread = torch.as_tensor(spread).to(starts)
        eta = self.step * spread.square()
        half, noise = eta / 2, eta.sqrt()
        z = starts.detach()
        for _ in range(self.steps):
            _, slope = gradient(field, z)
            length = torch.linalg.vector_norm(slope, dim=1, keepdim=True).clamp_(min=torch.finfo(z.dtype).tiny)
            z = (z - slope * (spread / length).clamp_(max=half)).addcmul_(noise, torch.randn_like(z))
        if not torch.isfinite(z).all():
            raise DataError(
                f"ShortRun wants an energy whose chains stay finite; with step {self.step} they do not. Lower "
                "the step, or look for NaN in the latents."
            )
        return z
