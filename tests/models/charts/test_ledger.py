from __future__ import annotations

import itertools
import json
import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.models import Ledger, Parsimony
from latentatlas.models.charts.ledger import Changes
from latentatlas.models.charts.trials import Cut, Parts


class _Labels(Changes):
    """Parts are numbers of rows."""

    def __init__(self, x: Tensor, label: Tensor):
        self.x, self.label = x, label

    def split(self, part: int, into: int, cut: Cut) -> None:
        self.label[(self.label == part) & ((self.x - cut.middle) @ cut.offset < 0)] = into

    def merge(self, kept: int, lost: int, share: float) -> None:
        self.label[self.label == lost] = kept

    def close(self, part: int) -> None:
        self.label[self.label == part] = int(self.label[self.label != part][0])


def _circle(n: int, generator: torch.Generator) -> Tensor:
    angle = 2 * math.pi * torch.rand(n, generator=generator).double()
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def _run(
    ledger: Ledger, label: Tensor, *, reviews: int, room: int = 8, dim: int = 1, noise: float = 0.0, seed: int = 0
) -> Tensor:
    """Reviews of a circle whose rows are drawn anew each time with noise: a stream that stays as it is."""
    drawing = torch.Generator().manual_seed(seed)
    clean = _circle(len(label), drawing)
    for step in range(reviews):
        x = clean + noise * torch.randn(clean.shape, generator=drawing).double()
        judging = torch.rand(len(x), generator=drawing) < 0.4
        parts = Parts((x[~judging], x[judging]), (x[~judging], x[judging]), (label[~judging], label[judging]), dim, 0.1)
        ledger.review(step, parts, label.unique().tolist(), room, _Labels(x, label))
    return label


def test_one_part_becomes_as_many_as_a_circle_needs():
    ledger = Ledger("charts", Parsimony())
    label = _run(ledger, torch.zeros(900, dtype=torch.int64), reviews=30)
    assert len(label.unique()) in range(2, 6)
    assert {event.kind for event in ledger.events} == {"split"}
    assert all(event.gain > event.threshold for event in ledger.events)
    assert ledger.rested(20)


def test_many_parts_become_few():
    ledger = Ledger("charts", Parsimony())
    label = _run(ledger, torch.arange(900) % 8, reviews=30)  # eight parts that are all of the circle
    assert len(label.unique()) in range(2, 6)
    merged = [event for event in ledger.events if event.kind == "merge"]
    assert merged
    assert all(event.gain < event.threshold for event in merged)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
def test_a_stationary_stream_comes_to_rest(noise: float):
    ledger = Ledger("charts", Parsimony())
    _run(ledger, torch.arange(600) % 8, reviews=60, noise=noise)
    kinds = [event.kind == "split" for event in ledger.events]
    turns = sum(one != other for one, other in itertools.pairwise(kinds))
    assert turns <= math.log2(60)
    assert ledger.rested(40)


def test_without_hysteresis_patience_alone_slows_it_down():
    ledger = Ledger("charts", Parsimony(0.02, 0.0))  # a margin within the noise
    _run(ledger, torch.arange(400) % 4, reviews=60, noise=0.2)
    kinds = [event.kind == "split" for event in ledger.events]
    assert 1 < sum(one != other for one, other in itertools.pairwise(kinds)) <= math.log2(60)


def test_dead_parts_are_closed_and_the_last_stays():
    ledger = Ledger("charts", Parsimony(margin=50.0), dead=0.2)
    label = torch.zeros(300, dtype=torch.int64)
    label[:3] = 1
    assert _run(ledger, label, reviews=1).unique().tolist() == [0]
    assert [(event.kind, event.parts) for event in ledger.events] == [("close", (1,))]
    assert ledger.events[0].gain < ledger.events[0].threshold == pytest.approx(0.1)
    _run(ledger, label, reviews=3)
    assert len(ledger.events) == 1


def test_a_full_house_is_said_and_nothing_breaks():
    ledger = Ledger("charts", Parsimony())
    label = _run(ledger, torch.zeros(600, dtype=torch.int64), reviews=20, room=1)
    assert label.unique().tolist() == [0]
    assert {event.kind for event in ledger.events} == {"full"}
    assert 1 < len(ledger.events) < 8  # not at every review
    assert "all 1 slots are taken" in ledger.events[0].why


def test_one_part_that_should_stay_one_stays_one():
    ledger = Ledger("charts", Parsimony())
    x = torch.linspace(0, 1, 400).double()[:, None] * torch.ones(2).double()
    label = torch.zeros(400, dtype=torch.int64)
    for step in range(20):
        parts = Parts((x[::2], x[1::2]), (x[::2], x[1::2]), (label[::2], label[1::2]), 1, 0.05)
        ledger.review(step, parts, [0], 4, _Labels(x, label))
    assert ledger.events == []
    assert {event.kind for event in ledger.trials} == {"whole"}
    assert len(ledger.trials) < 6  # each waits twice as long as the one before


def test_the_state_is_plain_and_goes_back():
    ledger = Ledger("charts", Parsimony())
    _run(ledger, torch.arange(900) % 8, reviews=4)
    again = Ledger("charts", Parsimony())
    again.load_state_dict(json.loads(json.dumps(ledger.state_dict())))
    assert (again.events, again.trials, again.uses) == (ledger.events, ledger.trials, ledger.uses)
    assert again.state_dict() == ledger.state_dict()


@pytest.mark.parametrize(("dead", "cool"), [(1.0, 1), (-0.1, 1), (0.1, 0)])
def test_bad_ledgers(unchecked: None, dead: float, cool: int):
    with pytest.raises(SpecError, match="Ledger wants"):
        Ledger("charts", Parsimony(), dead=dead, cool=cool)
