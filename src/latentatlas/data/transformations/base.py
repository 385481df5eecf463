"""What a transformation is: parameters are drawn, kept, and then applied."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from latentatlas.core import ShapeError, SpecError

__all__ = ["Chain", "Transformation", "Transformed", "uniform"]


class Transformed(NamedTuple):
    """Items and how they were changed.

    Attributes:
        x: the changed items.
        parameters: of each change, a column for each of `parameter_names`.
    """

    x: Float[Tensor, "n *features"]
    parameters: Float[Tensor, "n parameters"]


class Transformation(ABC):
    """A change of items whose parameters are drawn, and then known.

    `apply` is a function of items and parameters alone: the same parameters make the same change, on every device and
    in every batch. It is differentiable in the items, and in the parameters where they are not whole numbers.
    """

    @property
    @abstractmethod
    def parameter_names(self) -> tuple[str, ...]:
        """The columns of the parameters."""

    @property
    def readable(self) -> tuple[int, ...]:
        """Numbers of the columns that can be read from what the change did; keys of noise cannot."""
        return tuple(range(len(self.parameter_names)))

    @abstractmethod
    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n parameters"]:
        """Parameters of n changes, on the device of the generator."""

    @abstractmethod
    def identity(self, n: int) -> Float[Tensor, "n parameters"]:
        """The parameters that change nothing."""

    @abstractmethod
    def apply(
        self, x: Float[Tensor, "n *features"], parameters: Float[Tensor, "n parameters"]
    ) -> Float[Tensor, "n *features"]:
        """The items, each changed by its parameters.

        Raises:
            ShapeError: if items or parameters have another shape than the transformation wants.
        """

    def __call__(self, x: Float[Tensor, "n *features"], generator: Generator | None = None) -> Transformed:
        """Draw parameters, apply them, and return both."""
        parameters = self.sample(len(x), generator).to(device=x.device, dtype=x.dtype)
        return Transformed(self.apply(x, parameters), parameters)

    def columns(self, x: Tensor, parameters: Tensor, *, axes: tuple[int, ...]) -> tuple[Tensor, ...]:
        """The parameters column by column, with axes of length 1 so that they multiply items; for implementations.

        Raises:
            ShapeError: if the items do not have one of these numbers of axes, or a parameter is missing.
        """
        who = type(self).__name__
        if x.ndim not in axes:
            wanted = {2: "(n, features)", 3: "(n, channels, time)", 4: "(n, channels, height, width)"}
            raise ShapeError(
                f"{who} wants items as {' or '.join(wanted[each] for each in axes)}; got {tuple(x.shape)}. Reshape the "
                "rows of a table: x.reshape(-1, *table.item_shape)."
            )
        if parameters.shape != (len(x), len(self.parameter_names)):
            raise ShapeError(
                f"{who} wants parameters ({', '.join(self.parameter_names)}) for {len(x)} items; got "
                f"{tuple(parameters.shape)}. Draw them with sample({len(x)})."
            )
        ones = (1,) * (x.ndim - 1)
        return tuple(column.reshape(-1, *ones) for column in parameters.to(x.device).unbind(dim=1))


@final
class Chain(Transformation):
    """One transformation after the other; the parameters stand side by side, in blocks by name.

    Args:
        steps: name → transformation, in the order they are applied.

    >>> from latentatlas.data.transformations import AmplitudeScaling, CircularShift
    >>> chain = Chain({"shift": CircularShift(-5, 5), "scale": AmplitudeScaling(2.0)})
    >>> chain.parameter_names, chain.blocks["scale"]
    (('shift.samples', 'scale.log_factor'), slice(1, 2, None))

    Raises:
        SpecError: if there is no step.
    """

    def __init__(self, steps: Mapping[str, Transformation]):
        if not steps:
            raise SpecError("Chain wants one transformation or more; got none. Pass {'name': transformation}.")
        self.steps = dict(steps)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The name of the step, a dot, and the name that the step gives it."""
        return tuple(f"{name}.{each}" for name, step in self.steps.items() for each in step.parameter_names)

    @property
    def readable(self) -> tuple[int, ...]:
        """Those of all steps."""
        return tuple(self.blocks[name].start + column for name, step in self.steps.items() for column in step.readable)

    @property
    def blocks(self) -> dict[str, slice]:
        """Name of a step → its columns of the parameters."""
        result, start = {}, 0
        for name, step in self.steps.items():
            result[name] = slice(start, start + len(step.parameter_names))
            start = result[name].stop
        return result

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n parameters"]:
        """The parameters of all steps."""
        return torch.cat([step.sample(n, generator) for step in self.steps.values()], dim=1)

    def identity(self, n: int) -> Float[Tensor, "n parameters"]:
        """The identities of all steps."""
        return torch.cat([step.identity(n) for step in self.steps.values()], dim=1)

    def apply(
        self, x: Float[Tensor, "n *features"], parameters: Float[Tensor, "n parameters"]
    ) -> Float[Tensor, "n *features"]:
        """Each step in turn."""
        self.columns(x, parameters, axes=tuple({2, 3, 4} | {x.ndim}))
        for name, step in self.steps.items():
            x = step.apply(x, parameters[:, self.blocks[name]])
        return x


def uniform(n: int, low: float, high: float, generator: Generator | None) -> Float[Tensor, "n 1"]:
    """A column of numbers between two bounds, drawn on the device of the generator."""
    device = "cpu" if generator is None else generator.device
    return low + (high - low) * torch.rand(n, 1, generator=generator, device=device)
