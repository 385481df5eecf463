"""What many charts cost beside a plain autoencoder of equal size, and jumps beside a loop over pairs and rows."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from latentatlas.core import Batch, Charts
from latentatlas.models import Autoencoder, FactorizedJumps, MLPDecoder, MLPEncoder, charted_autoencoder
from latentatlas.terms import ChartReconstruction, JumpConsistency, Reconstruction

__all__ = ["chart_speed", "jump_speed", "listed_by_pair", "listed_by_row"]

_COLUMNS = 128


def chart_speed(*, rows: int = 512, charts: int = 16, width: int = 256, blocks: int = 20) -> dict[str, float]:
    """Milliseconds of forward and backward pass with 16 charts of two axes and 16 codes, in 128 columns.

    Two charts of a row are decoded, or all. The plain autoencoder has two hidden layers on each side, as wide as gives
    it as many weights. The two are timed by turns, since the load of the machine changes; ratios are of least times.

    Args:
        rows: of a batch.
        charts: number of charts.
        width: of the hidden layers of the model with charts.
        blocks: how often each is timed; the least counts.
    """
    x = torch.randn(rows, _COLUMNS, generator=torch.Generator().manual_seed(0))
    figures = {"rows": float(rows), "threads": float(torch.get_num_threads())}
    own, other = ChartReconstruction(), Reconstruction()
    for name, top in (("2 charts of a row", 2), ("all charts of a row", None)):
        model = charted_autoencoder(_COLUMNS, 2, charts=charts, codes=16, width=width, top=top)
        model.adapt(x)
        plain = _of_equal_size(_weights(model))
        steps = (
            lambda model=model: own(x, model(Batch(x)).charts).backward(),
            lambda plain=plain: other(x, plain(Batch(x)).recon).backward(),
        )
        ours, theirs = _least_milliseconds(steps, blocks=blocks)
        figures |= {
            f"{name}, ms": ours,
            f"{name}, plain, ms": theirs,
            f"{name}, ratio": ours / theirs,
            f"{name}, weights": float(_weights(model)),
            f"{name}, plain, weights": float(_weights(plain)),
        }
    return figures


def jump_speed(*, rows: int = 1024, charts: int = 16, listed_rows: int = 16, blocks: int = 10) -> dict[str, float]:
    """Milliseconds of the consistency of all ordered pairs, forward and backward, beside loops that give its value.

    One loop goes over pairs and rows, as a listing does that takes overlapping rows one by one; it is timed on fewer
    rows and scaled to all. The other goes over pairs only.

    Args:
        rows: of a batch.
        charts: number of charts.
        listed_rows: rows on which the loop over pairs and rows is timed.
        blocks: how often the vectorised term and the loop over pairs are timed; the least counts.
    """
    generator = torch.Generator().manual_seed(0)
    local, weights = torch.randn(rows, charts, 2, generator=generator), torch.randn(rows, charts, generator=generator)
    found, jumps, term = Charts(weights.softmax(dim=1), local), FactorizedJumps(charts, 2), JumpConsistency()
    ours, by_pair = _least_milliseconds(
        (lambda: term(found, jumps).backward(), lambda: listed_by_pair(found, jumps).backward()), blocks=blocks
    )
    few = Charts(found.weights[:listed_rows], local[:listed_rows])
    (by_row,) = _least_milliseconds((lambda: listed_by_row(few, jumps).backward(),), blocks=1)
    by_row *= rows / listed_rows
    gap = float((listed_by_pair(found, jumps) / term(found, jumps) - 1).abs().detach())
    return {
        "all pairs, ms": ours,
        "loop over pairs, ms": by_pair,
        "loop over pairs and rows, ms": by_row,
        "loop over pairs, ratio": by_pair / ours,
        "loop over pairs and rows, ratio": by_row / ours,
        "relative difference of the values": gap,
        "threads": float(torch.get_num_threads()),
    }


def listed_by_pair(charts: Charts, jumps: FactorizedJumps, *, floor: float = 0.01) -> Tensor:
    """The consistency of jumps, one ordered pair after the other."""
    local, weights = charts.given("local", who="jump_speed"), charts.weights
    total = local.new_zeros(())
    for j in range(jumps.charts):
        spread = _spread(local[:, j], weights[:, j], floor)
        for i in range(jumps.charts):
            if i != j:
                frame = local[:, i] @ jumps.into[i].T + jumps.shift[i]
                errors = (local[:, j] - frame @ jumps.out[j].T - jumps.offset[j]).square().sum(dim=1)
                total = total + (weights[:, i] * weights[:, j] * errors).sum() / spread
    return total / len(local)


def listed_by_row(charts: Charts, jumps: FactorizedJumps, *, floor: float = 0.01) -> Tensor:
    """The consistency of jumps, one ordered pair and one row after the other."""
    local, weights = charts.given("local", who="jump_speed"), charts.weights
    total = local.new_zeros(())
    for j in range(jumps.charts):
        spread = _spread(local[:, j], weights[:, j], floor)
        for i in range(jumps.charts):
            for row in range(len(local) if i != j else 0):
                frame = jumps.into[i] @ local[row, i] + jumps.shift[i]
                error = (local[row, j] - jumps.out[j] @ frame - jumps.offset[j]).square().sum()
                total = total + weights[row, i] * weights[row, j] * error / spread
    return total / len(local)


def _spread(local: Tensor, weights: Tensor, floor: float) -> Tensor:
    share = weights / weights.sum()
    return (share[:, None] * (local - share @ local).square()).sum().clamp(min=floor)


def _of_equal_size(weights: int) -> Autoencoder:
    """The plain autoencoder whose number of weights comes nearest."""
    sizes = {width: _weights(_plain(width)) for width in range(8, 600, 8)}
    return _plain(min(sizes, key=lambda width: abs(sizes[width] - weights)))


def _plain(width: int) -> Autoencoder:
    encoder = MLPEncoder(_COLUMNS, 2, hidden=(width, width), spread=1.0, noise=0.0)
    return Autoencoder(encoder, decoder=MLPDecoder(2, _COLUMNS, hidden=(width, width), spread=1.0))


def _weights(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _least_milliseconds(actions: tuple[Callable[[], object], ...], *, blocks: int) -> list[float]:
    """The least time of each, taken by turns."""
    least = [float("inf")] * len(actions)
    for action in actions:
        action()
    for _ in range(blocks):
        for place, action in enumerate(actions):
            started = time.perf_counter()
            action()
            least[place] = min(least[place], 1e3 * (time.perf_counter() - started))
    return least
