from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from latentatlas.core import Batch, Constant, SpecError
from latentatlas.models import (
    AtlasAutoencoder,
    ElasticCodebook,
    Parsimony,
    charted_autoencoder,
    elastic_autoencoder,
)
from latentatlas.models.charts.elastic import chart_slots
from latentatlas.models.charts.trials import Cut
from latentatlas.terms import ChartReconstruction, Objective
from latentatlas.train import ElasticCharts, ElasticCodes, Recipe, RowBatches, fit
from latentatlas.train.elastic import ChartChanges


def _circle(n: int, seed: int) -> Tensor:
    angle = 2 * math.pi * torch.rand(n, generator=torch.Generator().manual_seed(seed))
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def _model(*, start: int = 1, most: int = 4) -> AtlasAutoencoder:
    torch.manual_seed(0)
    model = elastic_autoencoder(2, 1, most=most, start=start, width=16)
    model.adapt(_circle(300, 0))
    return model


def _fit(model: AtlasAutoencoder, hooks: list[Any], *, steps: int = 40) -> None:
    recipe = Recipe(steps, decay=0.0, log_every=steps)
    fit(
        model,
        Objective({"recon": (ChartReconstruction(), Constant(1.0))}),
        RowBatches(Batch(_circle(300, 0)), size=64),
        recipe,
        callbacks=hooks,
    )


def _optimised(model: AtlasAutoencoder) -> torch.optim.Optimizer:
    """After some steps, so that there are moments."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(3):
        optimiser.zero_grad()
        out = model(Batch(_circle(50, 1)))
        ((out.recon - _circle(50, 1)).square().mean() + out.charts.decoder_weights.square().mean()).backward()
        optimiser.step()
    return optimiser


def test_a_circle_is_not_one_chart():
    model = _model()
    elastic = ElasticCharts(model, _circle(600, 0), _circle(600, 1), every=5)
    _fit(model, [elastic])
    assert elastic.count > 1
    first = elastic.ledger.events[0]
    assert (first.step, first.kind, first.parts) == (4, "split", (0, 1))
    assert first.gain > first.threshold == 0.5
    assert elastic.seconds > 0
    assert not model.training


def test_a_margin_that_nothing_reaches_keeps_one_chart():
    model = _model()
    elastic = ElasticCharts(model, _circle(600, 0), _circle(600, 1), every=5, rule=Parsimony(100.0))
    _fit(model, [elastic])
    assert elastic.count == 1
    assert elastic.ledger.events == []


def test_moments_are_copied_reset_and_left():
    model = _model(start=3)
    optimiser = _optimised(model)
    changes = ChartChanges(model, optimiser)
    weight = model.encoder.heads.weight
    moment = optimiser.state[weight]["exp_avg"].view(4, -1)
    assert (moment[:3] != 0).any(dim=1).all()
    before = moment.clone()
    keys = model.encoder.router.keys(model.encoder.trunk(_circle(50, 1))).detach()
    changes.split(1, 3, Cut(1.0, keys.mean(dim=0), torch.eye(keys.shape[1])[0]))
    assert torch.equal(moment[3], before[1])
    assert torch.equal(moment[:3], before[:3])
    changes.merge(1, 3, 0.5)
    assert (moment[3] == 0).all()
    assert torch.equal(moment[:3], before[:3])
    changes.close(0)
    assert (moment[0] == 0).all()
    assert torch.equal(moment[1:3], before[1:3])
    held = [t for t in chart_slots(model) if t.requires_grad]
    assert all((optimiser.state[t]["exp_avg_sq"].view(4, -1)[0] == 0).all() for t in held if t in optimiser.state)


def test_the_fit_gives_its_optimiser():
    model = _model()
    elastic = ElasticCharts(model, _circle(600, 0), _circle(600, 1), every=100)
    _fit(model, [elastic], steps=3)
    assert elastic._optimiser is not None
    assert any(model.encoder.heads.weight is key for key in elastic._optimiser.state)


def test_the_state_goes_back():
    model = _model()
    elastic = ElasticCharts(model, _circle(600, 0), _circle(600, 1), every=5)
    _fit(model, [elastic])
    again = ElasticCharts(_model(), _circle(600, 0), _circle(600, 1), every=5)
    again.load_state_dict(json.loads(json.dumps(elastic.state_dict())))
    assert again.ledger.events == elastic.ledger.events
    assert again.seconds == elastic.seconds


def _with_codes(codes: int = 6) -> AtlasAutoencoder:
    torch.manual_seed(0)
    made = charted_autoencoder(2, 1, charts=2, width=16)
    model = AtlasAutoencoder(made.encoder, made.decoder, codebook=ElasticCodebook(2, codes, 1))
    model.adapt(_circle(300, 0))
    return model


def test_codes_of_an_even_chart_become_few():
    model = _with_codes()
    codes = ElasticCodes(model, _circle(800, 0), _circle(800, 1), every=5)
    _fit(model, [codes])
    assert all(1 <= count < 6 for count in codes.counts)
    assert all("merge" in {event.kind for event in ledger.events} for ledger in codes.ledgers)
    assert codes.ledgers[1].of == "codes of chart 1"
    again = ElasticCodes(_with_codes(), _circle(800, 0), _circle(800, 1), every=5)
    again.load_state_dict(json.loads(json.dumps(codes.state_dict())))
    assert [ledger.events for ledger in again.ledgers] == [ledger.events for ledger in codes.ledgers]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": charted_autoencoder(2, 1, charts=2, width=8)}, "ElasticRouter in encoder and decoder"),
        ({"every": 0}, "every"),
        ({"resolution": 0.0}, "resolution"),
        ({"dead": 1.0}, "dead"),
        ({"cool": 0}, "cool"),
        ({"train": torch.zeros(0, 2)}, "one of the two is empty"),
    ],
)
def test_bad_input(unchecked: None, change: dict[str, Any], said: str):
    given = {"model": _model(), "train": _circle(9, 0), "held_out": _circle(9, 1)} | change
    with pytest.raises(SpecError, match=said):
        ElasticCharts(given.pop("model"), given.pop("train"), given.pop("held_out"), **given)


def test_codes_that_do_not_come_and_go():
    with pytest.raises(SpecError, match="ElasticCodes wants a model with an ElasticCodebook; got NoneType"):
        ElasticCodes(_model(), _circle(9, 0), _circle(9, 1))
