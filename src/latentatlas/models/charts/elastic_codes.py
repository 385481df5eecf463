"""Codes within charts that come and go."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from latentatlas.core import SpecError
from latentatlas.models.charts.codebook import ChartCodebook
from latentatlas.models.charts.ledger import Changes
from latentatlas.models.charts.trials import Cut

__all__ = ["CodeChanges", "ElasticCodebook"]


@final
class ElasticCodebook(nn.Module):
    r"""Room for C codes in each of K charts, of which some are there; the others have no rows and do not move.

    All are there at first and begin by k-means, as those of `ChartCodebook`; then they follow their rows as moving
    averages. `train.ElasticCodes` splits, merges and closes them as held-out rows say; no code moves to other rows by
    itself. Cost that of a `ChartCodebook` of C codes.

    Args:
        charts: K.
        codes: C, the codes of a chart there is room for.
        dim: axes of a chart.
        decay: what is kept of the past, 0 ≤ decay < 1.

    >>> book = ElasticCodebook(1, 3, 1)
    >>> book.learn(torch.tensor([[[0.0]], [[1.0]], [[9.0]]]), torch.ones(3, 1))
    >>> first, second = book(torch.tensor([[[0.0]], [[1.0]]]))[0].flatten().tolist()
    >>> book.merge(0, first, second)
    >>> book.places[0, first].tolist(), book.present.sum().item()
    ([0.5], 2)
    """

    present: Tensor

    def __init__(self, charts: int, codes: int, dim: int, *, decay: float = 0.99):
        super().__init__()
        self.inner = ChartCodebook(charts, codes, dim, decay=decay, dead=0.0)
        self.charts = charts
        self.codes = codes
        self.dim = dim
        self.decay = decay
        self.register_buffer("present", torch.ones(charts, codes, dtype=torch.bool))

    @property
    def places(self) -> Float[Tensor, "charts codes dim"]:
        """Of all slots; those that are not `present` mean nothing."""
        return self.inner.places

    def forward(self, local: Float[Tensor, "n charts dim"]) -> tuple[Int[Tensor, "n charts"], Tensor]:
        """Number and place of the nearest code there is in every chart; the places have no gradient."""
        return self.inner(local, among=self.present)

    def learn(self, local: Float[Tensor, "n charts dim"], weights: Float[Tensor, "n charts"]) -> None:
        """Move the codes by one batch of rows with their memberships."""
        self.inner.learn(local, weights, among=self.present)

    @torch.no_grad()
    def split(self, chart: int, code: int, into: int, *, offset: Float[Tensor, " dim"]) -> None:
        """A free slot takes half of the rows of a code: places e ± offset.

        Raises:
            SpecError: for a code that is not there, or a slot that is not free.
        """
        self._check(chart, code, there=True)
        self._check(chart, into, there=False)
        book = self.inner
        book.usage[chart, [code, into]] = book.usage[chart, code] / 2
        place = book.places[chart, code].clone()
        book.places[chart, code], book.places[chart, into] = place + offset, place - offset
        self._keep_sums(chart)
        self.present[chart, into] = True

    @torch.no_grad()
    def merge(self, chart: int, kept: int, lost: int) -> None:
        """One code at the mean of both, weighted by their use; the slot of the other is free.

        Raises:
            SpecError: for codes that are not there, or the same twice.
        """
        self._check(chart, kept, there=True)
        self._check(chart, lost, there=True)
        if kept == lost:
            raise SpecError(f"ElasticCodebook.merge wants two codes; got {kept} twice. Pick two.")
        book = self.inner
        use = book.usage[chart, [kept, lost]]
        share = torch.where(use.sum() > 0, use / use.sum().clamp(min=torch.finfo(use.dtype).tiny), 0.5)
        book.places[chart, kept] = share @ book.places[chart, [kept, lost]]
        book.usage[chart, kept] = use.sum()
        self._keep_sums(chart)
        self.close(chart, lost)

    @torch.no_grad()
    def close(self, chart: int, code: int) -> None:
        """A code has no rows any more.

        Raises:
            SpecError: for a code that is not there, or the last of its chart.
        """
        self._check(chart, code, there=True)
        if int(self.present[chart].sum()) == 1:
            raise SpecError(f"ElasticCodebook wants one code in every chart; {code} is the last of chart {chart}.")
        self.present[chart, code] = False
        self.inner.usage[chart, code] = 0.0
        self._keep_sums(chart)

    def _keep_sums(self, chart: int) -> None:
        book = self.inner
        book.sums[chart] = book.usage[chart, :, None] * book.places[chart]

    def _check(self, chart: int, code: int, *, there: bool) -> None:
        if not (0 <= chart < self.charts and 0 <= code < self.codes and bool(self.present[chart, code]) == there):
            what = "a code that is there" if there else "a free slot"
            raise SpecError(
                f"ElasticCodebook wants {what} of {self.charts} × {self.codes}; got code {code} of chart {chart}. "
                "`present` says which are there."
            )


@final
class CodeChanges(Changes):
    """Changes of the codes of one chart."""

    def __init__(self, book: ElasticCodebook, chart: int):
        self.book = book
        self.chart = chart

    def split(self, part: int, into: int, cut: Cut) -> None:
        """Along the offset of the cut."""
        self.book.split(self.chart, part, into, offset=cut.offset.to(self.book.places))

    def merge(self, kept: int, lost: int, share: float) -> None:
        """By the use that the codes have counted themselves."""
        self.book.merge(self.chart, kept, lost)

    def close(self, part: int) -> None:
        """The rows go to the next code."""
        self.book.close(self.chart, part)
