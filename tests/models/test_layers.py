from __future__ import annotations

import numpy as np
import pytest
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.models import ImageDecoder, ImageEncoder, MapHead, MLPDecoder, MLPEncoder, SignalDecoder, SignalEncoder
from latentatlas.models.layers import (
    half_whitening,
    orthogonal_linear,
    orthogonal_matrices,
    perceptron,
    positive_ints,
    spectral_linear,
)


def test_perceptron_is_relu_between_linear_layers():
    net = perceptron([3, 4, 2])
    x = torch.randn(5, 3)
    (w1, b1), (w2, b2) = [(layer.weight, layer.bias) for layer in net if isinstance(layer, torch.nn.Linear)]
    torch.testing.assert_close(net(x), (x @ w1.T + b1).relu() @ w2.T + b2)
    torch.manual_seed(0)
    plain = perceptron([3, 4, 2])
    torch.manual_seed(0)
    torch.testing.assert_close(perceptron([3, 4, 2], last_gain=0.5)[-1].weight, 0.5 * plain[-1].weight)


def test_half_whitening_by_hand():
    x = torch.tensor([[1.0, 4.0, 5.0], [-1.0, -4.0, 5.0]])  # variances 1, 16, 0
    factor = half_whitening(x)
    assert factor[2] == 0
    assert (factor[0] / factor[1]).item() == pytest.approx(2)  # the fourth root of 16
    assert (factor[:2].square() * torch.tensor([1.0, 16.0])).mean().item() == pytest.approx(1)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_half_whitening_knows_no_scale(scale):
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(scale * half_whitening(scale * x), half_whitening(x), rtol=1e-4, atol=0)
    assert (half_whitening(torch.full((5, 3), scale)) == 0).all()


def test_sizes_may_be_numpy_integers(unchecked):
    positive_ints("X", size=np.int64(3), sizes=(np.int32(2), 5))
    assert MLPEncoder(np.int64(3), 2, hidden=(4,))(torch.zeros(1, 3)).shape == (1, 2)


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3", (4, 0)])
def test_sizes_must_be_positive_integers(unchecked, size):
    with pytest.raises(SpecError, match=r"X wants size made of integers ≥ 1; got"):
        positive_ints("X", size=size)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ImageEncoder((8, 8), 2),
        lambda: ImageDecoder(2, (8, 8)),
        lambda: SignalEncoder((1, 8, 8), 2),
        lambda: SignalDecoder(2, (8,)),
    ],
)
def test_a_shape_with_the_wrong_axes(make):
    with pytest.raises(ShapeError, match=r"wants shape \(channels, .*Add or drop an axis"):
        make()


@pytest.mark.parametrize("spread", [0.0, -1.0, float("nan"), float("inf")])
def test_a_spread_must_be_positive(spread):
    for make in (
        lambda: MLPEncoder(3, 2, spread=spread),
        lambda: MLPDecoder(2, 3, spread=spread),
        lambda: ImageEncoder((1, 8, 8), 2, spread=spread),
        lambda: ImageDecoder(2, (1, 8, 8), spread=spread),
        lambda: SignalEncoder((1, 8), 2, spread=spread),
        lambda: SignalDecoder(2, (1, 8), spread=spread),
        lambda: MapHead(3, spread=spread),
    ):
        with pytest.raises(SpecError, match="spread > 0"):
            make()


@pytest.mark.parametrize(("size_in", "size_out"), [(5, 3), (3, 5), (4, 4)])
def test_an_orthogonal_layer_stays_an_isometry_after_steps(size_in: int, size_out: int):
    torch.manual_seed(0)
    layer = orthogonal_linear(size_in, size_out)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.1)
    before = layer.weight.detach().clone()
    for _ in range(5):
        optimiser.zero_grad()
        (layer(torch.randn(8, size_in)) - 1).square().sum().backward()
        optimiser.step()
    weight = layer.weight.detach()
    gram = weight @ weight.T if size_out <= size_in else weight.T @ weight
    torch.testing.assert_close(gram, torch.eye(min(size_in, size_out)), atol=1e-5, rtol=0)
    assert not torch.allclose(weight, before)


def test_a_spectral_layer_lengthens_nothing():
    torch.manual_seed(0)
    layer = spectral_linear(6, 4)
    for _ in range(50):
        layer(torch.zeros(1, 6))  # every pass in training is a round of power iteration
    assert float(torch.linalg.matrix_norm(layer.eval().weight.detach(), ord=2)) == pytest.approx(1, abs=1e-3)


def test_orthogonal_matrices_begin_as_the_identity_and_stay_orthogonal():
    stack = orthogonal_matrices(3, 2)
    torch.testing.assert_close(stack.weight, torch.eye(2).repeat(3, 1, 1))
    next(stack.parameters()).data += torch.randn(3, 2, 2)
    torch.testing.assert_close(stack.weight @ stack.weight.mT, torch.eye(2).repeat(3, 1, 1), atol=1e-5, rtol=0)
