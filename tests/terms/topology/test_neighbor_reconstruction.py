from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from latentatlas.core import Edges, ShapeError
from latentatlas.geometry import DepthSpace, PoincareBall
from latentatlas.terms import LinearExpansion, NeighborReconstruction, QuadraticExpansion


def edges_of(*pairs: tuple[int, int]) -> Edges:
    ends = torch.tensor(pairs)
    return Edges(ends[:, 0], ends[:, 1])


def cubic(z: Tensor) -> Tensor:
    return torch.cat([z.pow(3), z[:, :1] * z[:, 1:]], dim=1)


def decoder() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 5)).double()


def test_by_hand():
    z = torch.tensor([[1.0], [3.0]])
    x = torch.tensor([[2.0], [20.0]])
    # g = z³ at 1: tangent at 3 is 1 + 3·2 = 7, for 20; at 3: tangent at 1 is 27 − 27·2 = −27, for 2
    value = NeighborReconstruction()(z, x, edges_of((0, 1)), lambda z: z.pow(3))
    assert value.item() == pytest.approx((13**2 + 29**2) / 2)
    # with ½ g'' v²: 7 + ½·6·4 = 19, and −27 + ½·18·4 = 9
    curved = NeighborReconstruction(QuadraticExpansion())(z, x, edges_of((0, 1)), lambda z: z.pow(3))
    assert curved.item() == pytest.approx((1**2 + 7**2) / 2)


def test_a_plane_is_perfect_and_a_paraboloid_for_the_quadratic():
    torch.manual_seed(0)
    matrix, z, edges = torch.randn(2, 4), torch.randn(6, 2), edges_of((0, 1), (2, 5), (3, 4))
    assert NeighborReconstruction()(z, z @ matrix + 1, edges, lambda z: z @ matrix + 1).item() < 1e-10

    def bowl(z: Tensor) -> Tensor:
        return z.square() @ matrix + z[:, :1] * z[:, 1:]

    assert NeighborReconstruction()(z, bowl(z), edges, bowl) > 0.1
    assert NeighborReconstruction(QuadraticExpansion())(z, bowl(z), edges, bowl).item() < 1e-10


@pytest.mark.parametrize("expansion", [LinearExpansion(), QuadraticExpansion()], ids=lambda e: type(e).__name__)
def test_gradient_against_differences_for_latents_and_decoder(expansion):
    model, edges = decoder(), edges_of((0, 1), (2, 3))
    term, x = NeighborReconstruction(expansion), torch.randn(4, 5, dtype=torch.float64)
    z = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: term(z, x, edges, model), z)
    weights = [p.detach().clone().requires_grad_() for p in model.parameters()]

    def loss(*weights: Tensor) -> Tensor:
        named = dict(zip((name for name, _ in model.named_parameters()), weights, strict=True))
        return term(z.detach(), x, edges, lambda z: torch.func.functional_call(model, named, (z,)))

    assert torch.autograd.gradcheck(loss, weights)


def test_a_step_lowers_it():
    model, edges = decoder(), edges_of((0, 1), (2, 3), (1, 2))
    z = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    x, term = torch.randn(4, 5, dtype=torch.float64), NeighborReconstruction()
    optimiser = torch.optim.Adam([z, *model.parameters()], lr=0.01)
    before = float(term(z, x, edges, model).detach())
    for _ in range(100):
        optimiser.zero_grad()
        term(z, x, edges, model).backward()
        optimiser.step()
    assert float(term(z, x, edges, model).detach()) < 0.5 * before


def test_rows_in_one_place():
    z = torch.ones(3, 2, requires_grad=True)
    x = torch.zeros(3, 3)
    value = NeighborReconstruction()(z, x, edges_of((0, 1), (1, 2)), cubic)
    value.backward()
    assert value.item() == pytest.approx(1)  # decoded as (1, 1, 1), for 0
    assert torch.isfinite(z.grad).all()


def test_images():
    z, x = torch.randn(4, 2), torch.randn(4, 3)
    flat = NeighborReconstruction()(z, x, edges_of((0, 3)), cubic)
    image = NeighborReconstruction()(z, x[:, None], edges_of((0, 3)), lambda z: cubic(z)[:, None])
    assert torch.equal(flat, image)


def test_bad_input():
    none = torch.zeros(0, dtype=torch.int64)
    with pytest.raises(ShapeError, match="NeighborReconstruction wants at least one edge; the batch has none"):
        NeighborReconstruction()(torch.zeros(3, 2), torch.zeros(3, 3), Edges(none, none), cubic)
    with pytest.raises(ShapeError, match="wants decoded rows of 7 numbers, as the patterns have; got 3"):
        NeighborReconstruction()(torch.zeros(3, 2), torch.zeros(3, 7), edges_of((0, 1)), cubic)


@pytest.mark.parametrize("expansion", [LinearExpansion(), QuadraticExpansion()], ids=lambda e: type(e).__name__)
def test_a_straight_line_of_a_ball_is_perfect(expansion):
    """The distance from the centre, 2 artanh z, grows evenly along a line of the ball."""
    z = torch.tensor([[-0.6], [0.2], [0.9]], dtype=torch.float64)
    line, edges = lambda z: 2 * torch.atanh(z), edges_of((0, 1), (1, 2))
    assert NeighborReconstruction(expansion, geometry=PoincareBall())(z, line(z), edges, line).item() < 1e-20
    assert NeighborReconstruction(expansion)(z, line(z), edges, line).item() > 0.1


@pytest.mark.parametrize("space", [PoincareBall(), DepthSpace()], ids=lambda s: type(s).__name__)
def test_the_quadratic_misses_by_the_third_order_along_a_geodesic(space):
    start, way, edges = torch.tensor([[0.3, 0.4]]).double(), torch.tensor([[0.5, -0.2]]).double(), edges_of((0, 1))
    missed = []
    for share in (0.1, 0.05):
        z = torch.cat([start, space.exp(start, share * way)])
        missed.append(NeighborReconstruction(QuadraticExpansion(), geometry=space)(z, cubic(z), edges, cubic).item())
    assert missed[1] < missed[0] / 50  # (½)⁶ = 1/64
