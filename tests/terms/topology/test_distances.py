"""The terms that compare distances: Triplet, LocalDistance, Stress, Signature, RTDLite."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from latentatlas.core import DataError, Edges, MissingInput, ShapeError, SpecError
from latentatlas.geometry import PoincareBall
from latentatlas.graph import knn_graph, spanning_tree
from latentatlas.terms import (
    FixedScale,
    FreeScale,
    HardNegatives,
    LandmarkGeodesics,
    LocalDistance,
    RTDLite,
    Signature,
    Stress,
    Term,
    Triplet,
)


def edges_of(n: int, *pairs: tuple[int, int]) -> Edges:
    known = torch.eye(n, dtype=torch.bool)
    for i, j in pairs:
        known[i, j] = known[j, i] = True
    ends = torch.tensor(pairs)
    return Edges(ends[:, 0], ends[:, 1], known)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


# ---------------------------------------------------------------- laws of the terms on distances

_PATH = edges_of(9, *((i, i + 1) for i in range(8)))
Loss = Callable[[Tensor, Tensor], Tensor]


def _of(term: Term) -> Loss:
    return (lambda z, x: term(z, x, _PATH)) if isinstance(term, LocalDistance) else (lambda z, x: term(z, x))


_FREE = [LocalDistance(), Stress(), Stress(1.0), Stress(2.0), Signature(), RTDLite()]
_FIXED = [LocalDistance(scale=FixedScale(2.0)), Stress(0.5, scale=FixedScale()), Signature(scale=FixedScale(0.3))]
every_free_term = pytest.mark.parametrize("term", _FREE, ids=lambda t: type(t).__name__ + str(getattr(t, "power", "")))
every_term = pytest.mark.parametrize("term", _FREE + _FIXED, ids=lambda t: type(t).__name__)


@every_term
def test_gradient_against_differences(term: Term):
    x = normal(0, 9, 4)
    assert torch.autograd.gradcheck(lambda z: _of(term)(z, x), normal(1, 9, 2).requires_grad_())


@every_free_term
def test_a_turned_moved_and_scaled_copy_is_perfect(term: Term):
    x = normal(0, 9, 2)
    turn = torch.linalg.qr(normal(3, 2, 2))[0]
    assert _of(term)(7 * x @ turn + 5, x).item() == pytest.approx(0, abs=1e-12)
    assert _of(term)(normal(1, 9, 2), x) > 0.01


@every_free_term
def test_the_unit_of_the_latent_does_not_matter(term: Term):
    x, z = normal(0, 9, 3), normal(1, 9, 2)
    torch.testing.assert_close(_of(term)(1e3 * z, x), _of(term)(z, x))


@every_term
def test_descent_lowers_it(term: Term):
    x, z = normal(0, 9, 2), normal(1, 9, 2).requires_grad_()
    before = float(_of(term)(z, x).detach())
    optimiser = torch.optim.Adam([z], lr=0.03)
    for _ in range(150):
        optimiser.zero_grad()
        _of(term)(z, x).backward()
        optimiser.step()
    assert float(_of(term)(z, x).detach()) < 0.5 * before


@every_term
@pytest.mark.parametrize("constant", ["z", "x", "both"])
def test_rows_in_one_place(term: Term, constant: str):
    z = (torch.ones(9, 2) if constant != "x" else torch.randn(9, 2)).requires_grad_()
    x = torch.ones(9, 3) if constant != "z" else torch.randn(9, 3)
    value = _of(term)(z, x)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(z.grad).all()
    if constant == "both":
        assert value.item() == 0


@every_term
def test_images_are_flattened(term: Term):
    x, z = normal(0, 9, 2, 3, 2), normal(1, 9, 2)
    assert torch.equal(_of(term)(z, x), _of(term)(z, x.flatten(1)))


@pytest.mark.parametrize("term", [Stress(), Signature(), RTDLite()], ids=lambda t: type(t).__name__)
def test_one_row_has_no_distances(term: Term):
    for n in (0, 1):
        with pytest.raises(
            ShapeError, match=rf"^{type(term).__name__} wants at least 2 rows; got {n}\. Raise the batch"
        ):
            term(torch.zeros(n, 2), torch.zeros(n, 3))
    assert term(torch.tensor([[0.0], [1.0]]), torch.tensor([[0.0], [5.0]])).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("term", [LocalDistance(), Triplet()], ids=lambda t: type(t).__name__)
def test_no_edges(term: Term):
    none = torch.zeros(0, dtype=torch.int64)
    fields = {"z": torch.zeros(3, 2), "x": torch.zeros(3, 2), "edges": Edges(none, none, torch.eye(3) > 0)}
    with pytest.raises(ShapeError, match=rf"^{type(term).__name__} wants at least one edge; the batch has none\. Take"):
        term(**term.bind(fields))


@pytest.mark.parametrize("term", [Signature(), RTDLite()], ids=lambda t: type(t).__name__)
def test_nan_is_named(term: Term):
    z = torch.zeros(4, 2)
    z[1] = math.nan
    with pytest.raises(DataError, match=r"wants (finite rows|distances without NaN)"):
        term(z, torch.randn(4, 3))


# ---------------------------------------------------------------- each by hand


def test_scales_by_hand():
    latent, pattern = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 6.0])
    assert FreeScale().factor(latent, pattern, None).item() == pytest.approx(14 / 5)
    assert FreeScale().factor(latent, pattern, torch.tensor([3.0, 0.0])).item() == pytest.approx(2)
    assert FreeScale().factor(0 * latent, pattern, None).item() == 0
    assert FixedScale(0.5).factor(latent, pattern, None).item() == 0.5
    for value in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(SpecError, match="FixedScale wants a finite value > 0"):
            FixedScale(value)


def test_triplet_by_hand():
    z, edges = column(0, 2, 3, 9), edges_of(4, (0, 1))
    # 0 → 1 is 2; strangers 2, 3 are 3 and 9 away: [2+2−3], 0. 1 → 0 is 2; strangers 1 and 7 away: [2+2−1], 0
    assert Triplet(2.0)(z, edges).item() == pytest.approx((0.5 + 1.5) / 2)
    assert Triplet(2.0, against=HardNegatives(1))(z, edges).item() == pytest.approx((1 + 3) / 2)
    assert Triplet(2.0)(torch.zeros(4, 2), edges).item() == pytest.approx(2)
    assert Triplet(0.5)(column(0, 1, 9, 10), edges).item() == 0


def test_triplet_pulls_the_neighbour_and_pushes_the_stranger():
    z = column(0, 2, 2.5).requires_grad_()
    (slope,) = torch.autograd.grad(Triplet(1.0)(z, edges_of(3, (0, 1))), z)
    assert slope[0] < 0  # to the right, where its neighbour is
    assert slope[2] < 0  # away from both
    z = normal(1, 8, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: Triplet(3.0)(z, edges_of(8, (0, 1), (2, 3))), z)


def test_triplet_without_strangers_or_mask():
    everyone = edges_of(2, (0, 1))
    assert Triplet()(torch.randn(2, 2), everyone).item() == 0
    with pytest.raises(ShapeError, match="Triplet wants the mask of known neighbours"):
        Triplet()(torch.zeros(2, 2), everyone._replace(known=None))
    with pytest.raises(SpecError, match="Triplet wants a finite margin > 0; got 0"):
        Triplet(0.0)


def test_local_distance_by_hand():
    z, x, edges = column(0, 1, 3), column(0, 3, 4), edges_of(3, (0, 1), (1, 2))
    # distances 1, 2 for 3, 1: s = (3 + 2)/5 = 1
    assert LocalDistance()(z, x, edges).item() == pytest.approx((4 + 1) / 2)
    assert LocalDistance(scale=FixedScale(2.0))(z, x, edges).item() == pytest.approx((1 + 9) / 2)


def test_local_distance_leaves_others_alone():
    z = column(0, 1, 50).requires_grad_()
    (slope,) = torch.autograd.grad(LocalDistance(scale=FixedScale())(z, column(0, 2, 3), edges_of(3, (0, 1))), z)
    assert slope[1] < 0  # too near: pushed on
    assert slope[2] == 0


def test_stress_like_the_definition():
    z, x = normal(1, 7, 2), normal(0, 7, 4)
    for power in (0.0, 1.0):
        far = [(torch.dist(z[i], z[j]).item(), torch.dist(x[i], x[j]).item()) for i in range(7) for j in range(i)]
        weights = [b**-power for _, b in far]
        s = sum(w * a * b for w, (a, b) in zip(weights, far, strict=True))
        s /= sum(w * a * a for w, (a, _) in zip(weights, far, strict=True))
        wanted = np.mean([w * (s * a - b) ** 2 for w, (a, b) in zip(weights, far, strict=True)])
        assert Stress(power)(z, x).item() == pytest.approx(wanted)


def test_stress_leaves_equal_rows_out_where_they_would_weigh_infinitely():
    x, z = column(0, 0, 2), column(0, 5, 2)
    assert Stress(1.0, scale=FixedScale())(z, x).item() == pytest.approx((0 + 0.5 * 1) / 3)  # d_Z 2, 3 for 2, 2
    for power in (-1.0, math.nan):
        with pytest.raises(SpecError, match="Stress wants a finite power ≥ 0"):
            Stress(power)


def test_signature_like_the_definition():
    z, x = normal(1, 12, 2), normal(0, 12, 20)
    far_z, far_x = torch.cdist(z, z), torch.cdist(x, x)
    total = 0.0
    for matrix in (far_x, far_z):
        first, second = spanning_tree(matrix.numpy()).edges.T
        total += 0.5 * (far_z[first, second] - far_x[first, second]).square().sum().item()
    assert Signature(scale=FixedScale())(z, x).item() == pytest.approx(total / 11)


def test_signature_sees_only_the_trees():
    x = column(0, 1, 3)
    z = column(0, 1, 2.5).requires_grad_()
    (slope,) = torch.autograd.grad(Signature(scale=FixedScale())(z, x), z)
    # both trees are 0–1–2; the second edge is 1.5 for 2: L = 2 · ½ · .25/2, slope 2 · ½ · 2 · (−.5)/2
    assert slope.flatten().tolist() == pytest.approx([0, 0.5, -0.5])


def test_rtd_lite_like_the_definition():
    z, x = normal(1, 15, 2), normal(0, 15, 6)
    far = [torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").numpy() for rows in (x, z)]
    pairs = np.triu_indices(15, 1)
    a, b = (m / np.sort(m[pairs])[math.ceil(0.9 * 105) - 1] for m in far)
    lengths = [spanning_tree(m).lengths.sum() for m in (a, b, np.minimum(a, b))]
    wanted = (lengths[0] + lengths[1]) / 2 - lengths[2]
    assert RTDLite()(z, x).item() == pytest.approx(wanted / 14)


def test_rtd_lite_asks_which_rows_merge():
    x = column(0, 1, 10, 11)
    assert RTDLite()(column(0, 1, 10, 11), x).item() == pytest.approx(0, abs=1e-12)
    swapped = RTDLite()(column(0, 10, 1, 11), x)  # the same two pairs, of other rows
    assert Signature(scale=FixedScale())(column(0, 10, 1, 11), x) > 0
    # unit 10 or 11; A: .1, .1, .9 and B alike; min joins all four at .1
    assert swapped.item() == pytest.approx((9 + 1 + 1 - 1 - 1 - 1) / 11 / 3)
    for quantile in (0.0, 1.1, math.nan):
        with pytest.raises(SpecError, match=r"RTDLite wants a quantile in \(0, 1\]"):
            RTDLite(quantile)


def test_pairing_carries_no_gradient_to_the_data():
    x = normal(0, 9, 3).requires_grad_()
    z = normal(1, 9, 2).requires_grad_()
    Signature()(z, x).backward()
    assert x.grad is None
    assert (z.grad != 0).any()


# ---------------------------------------------------------------- geodesics


def _semicircle(n: int) -> np.ndarray:
    angle = np.linspace(0, np.pi, n)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_geodesics_follow_the_data():
    x = _semicircle(101)
    along = LandmarkGeodesics(101, 2).fit(x, knn_graph(x, 2))
    distances = along(torch.tensor([0, 50, 100]))
    assert distances.tolist() == pytest.approx([math.pi / 2, math.pi, math.pi / 2], rel=1e-3)
    assert torch.dist(*torch.from_numpy(x[[0, 100]])).item() == pytest.approx(2)


def test_geodesics_are_never_too_long_and_nearly_right(rng: np.random.Generator):
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import shortest_path

    x = rng.uniform(size=(300, 2)).astype(np.float32)
    near = knn_graph(x, 8)
    lengths = csr_matrix((near.distances.ravel(), (np.repeat(np.arange(300), 8), near.indices.ravel())), (300, 300))
    truth = shortest_path(lengths.maximum(lengths.T), directed=False)[np.triu_indices(300, 1)]
    found = LandmarkGeodesics(300, 40).fit(x, near)(torch.arange(300)).numpy()
    assert (found <= truth * (1 + 1e-4)).all()
    assert np.mean(found / truth) > 0.95
    exact = LandmarkGeodesics(300, 300).fit(x, near)(torch.arange(300)).numpy()
    np.testing.assert_allclose(exact, truth, rtol=1e-4)


def test_components_keep_their_place():
    x = np.array([[0, 0], [1, 0], [2, 0], [10, 0], [11, 0], [12, 0]], dtype=np.float32)
    along = LandmarkGeodesics(6, 3).fit(x, knn_graph(x, 1))
    assert along(torch.tensor([0, 2, 3, 5])).tolist() == pytest.approx([2, 10, 12, 8, 10, 2])


def test_duplicates_have_no_distance():
    x = np.array([[0.0], [0.0], [1.0], [2.0]], dtype=np.float32)
    along = LandmarkGeodesics(4, 2).fit(x, knn_graph(x, 2))
    assert along(torch.tensor([0, 1, 3])).tolist() == pytest.approx([0, 2, 2])
    same = np.zeros((5, 2), np.float32)
    assert LandmarkGeodesics(5, 2).fit(same, knn_graph(same, 2))(torch.arange(5)).abs().max() < 1e-30


def test_stress_unrolls_with_geodesics():
    x = _semicircle(41)
    along = LandmarkGeodesics(41, 8).fit(x, knn_graph(x, 2))
    row = torch.tensor([3, 30, 12, 40, 0])
    line = row.float()[:, None]
    arc = torch.from_numpy(x)[row]
    assert Stress(geodesics=along)(line, arc, row) < 1e-6
    assert Stress(geodesics=along)(arc, arc, row) > 1e-3
    with pytest.raises(MissingInput, match=r"Stress with geodesics reads `row`, but the batch has none"):
        Stress(geodesics=along)(line, arc)


def test_bad_geodesics(unchecked: None):
    for rows, landmarks in ((3, 4), (3, 0), (0, 1)):
        with pytest.raises(SpecError, match=rf"wants 1 ≤ landmarks ≤ rows; got {landmarks} for {rows}"):
            LandmarkGeodesics(rows, landmarks)
    with pytest.raises(ShapeError, match=r"it is empty\. Call fit\(x, neighbours\) first"):
        LandmarkGeodesics(5, 2)(torch.arange(5))
    x = _semicircle(6)
    with pytest.raises(ShapeError, match=r"wants 5 rows and their graph; got 6 rows and a graph of 6"):
        LandmarkGeodesics(5, 2).fit(x, knn_graph(x, 2))


def test_the_table_is_part_of_the_state():
    x = _semicircle(20)
    fitted = Stress(geodesics=LandmarkGeodesics(20, 4).fit(x, knn_graph(x, 2)))
    again = Stress(geodesics=LandmarkGeodesics(20, 4))
    again.load_state_dict(fitted.state_dict())
    z, row = torch.randn(20, 2), torch.arange(20)
    assert torch.equal(again(z, torch.from_numpy(x), row), fitted(z, torch.from_numpy(x), row))


def test_lengths_on_a_ball_are_those_there():
    """Rows at 0, ½ and −½ of a line of the ball of curvature −1: log 3 and 2 log 3 apart."""
    ball, z = PoincareBall(), torch.tensor([[0.0], [0.5], [-0.5]])
    x = math.log(3.0) * torch.tensor([[0.0], [1.0], [-1.0]])
    edges = edges_of(3, (0, 1), (1, 2))
    assert float(Stress(scale=FixedScale(), geometry=ball)(z, x)) == pytest.approx(0.0, abs=1e-12)
    assert float(Stress(scale=FixedScale())(z, x)) > 0.1
    assert float(LocalDistance(scale=FixedScale(), geometry=ball)(z, x, edges)) == pytest.approx(0.0, abs=1e-12)
    only = edges_of(3, (0, 1))
    assert float(Triplet(0.5, geometry=ball)(z, only)) == pytest.approx(0.25)  # row 0 lacks ½, row 1 has log 3 more


def test_components_and_shapes_of_a_ball_are_those_there():
    """0, ½ and 4/5 lie at 0, log 3 and log 9 of a line of the ball; in flat space the second gap is the smaller one."""
    ball, z = PoincareBall(), torch.tensor([[0.0], [0.5], [0.8]], dtype=torch.float64)
    x = math.log(3.0) * torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64)
    assert float(Signature(scale=FixedScale(), geometry=ball)(z, x)) == pytest.approx(0.0, abs=1e-12)
    assert float(RTDLite(geometry=ball)(z, x)) == pytest.approx(0.0, abs=1e-12)
    missed = math.log(3) - 0.5, math.log(3) - 0.3
    assert float(Signature(scale=FixedScale())(z, x)) == pytest.approx((missed[0] ** 2 + missed[1] ** 2) / 2)
    far = torch.tensor([[0.0], [math.tanh(1.0)], [-math.tanh(1.0)]], dtype=torch.float64)  # 2, 2 and 4 apart
    even = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]], dtype=torch.float64)  # 1 apart
    assert float(RTDLite(1.0, geometry=ball)(far, even)) == pytest.approx((1 + 0.5) / 2 - 0.5)


@pytest.mark.parametrize("make", [lambda space: Signature(geometry=space), lambda space: RTDLite(geometry=space)])
def test_gradient_on_a_ball_against_differences(make):
    x, z = normal(3, 6, 3), 0.2 * normal(4, 6, 2)
    assert torch.autograd.gradcheck(lambda z: make(PoincareBall(2.0))(z, x), z.requires_grad_())
