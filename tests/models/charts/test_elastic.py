from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import Batch, SpecError
from latentatlas.landscape import PrototypeBank
from latentatlas.models import (
    AtlasAutoencoder,
    AttentiveRouter,
    ElasticRouter,
    MLPRouter,
    charted_autoencoder,
    close_chart,
    elastic_autoencoder,
    merge_charts,
    split_chart,
)
from latentatlas.models.charts.elastic import chart_slots
from latentatlas.terms import ChartBalance, OverlapBand, UsageBand


def _model(*, most: int = 4, start: int = 1) -> AtlasAutoencoder:
    torch.manual_seed(0)
    model = elastic_autoencoder(3, 2, most=most, start=start, codes=3, width=16)
    model.adapt(torch.randn(80, 3))
    return model.eval()


def _rows(n: int = 40) -> Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(1))


def _plane(model: AtlasAutoencoder) -> dict[str, Tensor]:
    keys = model.encoder.router.keys(model.encoder.trunk(_rows())).detach()
    return {"middle": keys.mean(dim=0), "offset": torch.eye(keys.shape[1])[0]}


def test_charts_that_are_not_there_have_no_probability_and_no_gradient():
    model = _model(start=2)
    out = model(Batch(_rows()))
    assert out.charts.weights[:, 2:].abs().max() == 0
    assert out.charts.decoder_weights[:, 2:].abs().max() == 0
    assert out.charts.active.tolist() == [True, True, False, False]
    assert set(out.charts.shown.flatten().tolist()) == {0, 1}
    (out.recon.square().sum() + out.z.square().sum() + sum(m.square().sum() for m in model.matrices())).backward()
    for tensor in chart_slots(model):
        if tensor.grad is not None:
            assert (tensor.grad.view(4, -1)[2:] == 0).all()
    assert (model.encoder.heads.weight.grad.view(4, -1)[:2] != 0).any()


def test_terms_count_the_charts_that_are_there():
    charts = _model(start=2)(Batch(_rows())).charts
    few = charts._replace(weights=charts.weights[:, :2], active=None)
    for term in (ChartBalance(), UsageBand(), OverlapBand()):
        torch.testing.assert_close(term(charts), term(few))
    assert len(_model(start=2).prototypes) == 2


def test_a_split_leaves_what_is_decoded_and_parts_the_rows():
    model = _model()
    before = model(Batch(_rows())).recon
    split_chart(model, 0, 2, **_plane(model))
    out = model(Batch(_rows()))
    torch.testing.assert_close(out.recon, before)
    weights = out.charts.weights
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(40))
    side = (model.encoder.router.keys(model.encoder.trunk(_rows())) - _plane(model)["middle"])[:, 0] > 0
    assert torch.equal(weights[:, 0] > weights[:, 2], side)


def test_split_then_merge_restores_the_model():
    model = _model(start=3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    outputs = model(Batch(_rows()))
    split_chart(model, 1, 3, **_plane(model))
    assert not torch.equal(model.encoder.router.present, before["encoder.router.present"])
    merge_charts(model, 1, 3)
    after = model(Batch(_rows()))
    torch.testing.assert_close(after.recon, outputs.recon, rtol=0, atol=1e-5)
    torch.testing.assert_close(after.charts.weights, outputs.charts.weights, rtol=0, atol=1e-5)
    for name in ("encoder.router.present", "decoder.router.present"):
        assert torch.equal(model.state_dict()[name], before[name])
    torch.testing.assert_close(model.encoder.router.log_prior, before["encoder.router.log_prior"])


def test_halves_of_a_half_have_a_quarter_of_the_prior():
    model = _model()
    split_chart(model, 0, 1, **_plane(model))
    split_chart(model, 1, 2, **_plane(model))
    prior = model.encoder.router.log_prior.exp()
    torch.testing.assert_close(prior[:3], torch.tensor([0.5, 0.25, 0.25]))


def test_an_attentive_router_moves_its_prototypes_apart():
    router = ElasticRouter(AttentiveRouter(PrototypeBank.at(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))), start=2)
    router.lean(0, 1, middle=torch.zeros(2), offset=torch.tensor([0.5, 0.0]))
    assert router.inner.bank.prototypes.tolist() == [[1.5, 0.0], [0.5, 0.0]]


def test_a_lean_has_the_stated_scores():
    router = MLPRouter(2, 2)
    router.net[0].weight.data.zero_(), router.net[0].bias.data.zero_()
    middle, offset = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 3.0])
    router.lean(0, 1, middle=middle, offset=offset)
    torch.testing.assert_close(router.logits((middle + offset)[None]), torch.tensor([[2.0, -2.0]]))
    torch.testing.assert_close(router.logits(middle[None]), torch.zeros(1, 2))


def test_a_closed_chart_leaves_its_rows_to_the_others():
    model = _model(start=3)
    close_chart(model, 0)
    assert model.route(_rows())[:, 0].abs().max() == 0
    close_chart(model, 1)
    with pytest.raises(SpecError, match="is the last"):
        close_chart(model, 2)


def test_the_mask_is_saved_with_the_model():
    model, other = _model(start=3), _model()
    split_chart(model, 0, 3, **_plane(model))
    close_chart(model, 1)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.route(_rows()), model.route(_rows()))


def test_a_seat_is_for_the_charts_that_are_there():
    rows = torch.tensor([[0.0, 0.0], [9.0, 9.0]]).repeat_interleave(20, dim=0) + 0.1 * _rows()[:, :2]
    router = ElasticRouter(MLPRouter(2, 5), start=2)
    router.seat(rows)
    assert router(rows).argmax(dim=1).bincount().tolist() == [20, 20]


def test_bad_changes():
    model = _model(start=2)
    plane = _plane(model)
    with pytest.raises(SpecError, match=r"wants a chart that is there \(0, 1\); got 2"):
        split_chart(model, 2, 3, **plane)
    with pytest.raises(SpecError, match="wants a free slot of 4; got 1"):
        split_chart(model, 0, 1, **plane)
    with pytest.raises(SpecError, match="wants two charts and a share"):
        merge_charts(model, 0, 0)
    with pytest.raises(SpecError, match="wants two charts and a share"):
        merge_charts(model, 0, 1, share=1.5)
    with pytest.raises(SpecError, match="wants a chart that is there"):
        close_chart(model, 3)
    with pytest.raises(SpecError, match="want an ElasticRouter in encoder and decoder; got MLPRouter"):
        close_chart(charted_autoencoder(3, 2, charts=2, width=16), 0)
    with pytest.raises(SpecError, match="ElasticRouter wants start up to the 2 charts"):
        ElasticRouter(MLPRouter(3, 2), start=3)


def test_equal_halves_have_the_membership_of_the_whole():
    model = _model(start=2)
    before = model.route(_rows())[:, 1]
    split_chart(model, 1, 2, middle=_plane(model)["middle"], offset=1e9 * _plane(model)["offset"])  # hardly leaning
    after = model.route(_rows())
    torch.testing.assert_close(after[:, 1] + after[:, 2], before, rtol=0, atol=1e-5)
    assert math.isclose(float(model.encoder.router.log_prior[1].detach()), -math.log(2), rel_tol=1e-6)
