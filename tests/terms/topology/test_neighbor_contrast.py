from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import Edges, ShapeError, SpecError
from latentatlas.geometry import PoincareBall
from latentatlas.terms import (
    AllNegatives,
    CauchySimilarity,
    ContrastLoss,
    CrossEntropy,
    ExponentialSimilarity,
    GaussianSimilarity,
    HardNegatives,
    InfoNCE,
    Negatives,
    NegativeSampling,
    NeighborContrast,
    Similarity,
    WeightedNegatives,
)


def edges_of(n: int, *pairs: tuple[int, int]) -> Edges:
    known = torch.eye(n, dtype=torch.bool)
    for i, j in pairs:
        known[i, j] = known[j, i] = True
    ends = torch.tensor(pairs)
    return Edges(ends[:, 0], ends[:, 1], known)


def naive(z: Tensor, edges: Edges, m: float) -> float:
    """The definition, edge by edge and direction by direction."""

    def q(i: int, j: int) -> float:
        return 1 / (1 + (z[i] - z[j]).square().sum().item())

    losses = []
    for a, b in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        for i, j in ((a, b), (b, a)):
            far = [q(i, other) for other in range(len(z)) if not edges.known[i, other]]
            noise = m * sum(far) / len(far) if far else 0.0
            losses.append(-math.log(q(i, j) / (q(i, j) + noise)))
    return sum(losses) / len(losses)


def test_by_hand():
    z = torch.tensor([[0.0], [1.0], [3.0]])
    value = NeighborContrast(negatives=2.0)(z, edges_of(3, (0, 1)))
    forward = -math.log(0.5 / (0.5 + 2 * 0.1))  # q01 = 1/2, q02 = 1/10
    backward = -math.log(0.5 / (0.5 + 2 * 0.2))  # q12 = 1/5
    assert value.item() == pytest.approx((forward + backward) / 2)


def test_like_the_definition():
    z = torch.randn(9, 3, dtype=torch.float64)
    edges = edges_of(9, (0, 1), (1, 2), (4, 5), (4, 5), (8, 3))  # an edge drawn twice counts twice
    assert NeighborContrast(5.0)(z, edges).item() == pytest.approx(naive(z, edges, 5.0), rel=1e-9)


def test_gradient_against_differences():
    z = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    edges = edges_of(6, (0, 1), (2, 3))
    assert torch.autograd.gradcheck(lambda z: NeighborContrast(4.0)(z, edges), z)


def test_a_step_pulls_neighbours_and_pushes_the_others():
    z = torch.tensor([[0.0], [2.0], [3.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(NeighborContrast(8.0)(z, edges_of(3, (0, 1))), z)
    assert slope[0] < 0  # descent moves row 0 towards its neighbour at 2
    assert slope[2] < 0  # and row 2 away from both
    near, far = torch.tensor([[0.0], [0.1], [9.0]]), torch.tensor([[0.0], [9.0], [0.1]])
    edges = edges_of(3, (0, 1))
    assert NeighborContrast()(near, edges) < NeighborContrast()(far, edges)


def test_known_neighbours_do_not_push():
    z = torch.tensor([[0.0], [1.0], [1.1]])
    pushed = NeighborContrast()(z, edges_of(3, (0, 1)))
    spared = NeighborContrast()(z, edges_of(3, (0, 1))._replace(known=torch.ones(3, 3, dtype=torch.bool)))
    assert pushed > 1
    assert spared.item() == pytest.approx(0, abs=1e-6)


def test_all_rows_in_one_point():
    for m in (1.0, 64.0):
        z = torch.ones(5, 2, requires_grad=True)
        value = NeighborContrast(m)(z, edges_of(5, (0, 1), (2, 3)))
        assert value.item() == pytest.approx(math.log1p(m))
        value.backward()
        assert torch.isfinite(z.grad).all()


def test_a_batch_of_one_edge_has_no_negatives():
    z = torch.randn(2, 2, requires_grad=True)
    value = NeighborContrast()(z, edges_of(2, (0, 1)))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert torch.isfinite(z.grad).all()


def test_neither_the_origin_nor_the_batch_size_matters():
    z = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
    pairs = [(2 * i, 2 * i + 1) for i in range(20)]
    term = NeighborContrast()
    value = term(z, edges_of(40, *pairs))
    torch.testing.assert_close(term(z + 1000, edges_of(40, *pairs)), value, rtol=1e-3, atol=0)
    twice = torch.cat([z, z])
    both = edges_of(80, *pairs, *((40 + i, 40 + j) for i, j in pairs))
    known = both.known | edges_of(40, *pairs).known.repeat(2, 2)
    torch.testing.assert_close(term(twice, both._replace(known=known)), value, rtol=1e-4, atol=0)


def test_far_outliers_stay_finite_in_single_precision():
    z = torch.randn(6, 2)
    z[5] = 1e15
    z.requires_grad_()
    value = NeighborContrast()(z, edges_of(6, (0, 1), (4, 5)))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


def test_bad_input():
    with pytest.raises(ShapeError, match=r"mask of known neighbours; the edges have none.*EdgeBatches"):
        NeighborContrast()(torch.zeros(2, 2), Edges(torch.tensor([0]), torch.tensor([1])))
    for negatives in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(SpecError, match="negatives > 0"):
            NeighborContrast(negatives)


# ---------------------------------------------------------------- the options


def published(z: Tensor, edges: Edges, m: float) -> Tensor:
    """The term as it was before it had options; published figures were made with it."""
    z = z - z.mean(dim=0)
    norms = z.square().sum(dim=1)
    squared = torch.addmm(norms[:, None] + norms[None, :], z, z.T, alpha=-2).clamp(min=0)
    apart = (~edges.known).to(z.dtype)
    mean_negative = (apart / (1 + squared)).sum(dim=1) / apart.sum(dim=1).clamp(min=1)
    log_noise = torch.log(m * mean_negative + torch.finfo(z.dtype).tiny)
    log_positive = -torch.log1p((z[edges.source] - z[edges.target]).square().sum(dim=1))
    forward = torch.logaddexp(log_positive, log_noise[edges.source]) - log_positive
    backward = torch.logaddexp(log_positive, log_noise[edges.target]) - log_positive
    return (forward.mean() + backward.mean()) / 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [2, 7, 60, 300])
def test_the_default_is_bit_equal_to_the_published_form(n: int, dtype: torch.dtype):
    generator = torch.Generator().manual_seed(n)
    known = torch.rand(n, n, generator=generator) < 0.1
    known = known | known.T | torch.eye(n, dtype=torch.bool)
    edges = Edges(*torch.randint(n, (2, 40), generator=generator), known)
    ours = (3 * torch.randn(n, 2, dtype=dtype, generator=generator)).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    value, expected = NeighborContrast()(ours, edges), published(theirs, edges, 64.0)
    value.backward()
    expected.backward()
    assert torch.equal(value, expected)
    assert torch.equal(ours.grad, theirs.grad)


_Z = [
    [0.0],
    [1.0],
    [3.0],
    [4.0],
]  # q = 1/2 for the edge (0, 1); row 0 is 3 and 4 away from the others, row 1 is 2 and 3
_FAR = ((1 / 10, 1 / 17), (1 / 5, 1 / 10))  # q of the negatives of row 0 and of row 1


def value_of(**options: Similarity | ContrastLoss | Negatives) -> float:
    z = torch.tensor(_Z, dtype=torch.float64)
    return NeighborContrast(2.0, **options)(z, edges_of(4, (0, 1))).item()


def test_hard_negatives_by_hand():
    nearest = [-math.log(0.5 / (0.5 + 2 * max(far))) for far in _FAR]
    assert value_of(against=HardNegatives(1)) == pytest.approx(sum(nearest) / 2)
    assert value_of(against=HardNegatives(2)) == pytest.approx(value_of())
    assert value_of(against=HardNegatives(99)) == pytest.approx(value_of(against=AllNegatives()))


def test_weighted_negatives_by_hand():
    means = [sum(q * q for q in far) / sum(far) for far in _FAR]
    wanted = sum(-math.log(0.5 / (0.5 + 2 * mean)) for mean in means) / 2
    assert value_of(against=WeightedNegatives()) == pytest.approx(wanted)
    assert value_of(against=WeightedNegatives(0.0)) == pytest.approx(value_of())
    assert value_of(against=WeightedNegatives(200.0)) == pytest.approx(value_of(against=HardNegatives(1)))


def test_cross_entropy_by_hand():
    pushes = [-2 * sum(math.log(1 - q / 1.01) for q in far) / 2 for far in _FAR]
    assert value_of(loss=CrossEntropy(0.01)) == pytest.approx(math.log(2) + sum(pushes) / 2)
    together = NeighborContrast(2.0, loss=CrossEntropy(0.01))(torch.zeros(4, 2), edges_of(4, (0, 1)))
    assert together.item() == pytest.approx(2 * math.log(101), rel=1e-4)


def test_negative_sampling_by_hand():
    for partition in (1.0, 0.2):
        pushes = [2 * sum(math.log(1 + q / partition) for q in far) / 2 for far in _FAR]
        wanted = -math.log(0.5 / (0.5 + partition)) + sum(pushes) / 2
        assert value_of(loss=NegativeSampling(partition)) == pytest.approx(wanted)
    together = NeighborContrast(2.0, loss=NegativeSampling())(torch.zeros(4, 2), edges_of(4, (0, 1)))
    assert together.item() == pytest.approx(3 * math.log(2))


def test_gaussian_similarity_by_hand():
    def q(d: float) -> float:
        return math.exp(-d * d / 4)

    wanted = [-math.log(q(1) / (q(1) + q(a) + q(b))) for a, b in ((3, 4), (2, 3))]
    assert value_of(similarity=GaussianSimilarity(4.0)) == pytest.approx(sum(wanted) / 2)


_LOSSES = [InfoNCE(), CrossEntropy(), NegativeSampling(0.5)]
_SIMILARITIES = [CauchySimilarity(), GaussianSimilarity(2.0), ExponentialSimilarity(2.0)]
_NEGATIVES = [AllNegatives(), HardNegatives(3)]


@pytest.mark.parametrize("against", _NEGATIVES, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("similarity", _SIMILARITIES, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("loss", _LOSSES, ids=lambda o: type(o).__name__)
def test_every_combination(loss: ContrastLoss, similarity: Similarity, against: Negatives):
    term = NeighborContrast(4.0, loss=loss, similarity=similarity, against=against)
    z = torch.randn(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3), requires_grad=True)
    edges = edges_of(8, (0, 1), (2, 3))
    assert torch.autograd.gradcheck(lambda z: term(z, edges), z)
    assert term(z, edges) > 0
    edge = edges_of(3, (0, 1))
    near, far = torch.tensor([[0.0], [0.5], [3.0]]), torch.tensor([[0.0], [3.0], [0.5]])
    assert term(near, edge) < term(far, edge)
    z = torch.ones(5, 2, requires_grad=True)
    term(z, edges_of(5, (0, 1))).backward()
    assert torch.isfinite(z.grad).all()
    z = torch.randn(2, 2, requires_grad=True)  # no negatives at all
    value = term(z, edges_of(2, (0, 1)))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()


def test_known_neighbours_are_masked_for_hard_and_weighted_negatives():
    z = torch.tensor([[0.0], [1.0], [1.1]])
    all_known = edges_of(3, (0, 1))._replace(known=torch.ones(3, 3, dtype=torch.bool))
    for against in (HardNegatives(1), WeightedNegatives()):
        value = NeighborContrast(against=against)(z, all_known)
        assert value.item() == pytest.approx(0, abs=1e-6)


def test_bad_options():
    for make, message in (
        (lambda: GaussianSimilarity(0.0), "GaussianSimilarity wants a finite tau > 0; got 0"),
        (lambda: ExponentialSimilarity(0.0), "ExponentialSimilarity wants a finite tau > 0; got 0"),
        (lambda: CrossEntropy(-1.0), "CrossEntropy wants a finite epsilon > 0; got -1"),
        (lambda: NegativeSampling(math.inf), "NegativeSampling wants a finite partition Z > 0; got inf"),
        (lambda: HardNegatives(0), "HardNegatives wants count ≥ 1; got 0"),
        (lambda: WeightedNegatives(-0.1), "WeightedNegatives wants a finite sharpness ≥ 0; got -0.1"),
    ):
        with pytest.raises(SpecError, match=message):
            make()


def test_on_a_ball_with_the_similarity_of_poincare_embeddings_by_hand():
    """Rows at 0, ½ and −½ of a line of the ball: d = log 3 from the middle, 2 log 3 between the outer ones."""
    z = torch.tensor([[0.0], [0.5], [-0.5]])
    known = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    term = NeighborContrast(1.0, similarity=ExponentialSimilarity(), geometry=PoincareBall())
    found = float(term(z, Edges(torch.tensor([0]), torch.tensor([1]), known)))
    first = math.log((1 / 3 + 1 / 3) / (1 / 3))  # the stranger of row 0 is as near as its neighbour
    second = math.log((1 / 3 + 1 / 9) / (1 / 3))
    assert found == pytest.approx((first + second) / 2)
