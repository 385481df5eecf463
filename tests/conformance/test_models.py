"""Every public encoder, decoder, stem and model under the same laws."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from latentatlas import models
from latentatlas.build import build
from latentatlas.core import Batch, LatentLayout, Latents, ShapeError, to_spec
from latentatlas.geometry import DepthSpace, PoincareBall
from latentatlas.landscape import PrototypeBank
from latentatlas.models import Autoencoder, Encoder, ImageEncoder, MapHead, MLPEncoder, PCAStem, SignalEncoder


class Case(NamedTuple):
    """A module from `columns` columns to `out` columns."""

    make: Callable[[], nn.Module]
    columns: int
    out: int


_SHARED = LatentLayout(invariant=2, variant=1, free=1)


def _modalities() -> dict[str, Encoder]:
    """An encoder of signals and one of numbers, of four axes each."""
    return {
        "sound": SignalEncoder((1, 32), 4, channels=(8,), hidden=16),
        "touch": MLPEncoder(6, 4, hidden=(16,)),
    }


ENCODERS = {
    "MLPEncoder": Case(lambda: MLPEncoder(7, 3, hidden=(16, 12)), 7, 3),
    "MLPEncoder wide": Case(lambda: MLPEncoder(2, 5, hidden=(16,)), 2, 5),
    "MLPEncoder linear": Case(lambda: MLPEncoder(4, 2, hidden=()), 4, 2),
    "ChartEncoder": Case(lambda: models.ChartEncoder(7, 3, charts=5, hidden=(16, 12)), 7, 3),
    "ChartEncoder linear": Case(lambda: models.ChartEncoder(4, 2, charts=3, hidden=()), 4, 2),
    "HopfieldEncoder": Case(
        lambda: models.HopfieldEncoder(MLPEncoder(7, 3, hidden=(16,)), models.HopfieldLayer(4, 3, beta=0.1)), 7, 3
    ),
    "VariationalEncoder": Case(lambda: models.VariationalEncoder(MLPEncoder(7, 6, hidden=(16,), spread=1.0)), 7, 3),
    "VariationalEncoder images": Case(
        lambda: models.VariationalEncoder(ImageEncoder((1, 8, 8), 6, channels=(8,), hidden=16)), 64, 3
    ),
    "ImageEncoder": Case(lambda: ImageEncoder((1, 8, 8), 3, channels=(8, 16), hidden=32), 64, 3),
    "ImageEncoder odd": Case(lambda: ImageEncoder((2, 7, 9), 3, channels=(8, 16), hidden=32), 126, 3),
    "ImageEncoder thin": Case(lambda: ImageEncoder((3, 1, 5), 2, channels=(8,), hidden=32), 15, 2),
    "SignalEncoder": Case(lambda: SignalEncoder((1, 32), 3, channels=(8, 8), hidden=32), 32, 3),
    "SignalEncoder odd": Case(lambda: SignalEncoder((2, 37), 3, channels=(8, 8, 8), hidden=32), 74, 3),
    "ResidualSignalEncoder": Case(lambda: models.ResidualSignalEncoder((2, 64), 3, channels=(8, 8)), 128, 3),
    "ResidualSignalEncoder short": Case(
        lambda: models.ResidualSignalEncoder((1, 3), 2, channels=(8, 8, 8), segments=0), 3, 2
    ),
    "MultimodalEncoder": Case(lambda: models.MultimodalEncoder(_modalities(), _SHARED), 38, 6),
    "ArrangedEncoder": Case(lambda: models.ArrangedEncoder(MLPEncoder(7, 5, hidden=(16,)), (4, 0, 2)), 7, 3),
    "CurvedEncoder": Case(lambda: models.CurvedEncoder(MLPEncoder(7, 3, hidden=(16,), spread=1.0), DepthSpace()), 7, 3),
    "SignalEncoder short": Case(lambda: SignalEncoder((1, 3), 2, channels=(8, 8, 8), hidden=32), 3, 2),
}
DECODERS = {
    "MLPDecoder": Case(lambda: models.MLPDecoder(3, 7, hidden=(16,)), 3, 7),
    "ChartDecoder": Case(lambda: models.ChartDecoder(3, 7, charts=5, hidden=(16,)), 3, 7),
    "ImageDecoder": Case(lambda: models.ImageDecoder(3, (1, 8, 8), channels=(16, 8), hidden=32), 3, 64),
    "ImageDecoder odd": Case(lambda: models.ImageDecoder(3, (2, 7, 9), channels=(16, 8), hidden=32), 3, 126),
    "SignalDecoder": Case(lambda: models.SignalDecoder(3, (1, 32), channels=(8, 8), hidden=32), 3, 32),
    "MultimodalDecoder": Case(lambda: models.MultimodalEncoder(_modalities(), _SHARED).mirror(), 6, 38),
    "ArrangedDecoder": Case(lambda: models.ArrangedDecoder(models.MLPDecoder(5, 7, hidden=(16,)), (4, 0, 2), 5), 3, 7),
    "CurvedDecoder": Case(lambda: models.CurvedDecoder(models.MLPDecoder(3, 7, hidden=(16,)), DepthSpace()), 3, 7),
    "SignalDecoder odd": Case(lambda: models.SignalDecoder(3, (2, 37), channels=(8, 8, 8), hidden=32), 3, 74),
}
STEMS = {
    "ScaleStem": Case(lambda: models.ScaleStem(6), 6, 6),
    "PCAStem": Case(lambda: PCAStem(6, 2), 6, 2),
}
OTHERS = {
    "TaskHead": Case(lambda: models.TaskHead(LatentLayout(invariant=3, free=2), 4, hidden=(8,)), 5, 4),
    "MapHead": Case(lambda: MapHead(5, hidden=(16,)), 5, 2),
    "MapHead curved": Case(lambda: MapHead(5, hidden=(16,), spread=1.0, geometry=DepthSpace()), 5, 2),
    "HopfieldLayer": Case(lambda: models.HopfieldLayer(4, 5), 5, 5),
}
ROUTERS = {
    "MLPRouter": Case(lambda: models.MLPRouter(5, 4, hidden=(8,)), 5, 4),
    "MLPRouter linear": Case(lambda: models.MLPRouter(5, 4), 5, 4),
    "AttentiveRouter": Case(lambda: models.AttentiveRouter(PrototypeBank(4, 5, beta=0.3)), 5, 4),
    "AttentiveRouter projected": Case(
        lambda: models.AttentiveRouter(PrototypeBank(4, 2, beta=0.3), key=models.LinearKey(5, 2)), 5, 4
    ),
    "ElasticRouter": Case(lambda: models.ElasticRouter(models.MLPRouter(5, 4), start=3), 5, 4),
}
APART = {"Autoencoder", "NeuralEnergy", "Predictor"}  # no maps of rows to rows
APART |= {"Gate", "LinearKey", "Reconstructions", "Peeled"}  # fixed, or results
APART |= {"ChartBlock", "StackedAutoencoder"}  # models of batches; in tests/models/test_stacked.py
APART |= {"ElasticCells", "ElasticEvent", "Ledger", "Parsimony", "PartUse"}  # of parts that come and go
MAPS = ENCODERS | DECODERS | STEMS | OTHERS | ROUTERS


class Stack(NamedTuple):
    """A module on coordinates in charts, and the shapes of one row of what it reads."""

    make: Callable[[], nn.Module]
    reads: tuple[tuple[int, ...], ...]


def _charted(codes: int | None = 3) -> models.AtlasAutoencoder:
    """Three charts of two axes, one of them texture, in a frame of three axes; two charts of a row are decoded."""
    encoder = models.AtlasEncoder(
        MLPEncoder(7, 6, hidden=(8,), spread=1.0, noise=0.0),
        models.MLPRouter(6, 3),
        models.ChartHeads(6, 3, 2),
        models.Placements(3, 2, frame=3),
        top=2,
    )
    decoder = models.TopologicalDecoder(
        models.ChartRenderer(3, 2, 7, width=8, hidden=(8,)),
        models.MLPRouter(3, 3, hidden=(8,)),
        texture=models.ChartRenderer(3, 1, 7, width=8, hidden=()),
    )
    book = None if codes is None else models.ChartCodebook(3, codes, 2)
    return models.AtlasAutoencoder(encoder, decoder, codebook=book, residual=models.ResidualFilter(3, 2, 1))


def _renderer() -> models.ChartRenderer:
    return models.ChartRenderer(3, 2, 5, width=6, hidden=(4,))


STACKS = {
    "ChartHeads": Stack(lambda: models.ChartHeads(5, 3, 2), ((5,),)),
    "ChartProjectors": Stack(lambda: models.ChartProjectors(3, 2, 6), ((3, 2),)),
    "ChartRenderer": Stack(_renderer, ((3, 2),)),
    "Placements": Stack(lambda: models.Placements(3, 2, frame=4), ((3, 2),)),
    "ResidualFilter": Stack(lambda: models.ResidualFilter(3, 2, 1), ((3, 2),)),
    "ResidualFilter of all": Stack(lambda: models.ResidualFilter(3, 2, 2), ((3, 2),)),
    "ChartCodebook": Stack(lambda: models.ChartCodebook(3, 4, 2), ((3, 2),)),
    "ChartCodebook curved": Stack(lambda: models.ChartCodebook(3, 4, 2, geometry=PoincareBall()), ((3, 2),)),
    "ElasticCodebook": Stack(lambda: models.ElasticCodebook(3, 4, 2), ((3, 2),)),
    "AtlasEncoder": Stack(lambda: _charted().encoder, ((7,),)),
    "TopologicalDecoder": Stack(lambda: _charted().decoder, ((3, 2), (3, 1))),
    "FactorizedJumps": Stack(lambda: models.FactorizedJumps(3, 2, rank=1), ((3, 2),)),
    "TiedJumps": Stack(lambda: models.TiedJumps(3, 2), ((3, 2),)),
    "AutoencoderJumps": Stack(lambda: models.AutoencoderJumps(_charted()), ((3, 2),)),
    "AtlasAutoencoder": Stack(_charted, ((7,),)),
}


def _autoencoder() -> Autoencoder:
    return Autoencoder(MLPEncoder(7, 3, hidden=(16, 12)), head=MapHead(3, hidden=(8,)), bank=PrototypeBank(4, 3))


def table(cases: dict[str, Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases.values(), ids=cases)


def rows(case: Case, n: int = 5) -> Tensor:
    return torch.randn(n, case.columns, generator=torch.Generator().manual_seed(0))


def test_the_table_is_complete():
    values = {name: getattr(models, name) for name in models.__all__}
    public = {name for name, value in values.items() if inspect.isclass(value) and not inspect.isabstract(value)}
    assert {name.split()[0] for name in MAPS | STACKS} | APART == public


@table(MAPS)
@pytest.mark.parametrize("n", [1, 5])
def test_shapes(case: Case, n: int):
    out = case.make().eval()(rows(case, n))
    assert out.shape == (n, case.out)
    assert out.dtype == torch.float32
    assert torch.isfinite(out).all()


@table(ENCODERS)
def test_the_mirror_decodes_to_the_same_columns(case: Case):
    encoder = case.make().eval()
    assert isinstance(encoder, Encoder)
    decoder = encoder.mirror().eval()
    assert decoder(encoder(rows(case))).shape == (5, case.columns)
    assert decoder.spread == encoder.spread


@table(MAPS)
def test_weights_that_are_saved_and_loaded_give_equal_output(case: Case):
    torch.manual_seed(0)
    first, second = case.make().eval(), case.make().eval()
    x = rows(case, 20)
    for module in (first, second):
        if hasattr(module, "adapt"):
            module.adapt(torch.randn(30, case.columns if isinstance(module, Encoder) else case.out))
        if hasattr(module, "fit"):
            module.fit(torch.randn(30, case.columns))
    assert not torch.equal(first(x), second(x))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(x), second(x))


@table(MAPS)
def test_evaluation_is_deterministic_and_by_row(case: Case):
    module, x = case.make().eval(), rows(case, 6)
    assert torch.equal(module(x), module(x))
    torch.testing.assert_close(module(x)[2:4], module(x[2:4]))


@table(ENCODERS | DECODERS | OTHERS | ROUTERS)
def test_the_gradient_reaches_every_parameter(case: Case):
    torch.manual_seed(1)
    module = case.make()
    module(rows(case, 64)).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


@table(MAPS)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_wrong_number_of_columns(unchecked: None, case: Case, wrong: int):
    module = case.make()
    with pytest.raises(ShapeError, match=rf"^\w+ wants .*{case.columns}.*; got {case.columns + wrong}\."):
        module(torch.zeros(3, case.columns + wrong))


@table(MAPS)
def test_specification_round_trip(case: Case):
    module = case.make().eval()
    spec = json.loads(json.dumps(to_spec(module)))
    again = build(spec).eval()
    assert to_spec(again) == spec
    again.load_state_dict(module.state_dict())
    assert torch.equal(again(rows(case)), module(rows(case)))


def test_an_autoencoder_keeps_the_same_laws():
    torch.manual_seed(0)
    model, x = _autoencoder(), torch.randn(40, 7)
    model.adapt(x)
    out = model(Batch(x))
    assert isinstance(out, Latents)
    assert (out.z.shape, out.recon.shape, out.map.shape) == ((40, 3), (40, 7), (40, 2))
    torch.testing.assert_close(out.charts.weights.sum(dim=1), torch.ones(40))
    (out.recon.square().sum() + out.map.square().sum() + out.charts.weights[:, 0].sum()).backward()
    assert all((p.grad != 0).any() for p in model.parameters())

    model.eval()
    again = build(json.loads(json.dumps(to_spec(model)))).eval()
    again.load_state_dict(model.state_dict())
    for one, other in zip(model(Batch(x))[:2], again(Batch(x))[:2], strict=True):
        assert torch.equal(one, other)
    assert torch.equal(model.encode(x), model(Batch(x)).z)
    assert torch.equal(model.decode(model.encode(x)), model(Batch(x)).recon)


def _outputs(module: nn.Module, reads: list[Tensor]) -> list[Tensor]:
    """All tensors that come out."""
    out = module(Batch(reads[0])) if isinstance(module, models.AtlasAutoencoder) else module(*reads)
    if isinstance(out, Tensor):
        return [out]
    parts = (*out[:-1], *out.charts) if isinstance(out, Latents) else out
    return [part for part in parts if isinstance(part, Tensor)]


def _read(stack: Stack, n: int) -> list[Tensor]:
    return [torch.randn(n, *shape, generator=torch.Generator().manual_seed(5)) for shape in stack.reads]


every_stack = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)


@every_stack
@pytest.mark.parametrize("n", [1, 5])
def test_stacks_of_charts_are_finite_for_every_row(stack: Stack, n: int):
    for part in _outputs(stack.make().eval(), _read(stack, n)):
        assert len(part) == n
        assert torch.isfinite(part).all()


@every_stack
def test_stacks_of_charts_read_row_by_row_and_change_nothing_in_evaluation(stack: Stack):
    module, reads = stack.make().eval(), _read(stack, 6)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    whole, part = _outputs(module, reads), _outputs(module, [read[2:4] for read in reads])
    for one, other in zip(whole, part, strict=True):
        torch.testing.assert_close(one[2:4], other)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


@every_stack
def test_stacks_of_charts_specify_and_restore(stack: Stack):
    torch.manual_seed(0)
    module = stack.make().eval()
    spec = json.loads(json.dumps(to_spec(module)))
    again = build(spec).eval()
    assert to_spec(again) == spec
    again.load_state_dict(module.state_dict())
    reads = _read(stack, 4)
    for one, other in zip(_outputs(module, reads), _outputs(again, reads), strict=True):
        assert torch.equal(one, other)


@every_stack
def test_the_gradient_reaches_every_parameter_of_a_stack(stack: Stack):
    torch.manual_seed(1)
    module = stack.make()
    outputs = [part for part in _outputs(module, _read(stack, 64)) if part.requires_grad]
    if outputs:
        torch.stack([(part.square() * torch.rand_like(part)).sum() for part in outputs]).sum().backward()
    for name, parameter in module.named_parameters():
        routed = isinstance(module, models.TopologicalDecoder | models.AutoencoderJumps) and "router" in name
        placed = isinstance(module, models.AtlasEncoder | models.AutoencoderJumps) and "placements" in name
        if not (routed or placed):  # these read the memberships or the frame, which this call does not give
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            assert (parameter.grad != 0).any(), name
