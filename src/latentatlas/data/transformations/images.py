"""What happens to images: they turn, move, come nearer, and the light changes."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from latentatlas.core import SpecError
from latentatlas.data.transformations.base import Transformation, uniform

__all__ = ["BrightnessContrast", "CropResize", "ImageRotation", "ImageShift"]


@final
class ImageRotation(Transformation):
    """Images turned around their middle, counter-clockwise, by angles uniform between ± `largest`.

    What comes in from outside is 0. Bilinear, so it is differentiable in pixels and angle.

    Args:
        largest: angle, in radians; π for all positions.

    Cost: O(pixels).

    >>> picture = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> ImageRotation().apply(picture, torch.tensor([[math.pi / 2]])).round().tolist()
    [[[[2.0, 4.0], [1.0, 3.0]]]]

    Raises:
        SpecError: if the angle is not within 0 … π.
    """

    def __init__(self, largest: float = math.pi):
        if not 0 <= largest <= math.pi:
            raise SpecError(f"ImageRotation wants a largest angle from 0 to π; got {largest}. Pass radians.")
        self.largest = largest

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The angle in radians."""
        return ("angle",)

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 1"]:
        """Angles."""
        return uniform(n, -self.largest, self.largest, generator)

    def identity(self, n: int) -> Float[Tensor, "n 1"]:
        """No turn."""
        return torch.zeros(n, 1)

    def apply(
        self, x: Float[Tensor, "n *channels height width"], parameters: Float[Tensor, "n 1"]
    ) -> Float[Tensor, "n *channels height width"]:
        """The images turned."""
        self.columns(x, parameters, axes=(3, 4))
        cos, sin = parameters[:, 0].to(x).cos(), parameters[:, 0].to(x).sin()
        height, width = x.shape[-2:]
        zero = torch.zeros_like(cos)
        rows = torch.stack([cos, -sin * height / width, zero, sin * width / height, cos, zero], dim=1)
        return _warped(x, rows.reshape(-1, 2, 3))


@final
class ImageShift(Transformation):
    """Images moved right and down by parts of their size, uniform between ± `largest`; 0 comes in from outside.

    Args:
        largest: part of width and height, up to 1.

    Cost: O(pixels).

    >>> picture = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> ImageShift(0.5).apply(picture, torch.tensor([[0.5, 0.0]])).tolist()
    [[[[0.0, 1.0], [0.0, 3.0]]]]

    Raises:
        SpecError: if the part is not within 0 … 1.
    """

    def __init__(self, largest: float = 0.2):
        if not 0 <= largest <= 1:
            raise SpecError(f"ImageShift wants a largest part from 0 to 1; got {largest}. 0.2 is a fifth of the width.")
        self.largest = largest

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Parts of width and height."""
        return ("right", "down")

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 2"]:
        """Two parts for each image."""
        return torch.cat([uniform(n, -self.largest, self.largest, generator) for _ in range(2)], dim=1)

    def identity(self, n: int) -> Float[Tensor, "n 2"]:
        """No move."""
        return torch.zeros(n, 2)

    def apply(
        self, x: Float[Tensor, "n *channels height width"], parameters: Float[Tensor, "n 2"]
    ) -> Float[Tensor, "n *channels height width"]:
        """The images moved."""
        self.columns(x, parameters, axes=(3, 4))
        moves = -2 * parameters.to(x)
        plain = torch.eye(2, dtype=x.dtype, device=x.device).expand(len(x), 2, 2)
        return _warped(x, torch.cat([plain, moves[:, :, None]], dim=2))


@final
class CropResize(Transformation):
    """A part of the image brought to its whole size: side uniform from `smallest` to 1, anywhere inside.

    Args:
        smallest: side of the part, as a part of the image's.

    Cost: O(pixels).

    >>> CropResize(0.5).apply(torch.ones(1, 1, 4, 4), torch.tensor([[0.5, 1.0, -1.0]])).unique().tolist()
    [1.0]

    Raises:
        SpecError: if the side is not above 0 and up to 1.
    """

    def __init__(self, smallest: float = 0.5):
        if not 0 < smallest <= 1:
            raise SpecError(f"CropResize wants a smallest side above 0 and up to 1; got {smallest}. 0.5 is usual.")
        self.smallest = smallest

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The side, and where it lies: −1 is at the left (top), 0 in the middle, 1 at the right (bottom)."""
        return ("side", "right", "down")

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 3"]:
        """A part of each image."""
        ranges = ((self.smallest, 1.0), (-1.0, 1.0), (-1.0, 1.0))
        return torch.cat([uniform(n, low, high, generator) for low, high in ranges], dim=1)

    def identity(self, n: int) -> Float[Tensor, "n 3"]:
        """The whole image."""
        return torch.tensor([1.0, 0.0, 0.0]).repeat(n, 1)

    def apply(
        self, x: Float[Tensor, "n *channels height width"], parameters: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n *channels height width"]:
        """The parts, each as large as its image."""
        self.columns(x, parameters, axes=(3, 4))
        side, right, down = parameters.to(x).unbind(dim=1)
        zero = torch.zeros_like(side)
        rows = torch.stack([side, zero, right * (1 - side), zero, side, down * (1 - side)], dim=1)
        return _warped(x, rows.reshape(-1, 2, 3), outside="border")


@final
class BrightnessContrast(Transformation):
    """Other light: x' = e^c (x − m) + m + b, m the mean of the image; with colours also e^{s} of each channel.

    b is uniform between ± `brightness`, c between ± log(contrast), and the logarithms of the channels between
    ± log(colour).

    Args:
        brightness: largest b, in the units of the pixels.
        contrast: largest factor, 1 or more.
        colour: largest factor of a channel, 1 or more; 1 keeps the colours.
        channels: how many channels the images have.

    >>> light = BrightnessContrast(brightness=1.0, contrast=2.0)
    >>> light.apply(torch.tensor([[[[0.0, 2.0]]]]), torch.tensor([[0.5, 0.0, 0.0]])).tolist()
    [[[[0.5, 2.5]]]]

    Raises:
        SpecError: if brightness is negative, a factor below 1, or there is no channel.
    """

    def __init__(self, brightness: float, contrast: float = 1.5, *, colour: float = 1.0, channels: int = 1):
        if brightness < 0 or min(contrast, colour) < 1 or channels < 1:
            raise SpecError(
                f"BrightnessContrast wants brightness ≥ 0, factors ≥ 1 and channels ≥ 1; got {brightness}, {contrast}, "
                f"{colour} and {channels}. 1 is no change of contrast or colour."
            )
        self.brightness = brightness
        self.contrast = contrast
        self.colour = colour
        self.channels = channels

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """b, c, and s of each channel."""
        return ("brightness", "log_contrast", *(f"log_colour_{channel}" for channel in range(self.channels)))

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n parameters"]:
        """The light of each image."""
        limits = (self.brightness, math.log(self.contrast), *(math.log(self.colour),) * self.channels)
        return torch.cat([uniform(n, -limit, limit, generator) for limit in limits], dim=1)

    def identity(self, n: int) -> Float[Tensor, "n parameters"]:
        """The same light."""
        return torch.zeros(n, 2 + self.channels)

    def apply(
        self, x: Float[Tensor, "n *channels height width"], parameters: Float[Tensor, "n parameters"]
    ) -> Float[Tensor, "n *channels height width"]:
        """The images in their light."""
        brightness, contrast, *_ = self.columns(x, parameters, axes=(3, 4))
        colour = parameters[:, 2:].to(x).exp()
        x = x * (colour[:, :, None, None] if x.ndim == 4 else colour[:, :1, None])
        middle = x.flatten(1).mean(dim=1).reshape(contrast.shape)
        return (x - middle) * contrast.exp() + middle + brightness


def _warped(x: Tensor, rows: Float[Tensor, "n 2 3"], *, outside: str = "zeros") -> Tensor:
    """Images read at the places that affine maps give; the corners of an image are at ±1."""
    images = x if x.ndim == 4 else x[:, None]
    grid = torch.nn.functional.affine_grid(rows, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, padding_mode=outside, align_corners=False).reshape(x.shape)
