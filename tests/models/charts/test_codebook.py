from __future__ import annotations

import pytest
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import Geometry, PoincareBall, frechet_mean
from latentatlas.models import ChartCodebook


def book_at(
    places: list[list[float]], *, decay: float = 0.5, dead: float = 0.0, geometry: Geometry | None = None
) -> ChartCodebook:
    """Charts of one axis with codes at these places, one row on each."""
    where = torch.tensor(places)[..., None]
    book = ChartCodebook(len(places), len(places[0]), 1, decay=decay, dead=dead, geometry=geometry)
    book.places, book.usage, book.sums = where, torch.ones(where.shape[:2]), where.clone()
    book.started.fill_(True)
    return book


def test_each_chart_has_its_own_nearest_code():
    torch.manual_seed(0)
    book = ChartCodebook(3, 5, 2)
    book.places = torch.randn(3, 5, 2)
    local = torch.randn(20, 3, 2)
    code, place = book(local)
    for k in range(3):
        nearest = torch.cdist(local[:, k], book.places[k]).argmin(dim=1)
        assert torch.equal(code[:, k], nearest)
        assert torch.equal(place[:, k], book.places[k, nearest])
    assert not place.requires_grad


@pytest.mark.parametrize("geometry", [None, PoincareBall(0.01)])
def test_a_moving_average_counts_rows_by_membership(geometry):
    """A line of a ball, in its lengths from the centre, is a line: curved and flat averages are the same."""
    book = book_at([[0.0, 10.0], [0.0, 10.0]], geometry=geometry)
    rows = torch.tensor([[[2.0], [2.0]], [[4.0], [4.0]]])
    book.learn(rows, torch.tensor([[1.0, 0.0], [3.0, 0.0]]))
    # chart 0: usage ½ + ½ · 4 = 2.5, sum ½ · 0 + ½ · (2 + 12) = 7; chart 1 has no rows
    torch.testing.assert_close(book.places[0, 0], torch.tensor([7 / 2.5]))
    torch.testing.assert_close(book.places[0, 1], torch.tensor([10.0]))
    torch.testing.assert_close(book.places[1].flatten(), torch.tensor([0.0, 10.0]))


def test_it_begins_by_kmeans_within_charts():
    torch.manual_seed(0)
    groups = torch.tensor([-6.0, 0.0, 6.0]).repeat(30)[:, None] + 0.1 * torch.randn(90, 1)
    local = torch.stack([groups, 100 + groups], dim=1)
    weights = torch.ones(90, 2)
    weights[groups[:, 0] > 3, 0] = 0  # chart 0 has two groups only
    book = ChartCodebook(2, 3, 1)
    book.learn(local, weights)
    own = book.places[1].flatten().sort().values
    torch.testing.assert_close(own, torch.tensor([94.0, 100.0, 106.0]), atol=0.1, rtol=0)
    assert (book.places[0] < 3).all()


def test_a_dead_code_moves_to_a_row_of_its_chart():
    book = book_at([[0.0, 50.0]], decay=0.0, dead=0.1)
    rows = torch.tensor([0.0, 1.0, 2.0, 90.0])[:, None, None]
    book.learn(rows, torch.tensor([[1.0], [1.0], [1.0], [0.0]]))
    assert float(book.places[0, 1]) in (0.0, 1.0, 2.0)
    for _ in range(20):
        book.learn(rows, torch.tensor([[1.0], [1.0], [1.0], [0.0]]))
    assert len(book(rows[:3])[0].unique()) == 2


def test_more_codes_than_rows_and_a_chart_without_rows():
    book = ChartCodebook(2, 8, 2)
    rows = torch.randn(3, 2, 2)
    everyone = torch.tensor([1.0, 0.0]).repeat(3, 1)
    for _ in range(5):
        book.learn(rows, everyone)
    torch.testing.assert_close(book(rows)[1][:, 0], rows[:, 0])
    assert torch.isfinite(book.places).all()


def test_reading_changes_nothing():
    book = book_at([[0.0, 4.0]])
    before = book.places.clone()
    book.train()(torch.randn(9, 1, 1))
    assert torch.equal(book.places, before)


def test_wrong_input(unchecked: None):
    with pytest.raises(ShapeError, match=r"ChartCodebook wants rows of 2 charts × 3 axes; got \(2, 1\)"):
        ChartCodebook(2, 4, 3)(torch.zeros(5, 2, 1))
    with pytest.raises(SpecError, match=r"wants 0 ≤ decay < 1 and 0 ≤ dead < 1; got 1\.0"):
        ChartCodebook(2, 4, 3, decay=1.0)
    with pytest.raises(SpecError, match="codes made of integers ≥ 1; got 0"):
        ChartCodebook(2, 0, 3)


def test_the_nearest_code_of_a_ball_is_up_the_branch_and_not_beside_it():
    """At 4 from the centre a step of half a radian is 5.2 long; towards the centre 2 are 2."""
    angle = torch.tensor(0.5)
    places = torch.stack([torch.stack([2 * angle.cos(), 2 * angle.sin()]), torch.tensor([1.0, 0.0])])[None]
    row = torch.tensor([[[2.0, 0.0]]])
    for geometry, wanted in ((None, 0), (PoincareBall(), 1)):
        book = ChartCodebook(1, 2, 2, geometry=geometry)
        book.places = places
        assert int(book(row)[0]) == wanted


def test_one_code_of_a_ball_goes_to_the_mean_of_its_rows_there():
    ball, torch_rows = PoincareBall(), torch.randn(40, 2, generator=torch.Generator().manual_seed(0)).double()
    book = ChartCodebook(1, 1, 2, decay=0.0, geometry=ball).double()
    for _ in range(20):
        book.learn(torch_rows[:, None], torch.ones(40, 1).double())
    wanted = ball.vector(frechet_mean(ball.point(torch_rows), ball))
    torch.testing.assert_close(book.places[0, 0], wanted, atol=1e-5, rtol=0)
    assert (wanted - torch_rows.mean(dim=0)).norm() > 0.01


def test_codes_of_a_ball_begin_in_its_groups_and_stay_in_reach():
    torch.manual_seed(0)
    ways = torch.tensor([[3.0, 0.0], [-1.5, 2.6], [-1.5, -2.6]]).repeat(30, 1)
    rows = (ways + 0.005 * torch.randn(90, 2))[:, None]  # a third of a unit across, six from the centre
    book = ChartCodebook(1, 3, 2, decay=0.5, geometry=PoincareBall())
    for _ in range(5):
        book.learn(rows, torch.ones(90, 1))
    apart = torch.cdist(ways[:3], book.places[0]).amin(dim=1)
    assert (apart < 0.05).all()
    far = book(1e3 * rows)[1]
    assert torch.isfinite(far).all()
