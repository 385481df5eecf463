"""What can be computed of a window by hand: the baselines that a learned representation must beat."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from latentatlas.core import ShapeError

__all__ = ["log_spectrum", "window_statistics"]


def log_spectrum(x: Float[np.ndarray, "n *channels time"]) -> Float[np.ndarray, "n features"]:
    """log(1 + |FFT|) of each channel, standardised within the window first; channel after channel.

    A circular shift does not change it, so it is the trivial answer to a phase shift. A real slide brings new samples
    in, which it does see. Cost: O(n · channels · time log time).

    Args:
        x: windows, (n, time) or (n, channels, time).

    >>> wave = np.sin(np.arange(16) * np.pi / 4)[None]
    >>> bool(np.allclose(log_spectrum(wave), log_spectrum(np.roll(wave, 3, axis=1)), atol=1e-6))
    True

    Raises:
        ShapeError: if there is no axis of time.
    """
    x = _windows(x, "log_spectrum").astype(np.float64)
    spread = x.std(axis=-1, keepdims=True)
    standard = (x - x.mean(axis=-1, keepdims=True)) / np.where(spread > 0, spread, 1)
    return np.log1p(np.abs(np.fft.rfft(standard, axis=-1))).reshape(len(x), -1)


def window_statistics(x: Float[np.ndarray, "n *channels time"]) -> Float[np.ndarray, "n features"]:
    """Ten numbers per channel, channel after channel: how its values are spread and how fast they change.

    Mean, standard deviation, least, greatest, median, quartiles' distance, root mean square, mean absolute difference
    of neighbours, and the share of power below an eighth and below a quarter of the rate. None is kept by a rotation of
    the sensor. Cost: O(n · channels · time log time).

    Args:
        x: windows, (n, time) or (n, channels, time).

    >>> window_statistics(np.array([[0.0, 2.0, 0.0, 2.0]]))[0, :4].tolist()
    [1.0, 1.0, 0.0, 2.0]

    Raises:
        ShapeError: if there is no axis of time.
    """
    x = _windows(x, "window_statistics").astype(np.float64)
    quarter, median, three = np.percentile(x, (25, 50, 75), axis=-1)
    power = np.abs(np.fft.rfft(x - x.mean(axis=-1, keepdims=True), axis=-1)) ** 2
    total = np.where(power.sum(axis=-1) > 0, power.sum(axis=-1), 1)
    eighth, fourth = (power[..., : x.shape[-1] // part].sum(axis=-1) / total for part in (8, 4))
    columns = (
        x.mean(axis=-1),
        x.std(axis=-1),
        x.min(axis=-1),
        x.max(axis=-1),
        median,
        three - quarter,
        np.sqrt((x**2).mean(axis=-1)),
        np.abs(np.diff(x, axis=-1)).mean(axis=-1),
        eighth,
        fourth,
    )
    return np.stack(columns, axis=-1).reshape(len(x), -1)


def _windows(x: np.ndarray, who: str) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim not in (2, 3) or x.shape[-1] < 2:
        raise ShapeError(
            f"{who} wants windows as (n, time) or (n, channels, time), two samples or more; got {x.shape}. Reshape the "
            "rows of a table: table.x.reshape(-1, *table.item_shape)."
        )
    return x
