from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import Batch, Constant, ShapeError, SpecError
from latentatlas.landscape import PrototypeBank
from latentatlas.models import (
    AtlasAutoencoder,
    AtlasEncoder,
    AttentiveRouter,
    ChartCodebook,
    ChartHeads,
    ChartRenderer,
    Gate,
    LinearKey,
    MLPEncoder,
    MLPRouter,
    Placements,
    ResidualFilter,
    TopologicalDecoder,
    charted_autoencoder,
)
from latentatlas.terms import ChartReconstruction, Objective, Reconstruction, UsageBand, gather_fields
from latentatlas.train import Recipe, RowBatches, fit


def decomposed(rank: int = 1, codes: int | None = 3) -> AtlasAutoencoder:
    """Three charts of two axes with codes, detail and texture."""
    torch.manual_seed(0)
    whole = charted_autoencoder(5, 2, charts=3, codes=codes, width=12)
    texture = ChartRenderer(3, 2 - rank, 5, width=6, hidden=())
    decoder = TopologicalDecoder(whole.decoder.base, whole.decoder.router, texture=texture)
    residual = ResidualFilter(3, 2, rank)
    model = AtlasAutoencoder(whole.encoder, decoder, codebook=whole.codebook, residual=residual)
    model.adapt(torch.randn(40, 5))
    model.train()(Batch(torch.randn(40, 5)))
    return model.eval()


def test_code_detail_and_texture_make_up_the_coordinates():
    model, x = decomposed(), torch.randn(9, 5)
    charts = model.chart(x)
    texture = torch.einsum("nkr,kdr->nkd", charts.texture, model.residual.turns.weight[..., 1:])
    torch.testing.assert_close(charts.quantised + charts.detail + texture, charts.local)
    assert charts.code.shape == (9, 3)


def test_the_base_sees_code_and_detail_only():
    model, x = decomposed(), torch.randn(9, 5)
    out = model(Batch(x)).charts
    model.decoder.texture = None
    bare = model(Batch(x)).charts.decoded
    torch.testing.assert_close(bare, model.decoder.base(out.quantised + out.detail))
    assert not torch.allclose(bare, out.decoded)


def test_the_way_through_the_codes_is_straight():
    """Whatever the code, the encoder gets the slope of the decoder at its input, and the filter its own."""
    model = decomposed()
    local = torch.randn(4, 3, 2, requires_grad=True)
    model.decoder.texture = None
    model.rendered(local).square().sum().backward()
    charts = model.chart(torch.zeros(1, 5))  # for its shapes alone
    entering = (model.codebook(local)[1] + model.residual(local.detach() - model.codebook(local)[1])[0]).detach()
    entering.requires_grad_()
    model.decoder.base(entering).square().sum().backward()
    torch.testing.assert_close(local.grad, entering.grad)
    assert charts.code is not None
    assert (next(model.residual.parameters()).grad != 0).any()


def test_without_codes_and_filter_the_decoder_sees_everything():
    model = charted_autoencoder(4, 2, charts=3, width=8).eval()
    out = model(Batch(torch.randn(6, 4)))
    assert out.charts.code is None
    assert out.charts.quantised is None
    torch.testing.assert_close(out.charts.detail, out.charts.local)
    torch.testing.assert_close(out.charts.decoded, model.decoder.base(out.charts.local))
    torch.testing.assert_close(out.recon, (out.charts.weights[..., None] * out.charts.decoded).sum(dim=1))


def _attentive() -> AttentiveRouter:
    return AttentiveRouter(PrototypeBank(3, 4, beta=0.1), key=LinearKey(12, 4))


@pytest.mark.parametrize("hard", [0.0, 1.0])
@pytest.mark.parametrize("make", [lambda: MLPRouter(12, 3), _attentive])
def test_the_router_learns_from_reconstruction_alone(make, hard: float):
    torch.manual_seed(0)
    model = charted_autoencoder(5, 2, charts=3, codes=4, width=12, router=make())
    x = torch.randn(30, 5)
    model.adapt(x)
    model.encoder.gate.set(temperature=1.0, hardness=hard)
    latents = model(Batch(x))
    objective = Objective({"rec": ChartReconstruction()})
    objective(gather_fields(Batch(x), latents), step=0).total.backward()
    for name, parameter in model.encoder.router.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad != 0).any(), name


def test_the_router_turns_to_the_chart_that_decodes_best():
    torch.manual_seed(0)
    model = charted_autoencoder(3, 1, charts=2, width=8)
    x = torch.randn(50, 3)
    charts = model(Batch(x)).charts
    logits = torch.zeros(50, 2, requires_grad=True)
    ChartReconstruction()(x, charts._replace(weights=logits.softmax(dim=1))).backward()
    errors = (x[:, None] - charts.decoded).square().mean(dim=2)
    better = errors.argmin(dim=1)
    assert (logits.grad.gather(1, better[:, None]) < 0).all()


def test_only_the_likeliest_charts_are_decoded():
    torch.manual_seed(0)
    model = charted_autoencoder(4, 1, charts=5, width=8, top=2)
    model.adapt(torch.randn(30, 4))
    x = torch.randn(7, 4)
    some = model.eval()(Batch(x))
    model.encoder.top = None
    every = model(Batch(x))
    assert torch.equal(some.charts.shown, every.charts.weights.topk(2, dim=1).indices)
    wanted = every.charts.decoded.take_along_dim(some.charts.shown[..., None], 1)
    torch.testing.assert_close(some.charts.decoded, wanted)
    share = every.charts.weights.gather(1, some.charts.shown)
    share = share / share.sum(dim=1, keepdim=True)
    torch.testing.assert_close(some.recon, (share[..., None] * wanted).sum(dim=1))


def test_a_dream_of_one_chart_is_what_was_encoded():
    torch.manual_seed(0)
    model = charted_autoencoder(4, 2, charts=1, width=8, frame=3).eval()
    x = torch.randn(6, 4)
    torch.testing.assert_close(model.decode(model.encode(x)), model(Batch(x)).recon)


def test_a_dream_tells_charts_by_the_frame_and_a_plan_takes_those_given():
    torch.manual_seed(0)
    model = charted_autoencoder(4, 2, charts=3, codes=2, width=8).eval()
    charts = model(Batch(torch.randn(5, 4))).charts
    first = charts._replace(weights=torch.tensor([1.0, 0.0, 0.0]).repeat(5, 1))
    torch.testing.assert_close(model.plan(first), charts.decoded[:, 0])
    z = model.encoder.placements(charts.local)[:, 1]
    dreamt = model.dream(z)
    torch.testing.assert_close(dreamt.weights, model.decoder.router(z))
    torch.testing.assert_close(dreamt.local[:, 1], charts.local[:, 1], atol=1e-5, rtol=1e-5)


def test_reconstructions_of_less_and_of_more():
    model, x = decomposed(), torch.randn(8, 5)
    found, charts = model.reconstructions(x), model(Batch(x)).charts
    weights = charts.weights[..., None]
    torch.testing.assert_close(found.code, (weights * model.decoder.base(charts.quantised)).sum(dim=1))
    detailed = model.decoder.base(charts.quantised + charts.detail)
    torch.testing.assert_close(found.detail, (weights * detailed).sum(dim=1))
    torch.testing.assert_close(found.full, (weights * charts.decoded).sum(dim=1))
    chosen = charts.decoded[torch.arange(8), charts.weights.argmax(dim=1)]
    torch.testing.assert_close(found.hard, chosen)


def test_charts_begin_centred_with_unit_variance_and_stay_centred():
    torch.manual_seed(0)
    model = charted_autoencoder(6, 2, charts=3, width=16)
    x = 3 + torch.randn(300, 6)
    model.adapt(x)
    for _ in range(3):
        charts = model.eval().chart(x)
        share = charts.weights.sum(dim=0)[:, None]
        mean = torch.einsum("nk,nkd->kd", charts.weights, charts.local) / share
        torch.testing.assert_close(mean, torch.zeros(3, 2), atol=2e-3, rtol=0)
        model.train()(Batch(x))
    spread = torch.einsum("nk,nkd->kd", charts.weights, charts.local.square()) / share
    torch.testing.assert_close(spread, torch.ones(3, 2), atol=1e-3, rtol=0)


def test_running_centres_follow_their_rows():
    model = charted_autoencoder(3, 1, charts=2, width=4)
    model.encoder.decay = 0.5
    x = torch.randn(20, 3)
    before = model.eval().chart(x)
    model.train()(Batch(x))
    after = model.eval().chart(x)
    share = before.weights.sum(dim=0)[:, None]
    mean = torch.einsum("nk,nkd->kd", before.weights, before.local) / share
    torch.testing.assert_close(after.local, before.local - mean / 2)


@pytest.mark.parametrize(("rows", "charts"), [(1, 1), (3, 8), (2, 2)])
def test_more_charts_and_codes_than_rows(rows: int, charts: int):
    torch.manual_seed(0)
    model = charted_autoencoder(4, 2, charts=charts, codes=5, width=6)
    x = torch.randn(rows, 4)
    model.adapt(x)
    out = model.train()(Batch(x))
    ChartReconstruction()(x, out.charts).backward()
    assert torch.isfinite(out.z).all()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_all_rows_in_one_chart():
    torch.manual_seed(0)
    model = charted_autoencoder(3, 1, charts=3, codes=2, width=6)
    with torch.no_grad():
        model.encoder.router.net[0].bias.copy_(torch.tensor([500.0, 0.0, 0.0]))
    x = torch.randn(12, 3)
    for _ in range(3):
        out = model.train()(Batch(x))
    assert out.charts.weights[:, 0].tolist() == [1.0] * 12
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())
    torch.testing.assert_close(out.recon, out.charts.decoded[:, 0])


def test_products_in_half_precision():
    model = decomposed().train()
    x = torch.randn(20, 5)
    with torch.autocast("cpu", torch.bfloat16):
        out = model(Batch(x))
        ChartReconstruction()(x, out.charts).backward()
    assert torch.isfinite(out.recon).all()
    assert model.codebook.places.dtype == torch.float32
    torch.testing.assert_close(out.charts.weights.sum(dim=1), torch.ones(20), atol=0.02, rtol=0, check_dtype=False)


def test_two_charts_of_a_circle_beat_one_of_equal_size():
    """One axis cannot go round: a single chart tears the circle; two charts need not."""
    errors = {}
    for charts, width in ((1, 28), (2, 26)):
        torch.manual_seed(0)
        angle = 2 * math.pi * torch.rand(600)
        x = torch.stack([angle.cos(), angle.sin()], dim=1)
        model = charted_autoencoder(2, 1, charts=charts, width=width, frame=2)
        model.adapt(x)
        objective = Objective({"charts": ChartReconstruction(), "use": (UsageBand(), Constant(0.02))})
        fit(model, objective, RowBatches(Batch(x=x), size=128), Recipe(200, rate=1e-2, log_every=200))
        errors[charts] = float(Reconstruction()(x, model(Batch(x)).recon).detach())
        errors[f"{charts} weights"] = sum(parameter.numel() for parameter in model.parameters())
    assert errors["2 weights"] <= errors["1 weights"]
    assert errors[2] < 0.1 * errors[1]


def _encoder(**other: int | None) -> AtlasEncoder:
    sizes = {"router": 3, "heads": 3, "features": 6, "top": None} | other
    return AtlasEncoder(
        MLPEncoder(5, 6, hidden=(4,)),
        MLPRouter(sizes["features"], sizes["router"]),
        ChartHeads(6, sizes["heads"], 2),
        Placements(3, 2),
        top=sizes["top"],
    )


def test_wrong_input(unchecked: None):
    with pytest.raises(ShapeError, match="router, heads and placements have 3, 4 and 3 charts"):
        _encoder(heads=4)
    with pytest.raises(ShapeError, match=r"read \(7, 6\) of 6 features"):
        _encoder(features=7)
    with pytest.raises(SpecError, match="top from 1 to the 3 charts"):
        _encoder(top=4)
    base = ChartRenderer(3, 2, 5, width=4, hidden=())
    with pytest.raises(ShapeError, match=r"TopologicalDecoder wants parts with the same charts.*\[3, 4\] charts"):
        TopologicalDecoder(base, MLPRouter(2, 4))
    decoder = TopologicalDecoder(base, MLPRouter(2, 3))
    with pytest.raises(ShapeError, match="wants a codebook for 3 charts of 2 axes; got 3 and 1"):
        AtlasAutoencoder(_encoder(), decoder, codebook=ChartCodebook(3, 4, 1))
    with pytest.raises(ShapeError, match="wants a decoder whose router reads the frame of 2 axes; got 4"):
        AtlasAutoencoder(_encoder(), TopologicalDecoder(base, MLPRouter(4, 3)))
    assert Gate().hardness == 0.0
