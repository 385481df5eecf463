"""Charts and codes that split, merge and close in the course of a fit, each time for a reason that is written down."""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Batch, Latents, SpecError
from latentatlas.models import AtlasAutoencoder
from latentatlas.models.charts.elastic import (
    chart_slots,
    close_chart,
    copy_slot,
    elastic_routers,
    merge_charts,
    split_chart,
)
from latentatlas.models.charts.elastic_codes import CodeChanges, ElasticCodebook
from latentatlas.models.charts.ledger import Changes, Ledger
from latentatlas.models.charts.parsimony import Parsimony
from latentatlas.models.charts.trials import Cut, Parts
from latentatlas.models.layers import positive_ints, positive_number
from latentatlas.train.callbacks import Callback

__all__ = ["ElasticCharts", "ElasticCodes"]

_ROWS = 2048


class _Reviews(Callback):
    """A review of parts every so many steps, on rows that stay the same."""

    def __init__(
        self,
        model: AtlasAutoencoder,
        train: Float[Tensor, "n features"],
        held_out: Float[Tensor, "m features"],
        *,
        rule: Parsimony | None = None,
        resolution: float = 0.1,
        every: int = 50,
        dead: float = 0.05,
        cool: int = 1,
    ):
        who = type(self).__name__
        positive_ints(who, every=every)
        positive_number(who, resolution=resolution)
        if min(len(train), len(held_out)) == 0:
            raise SpecError(f"{who} wants training rows and held-out rows; one of the two is empty. Pass both.")
        self.model = model
        self.train = _thinned(train)
        self.held_out = _thinned(held_out)
        self.rule = rule or Parsimony()
        self.resolution = resolution
        self.every = every
        self.dead = dead
        self.cool = cool
        self.seconds = 0.0

    @abstractmethod
    def review(self, step: int) -> None:
        """Look at the parts as they are."""

    def on_batch(self, step: int, batch: Batch, latents: Latents) -> None:
        """A review, where one is due."""
        if (step + 1) % self.every:
            return
        began, training = time.perf_counter(), self.model.training
        self.model.eval()
        with torch.no_grad():
            self.review(step)
        self.model.train(training)
        self.seconds += time.perf_counter() - began

    def _seen(self) -> tuple[Tensor, Tensor]:
        device = self.model.encoder.centre.device
        return self.train.to(device), self.held_out.to(device)


@final
class ElasticCharts(_Reviews):
    r"""The number of charts follows the evidence: charts merge, split and close as held-out rows say (`Ledger`).

    The evidence is about the rows that charts have, not about how far the network is trained: rows belong to their
    likeliest chart, and a chart is worth its name while its rows are worse described by a smooth patch of `dim` axes
    that they share with others. A network may tear a sphere and decode it by one chart; a patch may not.

    A split chart is copied into the free slot, heads, decoder, codes and jumps, and the router parts the two by the
    plane of the cut; of two merged charts the one with more rows decodes both. Momentum and scale of the optimiser go
    with a split chart to its half; those of a slot that becomes free are zero. Cost of a review: one pass of the trunk
    over at most 4,096 rows, and O(rows features²) for each trial.

    Args:
        model: with elastic routers, as `models.elastic_autoencoder` has.
        train: training rows; of more than 2,048 that many, evenly spaced.
        held_out: rows that the model is not trained on; likewise.
        rule: what a chart must gain; None is `Parsimony()`.
        resolution: error of a column that needs no further chart, in units of the root-mean-square deviation of the
            training rows.
        every: steps between two reviews.
        dead: share of the even use below which a chart is closed, 0 to 1; 0 never does.
        cool: reviews for which a changed chart is left alone.

    Attributes:
        ledger: events with their reasons, trials, and the use of charts over time.
        seconds: that all reviews took.

    Raises:
        SpecError: for a model without elastic routers, numbers out of range, or no rows.

    References:
        Ueda, Nakano, Ghahramani, Hinton, *SMEM algorithm for mixture models*, 2000; Ma, Derksen, Hong, Wright,
        *Segmentation of multivariate mixed data via lossy data coding and compression*, 2007.
    """

    def __init__(
        self,
        model: AtlasAutoencoder,
        train: Float[Tensor, "n features"],
        held_out: Float[Tensor, "m features"],
        *,
        rule: Parsimony | None = None,
        resolution: float = 0.1,
        every: int = 50,
        dead: float = 0.05,
        cool: int = 1,
    ):
        elastic_routers(model)
        super().__init__(model, train, held_out, rule=rule, resolution=resolution, every=every, dead=dead, cool=cool)
        self._error = resolution * _spread(train)
        self.ledger = Ledger("charts", self.rule, dead=dead, cool=cool)
        self._optimiser: torch.optim.Optimizer | None = None

    def on_start(self, steps: int) -> None:
        """Forget earlier fits."""
        self.ledger, self.seconds = Ledger("charts", self.rule, dead=self.dead, cool=self.cool), 0.0

    def on_optimiser(self, optimiser: torch.optim.Optimizer) -> None:
        """Whose moments go with the charts."""
        self._optimiser = optimiser

    @property
    def count(self) -> int:
        """Charts that are there."""
        return elastic_routers(self.model)[0].in_use

    def review(self, step: int) -> None:
        """Look at the charts as they are."""
        router, rows = elastic_routers(self.model)[0], self._seen()
        features = [self.model.encoder.trunk(each) for each in rows]
        keys = (router.keys(features[0]), router.keys(features[1]))
        chart = (router.logits(features[0]).argmax(dim=1), router.logits(features[1]).argmax(dim=1))
        parts = Parts(rows, keys, chart, self.model.encoder.heads.dim, self._error)
        changes = ChartChanges(self.model, self._optimiser)
        self.ledger.review(step, parts, router.active.nonzero()[:, 0].tolist(), router.charts, changes)

    def state_dict(self) -> dict[str, Any]:
        """That of the ledger."""
        return {"ledger": self.ledger.state_dict(), "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.ledger.load_state_dict(state["ledger"])
        self.seconds = state["seconds"]


@final
class ElasticCodes(_Reviews):
    r"""The number of codes of every chart follows the evidence, as that of charts does; a code is a patch of no axes.

    Halves of a code must name the coordinates of held-out rows of its chart in fewer nats. With `resolution` in units
    of the spread of the coordinates; otherwise as `ElasticCharts`. Charts with too few rows keep their codes.

    Args:
        model: with an `ElasticCodebook`.
        train: training rows; of more than 2,048 that many, evenly spaced.
        held_out: rows that the model is not trained on; likewise.
        rule: what a code must gain; None is `Parsimony()`.
        resolution: error of a coordinate that needs no further code.
        every: steps between two reviews.
        dead: share of the even use below which a code is closed, 0 to 1; 0 never does.
        cool: reviews for which a changed code is left alone.

    Attributes:
        ledgers: one for each chart.
        seconds: that all reviews took.

    Raises:
        SpecError: for a model without an elastic codebook, numbers out of range, or no rows.
    """

    def __init__(
        self,
        model: AtlasAutoencoder,
        train: Float[Tensor, "n features"],
        held_out: Float[Tensor, "m features"],
        *,
        rule: Parsimony | None = None,
        resolution: float = 0.1,
        every: int = 50,
        dead: float = 0.05,
        cool: int = 1,
    ):
        if not isinstance(model.codebook, ElasticCodebook):
            raise SpecError(
                f"ElasticCodes wants a model with an ElasticCodebook; got {type(model.codebook).__name__}. Pass one as "
                "codebook."
            )
        super().__init__(model, train, held_out, rule=rule, resolution=resolution, every=every, dead=dead, cool=cool)
        self.book = model.codebook
        self.ledgers = self._fresh()

    def on_start(self, steps: int) -> None:
        """Forget earlier fits."""
        self.ledgers, self.seconds = self._fresh(), 0.0

    @property
    def counts(self) -> list[int]:
        """Codes that are there, of each chart."""
        return self.book.present.sum(dim=1).tolist()

    def review(self, step: int) -> None:
        """Look at the codes of every chart that has rows."""
        charts = [self.model.encoder(rows) for rows in self._seen()]
        for chart, ledger in enumerate(self.ledgers):
            own = [each.weights.argmax(dim=1) == chart for each in charts]
            if min(int(rows.sum()) for rows in own) == 0:
                continue
            z = [each.given("local", who="ElasticCodes")[rows] for each, rows in zip(charts, own, strict=True)]
            review_codes(self.book, chart, (z[0], z[1]), ledger, step=step, resolution=self.resolution)

    def state_dict(self) -> dict[str, Any]:
        """Those of the ledgers."""
        return {"ledgers": [ledger.state_dict() for ledger in self.ledgers], "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for ledger, kept in zip(self.ledgers, state["ledgers"], strict=True):
            ledger.load_state_dict(kept)
        self.seconds = state["seconds"]

    def _fresh(self) -> list[Ledger]:
        names = (f"codes of chart {chart}" for chart in range(self.book.charts))
        return [Ledger(name, self.rule, dead=self.dead, cool=self.cool) for name in names]


@torch.no_grad()
def review_codes(
    book: ElasticCodebook,
    chart: int,
    local: tuple[Float[Tensor, "n charts dim"], Float[Tensor, "m charts dim"]],
    ledger: Ledger,
    *,
    step: int,
    resolution: float,
) -> None:
    """One review of the codes of one chart, by training rows of the chart and held-out ones."""
    code = (book(local[0])[0][:, chart], book(local[1])[0][:, chart])
    z = (local[0][:, chart], local[1][:, chart])
    parts = Parts(z, z, code, 0, resolution * _spread(z[0]))
    there = book.present[chart].nonzero()[:, 0].tolist()
    ledger.review(step, parts, there, book.codes, CodeChanges(book, chart))


@final
class ChartChanges(Changes):
    """Changes of the charts of a model, and of what its optimiser remembers of them."""

    def __init__(self, model: AtlasAutoencoder, optimiser: torch.optim.Optimizer | None):
        self.model = model
        self.optimiser = optimiser

    def split(self, part: int, into: int, cut: Cut) -> None:
        """Moments are copied."""
        own = self.model.encoder.centre
        split_chart(self.model, part, into, middle=cut.middle.to(own), offset=cut.offset.to(own))
        for tensor in self._moments():
            copy_slot(tensor, part, into, charts=len(own))

    def merge(self, kept: int, lost: int, share: float) -> None:
        """The chart that stays keeps its moments."""
        merge_charts(self.model, kept, lost, share=share)
        self._clear(lost)

    def close(self, part: int) -> None:
        """A free slot has none."""
        close_chart(self.model, part)
        self._clear(part)

    def _clear(self, slot: int) -> None:
        for tensor in self._moments():
            tensor.view(len(self.model.encoder.centre), -1)[slot] = 0.0

    def _moments(self) -> list[Tensor]:
        """What the optimiser remembers of everything that charts have for themselves."""
        if self.optimiser is None:
            return []
        held = [(t, self.optimiser.state.get(t, {})) for t in chart_slots(self.model) if t.requires_grad]
        return [
            entry
            for t, state in held
            for entry in state.values()
            if isinstance(entry, Tensor) and entry.shape == t.shape
        ]


def _thinned(rows: Tensor) -> Tensor:
    if len(rows) <= _ROWS:
        return rows
    return rows[torch.linspace(0, len(rows) - 1, _ROWS, dtype=torch.float64).long()]


def _spread(rows: Tensor) -> float:
    """Root-mean-square deviation over all columns; 1 where nothing varies."""
    return float((rows - rows.mean(dim=0)).square().mean().sqrt()) or 1.0
