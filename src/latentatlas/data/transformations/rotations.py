"""Turns of sensors in space: a rotation matrix for each item, and six numbers from which it can be read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.data.transformations.base import Transformation, uniform

__all__ = ["AxisRotation", "UniformRotation", "as_matrices", "as_six"]

_IMU = ((0, 1, 2), (3, 4, 5))


def as_six(matrices: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 6"]:
    """The first two columns of rotation matrices, one below the other.

    Unlike angles and quaternions they have no jump, so a network can learn to tell them.

    >>> as_six(torch.eye(3)[None]).tolist()
    [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]

    References:
        Zhou, Barnes, Lu, Yang, Li, *On the Continuity of Rotation Representations in Neural Networks*, CVPR 2019.
    """
    return matrices[:, :, :2].transpose(1, 2).reshape(len(matrices), 6)


def as_matrices(six: Float[Tensor, "n 6"]) -> Float[Tensor, "n 3 3"]:
    """The rotation matrices of six numbers each, made orthonormal (Gram and Schmidt).

    >>> as_matrices(torch.tensor([[2.0, 0.0, 0.0, 1.0, 1.0, 0.0]])).tolist()
    [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """
    first = torch.nn.functional.normalize(six[:, :3], dim=1)
    second = six[:, 3:] - (first * six[:, 3:]).sum(dim=1, keepdim=True) * first
    second = torch.nn.functional.normalize(second, dim=1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=2)


@final
class UniformRotation(Transformation):
    """The sensor in any position: rotations drawn uniformly from SO(3), the same for every triad of channels.

    x'_triad(t) = R x_triad(t). The parameters are the six numbers of `as_six`, so they can be read as they are. A phone
    that is put into a pocket the other way round turns its accelerometer and its gyroscope together.

    Args:
        triads: numbers of the channels x, y, z of every sensor; other channels stay as they are.

    Cost: O(n · channels · time).

    >>> turn = UniformRotation(triads=((0, 1, 2),))
    >>> quarter = torch.tensor([[0.0, 1.0, 0.0, -1.0, 0.0, 0.0]])  # x → y, y → −x
    >>> turn.apply(torch.tensor([[[1.0], [0.0], [5.0]]]), quarter).flatten().tolist()
    [0.0, 1.0, 5.0]

    Raises:
        SpecError: if a triad does not hold three channels, or one channel stands in two.
    """

    def __init__(self, triads: Sequence[Sequence[int]] = _IMU):
        self.triads = _checked("UniformRotation", triads)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """First and second column of the matrix."""
        return tuple(f"{column}_{axis}" for column in ("first", "second") for axis in "xyz")

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 6"]:
        """Uniform rotations: unit quaternions of four normal numbers."""
        device = "cpu" if generator is None else generator.device
        quaternion = torch.nn.functional.normalize(torch.randn(n, 4, generator=generator, device=device), dim=1)
        w, x, y, z = quaternion.unbind(dim=1)
        first = torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)], dim=1)
        second = torch.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)], dim=1)
        return torch.cat([first, second], dim=1)

    def identity(self, n: int) -> Float[Tensor, "n 6"]:
        """No turn."""
        return as_six(torch.eye(3).expand(n, 3, 3))

    def apply(
        self, x: Float[Tensor, "n channels time"], parameters: Float[Tensor, "n 6"]
    ) -> Float[Tensor, "n channels time"]:
        """Each triad turned."""
        self.columns(x, parameters, axes=(3,))
        return _turned(x, as_matrices(parameters.to(x)), self.triads, "UniformRotation")


@final
class AxisRotation(Transformation):
    """A sensor that sits askew: R = R_z R_y R_x, each angle uniform between ± its limit; all triads turn together.

    Args:
        limits: largest angle around x, y and z, in radians; 0 leaves an axis alone.
        triads: numbers of the channels x, y, z of every sensor.

    Cost: O(n · channels · time).

    >>> askew = AxisRotation((0.0, 0.0, math.pi), triads=((0, 1, 2),))
    >>> askew.apply(torch.tensor([[[1.0], [0.0], [5.0]]]), torch.tensor([[0.0, 0.0, math.pi / 2]])).round().tolist()
    [[[-0.0], [1.0], [5.0]]]

    Raises:
        SpecError: if a limit is not within 0 … π, or triads are not three different channels each.
    """

    def __init__(
        self,
        limits: tuple[float, float, float] = (math.pi / 6, math.pi / 6, math.pi / 6),
        *,
        triads: Sequence[Sequence[int]] = _IMU,
    ):
        if len(limits) != 3 or not all(0 <= limit <= math.pi for limit in limits):
            raise SpecError(f"AxisRotation wants three limits from 0 to π; got {limits}. Pass radians, one per axis.")
        self.limits = tuple(limits)
        self.triads = _checked("AxisRotation", triads)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The angles in radians."""
        return ("angle_x", "angle_y", "angle_z")

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 3"]:
        """Three angles for each item."""
        return torch.cat([uniform(n, -limit, limit, generator) for limit in self.limits], dim=1)

    def identity(self, n: int) -> Float[Tensor, "n 3"]:
        """No turn."""
        return torch.zeros(n, 3)

    def apply(
        self, x: Float[Tensor, "n channels time"], parameters: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n channels time"]:
        """Each triad turned."""
        self.columns(x, parameters, axes=(3,))
        about_x, about_y, about_z = (_about(axis, parameters[:, axis].to(x)) for axis in range(3))
        return _turned(x, about_z @ about_y @ about_x, self.triads, "AxisRotation")


def _about(axis: int, angle: Float[Tensor, "n"]) -> Float[Tensor, "n 3 3"]:
    """Rotations around a coordinate axis, by the right-hand rule."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rows = torch.eye(3, dtype=angle.dtype, device=angle.device).repeat(len(angle), 1, 1)
    rows[:, first, first] = rows[:, second, second] = angle.cos()
    rows[:, second, first] = angle.sin()
    rows[:, first, second] = -angle.sin()
    return rows


def _turned(x: Tensor, matrices: Tensor, triads: Sequence[Sequence[int]], who: str) -> Tensor:
    highest = max(max(triad) for triad in triads)
    if highest >= x.shape[1]:
        raise ShapeError(
            f"{who} turns channels up to {highest} (triads {triads}); the items have {x.shape[1]} channels. Name the "
            "triads that are there: triads=((0, 1, 2),)."
        )
    turned = x.clone()
    for triad in triads:
        turned[:, list(triad)] = matrices @ x[:, list(triad)]
    return turned


def _checked(who: str, triads: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    named = [channel for triad in triads for channel in triad]
    if not triads or any(len(triad) != 3 for triad in triads) or len(set(named)) < len(named) or min(named) < 0:
        raise SpecError(
            f"{who} wants triads of three channels each, all different; got {triads}. For x, y, z of one sensor: "
            "((0, 1, 2),)."
        )
    return tuple(tuple(triad) for triad in triads)
