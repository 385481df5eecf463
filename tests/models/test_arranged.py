from __future__ import annotations

import pytest
import torch

from latentatlas.core import Batch, Constant, Geometric, LatentLayout, SpecError, reproducible
from latentatlas.models import (
    ArrangedDecoder,
    ArrangedEncoder,
    Autoencoder,
    Encoder,
    MLPDecoder,
    MLPEncoder,
    Predictor,
    TaskHead,
    VariationalEncoder,
)
from latentatlas.terms import BlockAllocation, Objective
from latentatlas.train import Recipe, RowBatches, fit


def encoder_of(dim: int = 4) -> MLPEncoder:
    torch.manual_seed(0)
    return MLPEncoder(3, dim, hidden=(8,)).eval()


def test_axes_come_in_the_order_asked_for():
    whole, x = encoder_of(), torch.randn(5, 3)
    assert torch.equal(ArrangedEncoder(whole, (3, 1))(x), whole(x)[:, [3, 1]])


def test_mean_and_variance_follow_the_latent():
    whole, x = VariationalEncoder(MLPEncoder(3, 8, hidden=(8,), spread=1.0)).eval(), torch.randn(5, 3)
    found, arranged = whole.latents(x), ArrangedEncoder(whole, (2, 0)).latents(x)
    assert torch.equal(arranged.z, found.z[:, [2, 0]])
    assert torch.equal(arranged.mean, found.mean[:, [2, 0]])
    assert torch.equal(arranged.log_variance, found.log_variance[:, [2, 0]])


def test_axes_left_out_get_no_gradient():
    whole = encoder_of()
    ArrangedEncoder(whole, (1, 2))(torch.randn(5, 3)).sum().backward()
    assert whole.linear.weight.grad is not None
    assert whole.linear.weight.grad.abs().sum(dim=1).gt(0).tolist() == [False, True, True, False]


def test_the_decoder_puts_axes_back():
    inner = MLPDecoder(3, 2, hidden=(8,)).eval()
    arranged = ArrangedDecoder(inner, (2, 0), 3)
    z = torch.tensor([[5.0, 7.0]])
    assert torch.equal(arranged(z), inner(torch.tensor([[7.0, 0.0, 5.0]])))


def test_an_arranged_autoencoder_has_the_mirror_of_its_encoder():
    model = Autoencoder(ArrangedEncoder(encoder_of(), (3, 0)))
    x = torch.randn(5, 3)
    model.adapt(x)
    latents = model(Batch(x))
    assert latents.z.shape == (5, 2)
    assert latents.recon.shape == (5, 3)


@pytest.mark.parametrize("order", [(), (0, 0), (4,), (-1,), (True,)])
def test_orders_that_are_none(order: tuple):
    with pytest.raises(SpecError, match=r"ArrangedEncoder wants some of the axes 0 to 3"):
        ArrangedEncoder(encoder_of(), order)
    with pytest.raises(SpecError, match=r"ArrangedDecoder wants some of the axes 0 to 3"):
        ArrangedDecoder(MLPDecoder(4, 2, hidden=(8,)), order, 4)


def test_learned_gates_become_blocks_that_lie_side_by_side():
    with reproducible(0, threads=1):
        kept, drawn = torch.randn(256, 2), torch.randn(256, 2)
        x = torch.stack([drawn[:, 0], kept[:, 0], drawn[:, 1], kept[:, 1]], dim=1)
        view = torch.stack([torch.randn(256), kept[:, 0], torch.randn(256), kept[:, 1]], dim=1)
        term = BlockAllocation(
            LatentLayout(invariant=2, variant=2), temperature=Geometric(start=0, stop=100, low=1.0, high=0.1)
        )
        plain = Predictor(_Identity(), TaskHead(LatentLayout(free=4), 2))
        fit(
            plain,
            Objective({"blocks": (term, Constant(1.0))}),
            RowBatches(Batch(x, view=view), size=128),
            Recipe(100, rate=0.1, log_every=100),
        )
    choice = term.allocation()
    assert str(choice.layout) == "invariant 2, variant 2, free 0"
    blocks = choice.layout.blocks(ArrangedEncoder(plain.encoder, choice.order.tolist())(x))
    assert torch.equal(blocks["invariant"], kept)
    assert torch.equal(blocks["variant"], drawn)
    alone = choice.only("invariant")
    assert torch.equal(ArrangedEncoder(plain.encoder, alone.order.tolist())(x), kept)


class _Identity(Encoder):
    """Rows as they are."""

    dim = 4

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def mirror(self) -> MLPDecoder:
        return MLPDecoder(4, 4)
