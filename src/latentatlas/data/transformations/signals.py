"""What happens to signals: time moves, amplitudes change, noise and drift come in, a lead falls off."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.data.transformations.base import Transformation, uniform
from latentatlas.data.transformations.keyed import Keyed, keyed_normal

__all__ = [
    "AdditiveNoise",
    "AmplitudeScaling",
    "BaselineWander",
    "ChannelDropout",
    "CircularShift",
    "WindowSlide",
]


@final
class WindowSlide(Transformation):
    """A phase shift as it happens: the window slides along the record by s samples and reads what really came there.

    x'(t) = record(start + s + t). The items must hold the record around the window, `Windows(length, room=(before,
    after))`; what comes out is the window alone, so the identity cuts the window itself out. `CircularShift` needs no
    room, but glues the end of the window to its start.

    Args:
        length: samples of the window.
        before: samples that the items hold before it, and the farthest slide to the left.
        after: samples that they hold after it, and the farthest slide to the right.

    Cost: O(n · channels · length).

    >>> slide = WindowSlide(3, after=2)
    >>> slide.apply(torch.arange(5.0).reshape(1, 1, 5), torch.tensor([[2.0]])).tolist()
    [[[2.0, 3.0, 4.0]]]

    Raises:
        SpecError: if length is below 1, or before or after below 0.
    """

    def __init__(self, length: int, *, before: int = 0, after: int = 0):
        if length < 1 or min(before, after) < 0:
            raise SpecError(
                f"WindowSlide wants a length of 1 or more, before and after of 0 or more; got {length}, {before} and "
                f"{after}. Pass samples."
            )
        self.length = length
        self.before = before
        self.after = after

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The slide in samples, to the right."""
        return ("samples",)

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 1"]:
        """Whole numbers from −before to after."""
        return _whole(n, -self.before, self.after, generator)

    def identity(self, n: int) -> Float[Tensor, "n 1"]:
        """The window itself."""
        return torch.zeros(n, 1)

    def apply(
        self, x: Float[Tensor, "n channels time"], parameters: Float[Tensor, "n 1"]
    ) -> Float[Tensor, "n channels length"]:
        """The window at another place."""
        (samples,) = self.columns(x, parameters, axes=(3,))
        reach = self.before + self.length + self.after
        if x.shape[2] != reach:
            raise ShapeError(
                f"WindowSlide wants items of {reach} samples, the window with its room; got {x.shape[2]}. Cut them "
                f"with Windows({self.length}, room=({self.before}, {self.after})), or use CircularShift."
            )
        start = samples.round().long()
        if len(x) and (int(start.min()) < -self.before or int(start.max()) > self.after):
            raise ShapeError(
                f"WindowSlide has room for slides from {-self.before} to {self.after}; got {int(start.min())} … "
                f"{int(start.max())}. Cut the windows with more room."
            )
        places = self.before + start + torch.arange(self.length, device=x.device)
        return x.gather(2, places.expand(-1, x.shape[1], -1))


@final
class CircularShift(Transformation):
    """A phase shift without room: x'(t) = x(t + s), where what leaves the window on one side comes in on the other.

    Args:
        lowest: of the shifts, in samples.
        highest: of the shifts.

    Cost: O(n · channels · time).

    >>> CircularShift(-2, 2).apply(torch.arange(4.0).reshape(1, 1, 4), torch.tensor([[1.0]])).tolist()
    [[[1.0, 2.0, 3.0, 0.0]]]

    Raises:
        SpecError: if lowest is above highest.
    """

    def __init__(self, lowest: int, highest: int):
        if lowest > highest:
            raise SpecError(f"CircularShift wants lowest ≤ highest; got {lowest} and {highest}. Swap them.")
        self.lowest = lowest
        self.highest = highest

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The shift in samples."""
        return ("samples",)

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 1"]:
        """Whole numbers from lowest to highest."""
        return _whole(n, self.lowest, self.highest, generator)

    def identity(self, n: int) -> Float[Tensor, "n 1"]:
        """No shift."""
        return torch.zeros(n, 1)

    def apply(
        self, x: Float[Tensor, "n channels time"], parameters: Float[Tensor, "n 1"]
    ) -> Float[Tensor, "n channels time"]:
        """The items shifted."""
        (samples,) = self.columns(x, parameters, axes=(3,))
        places = (samples.round().long() + torch.arange(x.shape[2], device=x.device)) % x.shape[2]
        return x.gather(2, places.expand_as(x))


@final
class AmplitudeScaling(Transformation):
    """Another gain: x' = e^g x with g uniform between ± log(largest), so that ×2 is as likely as ÷2.

    Args:
        largest: factor, above 1.

    >>> AmplitudeScaling(2.0).apply(torch.ones(1, 1, 2), torch.tensor([[math.log(2)]])).tolist()
    [[[2.0, 2.0]]]

    Raises:
        SpecError: if largest is below 1.
    """

    def __init__(self, largest: float = 2.0):
        if not largest >= 1:
            raise SpecError(
                f"AmplitudeScaling wants a largest factor of 1 or more; got {largest}. 2 halves and doubles."
            )
        self.largest = largest

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """g, the logarithm of the factor."""
        return ("log_factor",)

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 1"]:
        """Logarithms of factors."""
        return uniform(n, -math.log(self.largest), math.log(self.largest), generator)

    def identity(self, n: int) -> Float[Tensor, "n 1"]:
        """Factor 1."""
        return torch.zeros(n, 1)

    def apply(self, x: Float[Tensor, "n *features"], parameters: Float[Tensor, "n 1"]) -> Float[Tensor, "n *features"]:
        """The items multiplied."""
        (gain,) = self.columns(x, parameters, axes=(2, 3, 4))
        return x * gain.exp()


@final
class AdditiveNoise(Keyed):
    """x' = x + σ ε with ε standard normal, σ uniform from 0 to `largest`; for signals, images and embeddings.

    The key makes ε: equal keys make equal noise. It cannot be read from the item, σ can.

    Args:
        largest: of σ, in the units of the items.

    Cost: O(numbers), about 50 ns each on one core.

    >>> noise = AdditiveNoise(0.5)
    >>> x = torch.zeros(1, 1000)
    >>> bool((noise.apply(x, torch.tensor([[0.5, 7.0]])).std() - 0.5).abs() < 0.05)
    True

    Raises:
        SpecError: if largest is negative.
    """

    def __init__(self, largest: float):
        if not largest >= 0:
            raise SpecError(
                f"AdditiveNoise wants a largest σ of 0 or more; got {largest}. Pass it in units of the items."
            )
        self.largest = largest

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """σ, and the key of the noise."""
        return ("sigma", "key")

    def apply(self, x: Float[Tensor, "n *features"], parameters: Float[Tensor, "n 2"]) -> Float[Tensor, "n *features"]:
        """The items with noise."""
        sigma, key = self.columns(x, parameters, axes=(2, 3, 4))
        noise = keyed_normal(key.flatten(), math.prod(x.shape[1:]))
        return x + sigma * noise.reshape(x.shape).to(x.dtype)


@final
class BaselineWander(Transformation):
    """The zero line breathes: x'(t) = x(t) + a sin(2π f t + φ), the same in all channels.

    Args:
        rate: samples per second, in Hz.
        largest: of a, in the units of the signal; uniform from 0.
        lowest: frequency f, in Hz.
        highest: frequency; breathing lies between 0.15 and 0.4 Hz.

    >>> wander = BaselineWander(rate=4, largest=1.0)
    >>> wander.apply(torch.zeros(1, 1, 4), torch.tensor([[1.0, 1.0, 0.0]])).round(decimals=3).abs().tolist()
    [[[0.0, 1.0, 0.0, 1.0]]]

    Raises:
        SpecError: if rate or largest is not positive, or frequencies do not rise within 0 … rate/2.
    """

    def __init__(self, rate: float, largest: float, *, lowest: float = 0.05, highest: float = 0.5):
        if not (rate > 0 and largest >= 0 and 0 < lowest <= highest <= rate / 2):
            raise SpecError(
                f"BaselineWander wants rate > 0, largest ≥ 0 and 0 < lowest ≤ highest ≤ rate/2; got {rate}, {largest}, "
                f"{lowest} and {highest}. Pass Hz."
            )
        self.rate = rate
        self.largest = largest
        self.lowest = lowest
        self.highest = highest

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """a, f in Hz, and φ in radians."""
        return ("amplitude", "frequency", "phase")

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n 3"]:
        """One sinusoid for each item."""
        ranges = ((0.0, self.largest), (self.lowest, self.highest), (-math.pi, math.pi))
        return torch.cat([uniform(n, low, high, generator) for low, high in ranges], dim=1)

    def identity(self, n: int) -> Float[Tensor, "n 3"]:
        """No amplitude, at the lowest frequency."""
        return torch.tensor([0.0, self.lowest, 0.0]).repeat(n, 1)

    def apply(
        self, x: Float[Tensor, "n channels time"], parameters: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n channels time"]:
        """The items with their sinusoids."""
        amplitude, frequency, phase = self.columns(x, parameters, axes=(3,))
        seconds = torch.arange(x.shape[2], device=x.device, dtype=x.dtype) / self.rate
        return x + amplitude * torch.sin(2 * math.pi * frequency * seconds + phase)


@final
class ChannelDropout(Transformation):
    """Channels fall out: each becomes 0 with probability `share`, but one at least stays.

    Args:
        channels: how many there are.
        share: of channels that fall out.

    >>> ChannelDropout(2, 0.5).apply(torch.ones(1, 2, 1), torch.tensor([[0.0, 1.0]])).tolist()
    [[[1.0], [0.0]]]

    Raises:
        SpecError: if there are fewer than two channels, or the share is not within 0 … 1.
    """

    def __init__(self, channels: int, share: float = 0.2):
        if channels < 2 or not 0 <= share <= 1:
            raise SpecError(
                f"ChannelDropout wants two channels or more and a share from 0 to 1; got {channels} and {share}. With "
                "one channel nothing would be left."
            )
        self.channels = channels
        self.share = share

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """1 where a channel fell out."""
        return tuple(f"dropped_{channel}" for channel in range(self.channels))

    def sample(self, n: int, generator: Generator | None = None) -> Float[Tensor, "n channels"]:
        """0 and 1; where all fell out, the one that was nearest to staying stays."""
        chance = torch.cat([uniform(n, 0.0, 1.0, generator) for _ in range(self.channels)], dim=1)
        dropped = (chance < self.share).float()
        return dropped.scatter(1, chance.argmax(dim=1, keepdim=True), 0.0)

    def identity(self, n: int) -> Float[Tensor, "n channels"]:
        """All stay."""
        return torch.zeros(n, self.channels)

    def apply(
        self, x: Float[Tensor, "n channels time"], parameters: Float[Tensor, "n channels"]
    ) -> Float[Tensor, "n channels time"]:
        """The items without those channels."""
        self.columns(x, parameters, axes=(3,))
        if x.shape[1] != self.channels:
            raise ShapeError(
                f"ChannelDropout({self.channels}) wants items of {self.channels} channels; got {x.shape[1]}. Name the "
                "right number."
            )
        return x * (1 - parameters.to(x))[:, :, None]


def _whole(n: int, lowest: int, highest: int, generator: Generator | None) -> Float[Tensor, "n 1"]:
    device = "cpu" if generator is None else generator.device
    return torch.randint(lowest, highest + 1, (n, 1), generator=generator, device=device).float()
