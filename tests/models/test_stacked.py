from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from latentatlas.build import build
from latentatlas.core import Batch, Latents, ShapeError, SpecError, to_spec
from latentatlas.models import (
    AtlasAutoencoder,
    Autoencoder,
    ChartBlock,
    ChartRenderer,
    MLPEncoder,
    ResidualFilter,
    StackedAutoencoder,
    TopologicalDecoder,
    charted_autoencoder,
)


class Halves(nn.Module):
    """A block that says half of what it reads."""

    def forward(self, batch: Batch) -> Latents:
        return Latents(batch.x[:, :1], recon=batch.x / 2)


class Silent(nn.Module):
    """A block that says nothing."""

    def forward(self, batch: Batch) -> Latents:
        return Latents(batch.x[:, :1], recon=torch.zeros_like(batch.x))


class Perfect(nn.Module):
    """A block that leaves nothing."""

    def forward(self, batch: Batch) -> Latents:
        return Latents(batch.x[:, :1], recon=batch.x)


def rows(n: int = 40, *, dtype: torch.dtype = torch.float32) -> Tensor:
    return 3 + 2 * torch.randn(n, 5, generator=torch.Generator().manual_seed(0)).to(dtype)


def textured() -> ChartBlock:
    """Charts of two axes, one of them texture, and codes."""
    start = charted_autoencoder(5, 2, charts=3, codes=4, width=8, top=2)
    texture = ChartRenderer(3, 1, 5, width=8, hidden=())
    decoder = TopologicalDecoder(start.decoder.base, start.decoder.router, texture=texture)
    parts = {"codebook": start.codebook, "residual": ResidualFilter(3, 2, rank=1)}
    return ChartBlock(AtlasAutoencoder(start.encoder, decoder, **parts))


def perceptrons(depth: int) -> list[nn.Module]:
    return [Autoencoder(MLPEncoder(5, 2, hidden=(8,), spread=1.0, noise=0.0)) for _ in range(depth)]


def test_by_hand():
    stack, x = StackedAutoencoder([Halves(), Halves()], 5), rows()
    stack.adapt(x)
    torch.testing.assert_close(stack.scales, torch.tensor([0.5, 0.5]))
    centre = x.mean(dim=0)
    stack.eval()
    for depth, share in ((0, 0.0), (1, 0.5), (2, 0.75)):
        torch.testing.assert_close(stack.reconstruct(x, depth), centre + share * (x - centre))
    torch.testing.assert_close(stack(Batch(x)).recon, centre + 0.75 * (x - centre))
    torch.testing.assert_close(stack.remainder(x), 0.25 * (x - centre))
    assert stack.encode(x).shape == (40, 2)


def test_the_input_of_every_block_has_unit_size():
    torch.manual_seed(0)
    stack, x = StackedAutoencoder(perceptrons(4), 5), rows()
    stack.adapt(x)
    for read in stack.eval().peel(x).inputs:
        assert float(read.detach().square().mean()) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("blocks", [lambda: perceptrons(3), lambda: [textured(), *perceptrons(1)], lambda: [Silent()]])
def test_with_the_remainder_any_weights_are_the_identity(blocks, training: bool):
    torch.manual_seed(1)
    stack, x = StackedAutoencoder(blocks(), 5).double().train(training), rows(dtype=torch.float64)
    stack.adapt(x)
    for parameter in stack.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    peeled = stack.peel(x)
    whole = sum(factor * part for factor, part in zip(peeled.factors, peeled.explained, strict=False))
    whole = whole + peeled.factors[-1] * peeled.inputs[-1]
    torch.testing.assert_close(stack.stem.inverse(whole), x)
    stack.eval()
    torch.testing.assert_close(stack(Batch(x)).recon + stack.remainder(x), x)
    assert float((stack(Batch(x)).recon - x).detach().abs().max()) > 0.1  # the truncated sum is no identity


def test_scales_follow_in_training_only_and_start_with_the_first_batch():
    stack, x = StackedAutoencoder([Halves()], 5, decay=0.9), rows()
    stack.stem.fit(x)
    stack.eval()(Batch(x))
    assert stack.scales.tolist() == [1.0]
    stack.train()(Batch(x))
    assert float(stack.scales) == pytest.approx(0.5, rel=1e-5)
    wide = x.mean(dim=0) + 2 * (x - x.mean(dim=0))
    stack(Batch(wide))
    assert float(stack.scales) == pytest.approx((0.9 * 0.25 + 0.1) ** 0.5, rel=1e-5)


def test_it_learns_as_a_whole():
    """The slope of the truncated error reaches every block, and equals finite differences."""
    torch.manual_seed(0)
    stack, x = StackedAutoencoder(perceptrons(3), 5).double(), rows(dtype=torch.float64)
    stack.adapt(x)
    stack.train()
    (stack(Batch(x)).recon - x).square().mean().backward()
    assert all((parameter.grad != 0).any() for parameter in stack.parameters())
    stack.eval().zero_grad()

    def error() -> Tensor:
        return (stack(Batch(x)).recon - x).square().mean()

    error().backward()
    weight = next(stack.blocks[0].parameters())
    for step in (1e-5, -1e-5):
        with torch.no_grad():
            before = error()
            weight[0, 0] += step
            slope = ((error() - before) / step).detach()
            weight[0, 0] -= step
        assert float(slope) == pytest.approx(float(weight.grad[0, 0]), rel=1e-3)


def test_constant_rows_and_a_block_that_leaves_nothing_stay_finite():
    for blocks, x in (
        ([Perfect(), Halves()], rows()),
        ([Halves()], torch.ones(6, 5)),
        (perceptrons(2), torch.ones(1, 5)),
    ):
        stack = StackedAutoencoder(blocks, 5)
        stack.adapt(x)
        out = stack.train()(Batch(x))
        assert torch.isfinite(out.recon).all()
        torch.testing.assert_close(out.recon + stack.eval().remainder(x), x, atol=1e-4, rtol=1e-4)


def test_a_chart_block_decodes_without_texture():
    torch.manual_seed(0)
    block, x = textured(), rows()
    block.adapt(x)
    block.train()(Batch(x))  # codes begin
    for parameter in block.eval().parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    found = block(Batch(x))
    torch.testing.assert_close(found.recon, block.model.reconstructions(x).detail)
    assert float((found.recon - block.model(Batch(x)).recon).abs().max().detach()) > 1e-6
    plain = ChartBlock(charted_autoencoder(5, 2, charts=3, width=8)).eval()
    torch.testing.assert_close(plain(Batch(x)).recon, plain.model(Batch(x)).recon)
    block.train().zero_grad()
    block(Batch(x)).recon.square().mean().backward()
    assert (next(block.model.encoder.trunk.parameters()).grad != 0).any()


def test_specification_and_weights():
    torch.manual_seed(0)
    for blocks in (perceptrons(2), [textured()]):
        stack, x = StackedAutoencoder(blocks, 5, decay=0.5).eval(), rows()
        stack.adapt(x)
        again = build(json.loads(json.dumps(to_spec(stack)))).eval()
        again.load_state_dict(stack.state_dict())
        assert again.decay == 0.5
        assert torch.equal(again(Batch(x)).recon, stack(Batch(x)).recon)


def test_bad_blocks_and_depths():
    with pytest.raises(SpecError, match=r"wants at least one block and 0 ≤ decay < 1; got 0"):
        StackedAutoencoder([], 5)
    with pytest.raises(SpecError, match="0 ≤ decay < 1"):
        StackedAutoencoder([Halves()], 5, decay=1.0)
    stack = StackedAutoencoder([Narrow()], 5)
    with pytest.raises(ShapeError, match=r"decode the 5 columns they read; got \(2,\)"):
        stack(Batch(rows()))
    for depth in (-1, 2):
        with pytest.raises(SpecError, match=rf"a depth from 0 to 1; got {depth}"):
            StackedAutoencoder([Halves()], 5).reconstruct(rows(), depth)


class Narrow(nn.Module):
    """A block that decodes other columns."""

    def forward(self, batch: Batch) -> Latents:
        return Latents(batch.x[:, :1], recon=batch.x[:, :2])
