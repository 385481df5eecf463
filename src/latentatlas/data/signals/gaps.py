"""Missing samples: where a record must be cut, and which of them may be bridged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from latentatlas.core import DataError, SpecError

__all__ = ["Gaps", "InterpolatedGaps", "SplitAtGaps", "interpolated", "runs"]


class Gaps(ABC):
    """What becomes of missing samples (NaN). No window ever holds one."""

    @abstractmethod
    def bridged(self, signal: Float[np.ndarray, "channels time"]) -> Float[np.ndarray, "channels time"]:
        """The signal, perhaps with fewer missing samples; the record is cut at those that are left."""


@final
@dataclass(frozen=True)
class SplitAtGaps(Gaps):
    """A record is cut wherever a sample of any channel is missing.

    >>> runs(SplitAtGaps().bridged(np.array([[1.0, 2.0, np.nan, 3.0]]))).tolist()
    [[0, 2], [3, 4]]
    """

    def bridged(self, signal: Float[np.ndarray, "channels time"]) -> Float[np.ndarray, "channels time"]:
        """The signal as it is."""
        return signal


@final
@dataclass(frozen=True)
class InterpolatedGaps(Gaps):
    """Short gaps are bridged by a straight line, channel by channel; at longer ones the record is cut.

    Attributes:
        longest: samples that are bridged at most; gaps at an end of the record never are.

    >>> InterpolatedGaps(1).bridged(np.array([[1.0, np.nan, 3.0, np.nan, np.nan, 6.0]])).tolist()
    [[1.0, 2.0, 3.0, nan, nan, 6.0]]
    """

    longest: int

    def __post_init__(self) -> None:
        if self.longest < 1:
            raise SpecError(
                f"InterpolatedGaps wants to bridge 1 sample or more; got {self.longest}. Use SplitAtGaps() for none."
            )

    def bridged(self, signal: Float[np.ndarray, "channels time"]) -> Float[np.ndarray, "channels time"]:
        """The signal with its short gaps filled."""
        return np.stack([self._bridged(channel) for channel in signal])

    def _bridged(self, channel: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
        missing = np.isnan(channel)
        if not missing.any() or missing.all():
            return channel
        filled = interpolated(channel)
        for start, end in _true_runs(missing):
            if end - start > self.longest or start == 0 or end == len(channel):
                filled[start:end] = np.nan
        return filled


def runs(signal: Float[np.ndarray, "channels time"]) -> Int[np.ndarray, "runs 2"]:
    """First sample, and sample after the last, of every stretch in which no channel misses one."""
    return _true_runs(np.asarray(~np.isnan(signal).any(axis=0)))


def interpolated(channel: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """The channel with straight lines in place of missing samples, constant beyond the first and last known one.

    >>> interpolated(np.array([np.nan, 1.0, np.nan, 2.0])).tolist()
    [1.0, 1.0, 1.5, 2.0]

    Raises:
        DataError: if all are missing.
    """
    missing = np.isnan(channel)
    if missing.all():
        raise DataError("A channel wants at least one sample; all are missing (NaN). Leave the channel out.")
    if not missing.any():
        return channel
    at = np.arange(len(channel))
    return np.interp(at, at[~missing], channel[~missing]).astype(channel.dtype)


def _true_runs(mask: Bool[np.ndarray, " time"]) -> Int[np.ndarray, "runs 2"]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)
