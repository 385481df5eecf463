"""What happens to embeddings: coordinates are lost (for noise see `AdditiveNoise`)."""

from __future__ import annotations

from typing import final

from jaxtyping import Float
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.data.transformations.keyed import Keyed, keyed_uniform

__all__ = ["CoordinateDropout"]


@final
class CoordinateDropout(Keyed):
    """Coordinates become 0, each with probability p; p is uniform from 0 to `largest`. The others keep their size.

    The key chooses which; it cannot be read from the item, p can.

    Args:
        largest: share of coordinates that are lost.

    Cost: O(numbers).

    >>> import torch
    >>> dropped = CoordinateDropout(0.5).apply(torch.ones(1, 1000), torch.tensor([[0.5, 3.0]]))
    >>> bool((dropped.mean() - 0.5).abs() < 0.06)
    True

    Raises:
        SpecError: if the share is not within 0 … 1.
    """

    def __init__(self, largest: float = 0.2):
        if not 0 <= largest <= 1:
            raise SpecError(f"CoordinateDropout wants a largest share from 0 to 1; got {largest}. 0.2 is usual.")
        self.largest = largest

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """p, and the key of the choice."""
        return ("share", "key")

    def apply(self, x: Float[Tensor, "n features"], parameters: Float[Tensor, "n 2"]) -> Float[Tensor, "n features"]:
        """The rows without those coordinates."""
        share, key = self.columns(x, parameters, axes=(2,))
        return x * (keyed_uniform(key.flatten(), x.shape[1]) > share)
