from __future__ import annotations

import pytest
import torch

from latentatlas.core import SpecError
from latentatlas.terms import LipschitzBound, Orthogonality


def test_isometries_cost_nothing_wide_or_tall():
    wide = torch.linalg.qr(torch.randn(5, 3)).Q.T
    for matrices in ([wide], [wide.T], [torch.eye(4)], [wide, wide.T.repeat(2, 1, 1)]):
        assert float(Orthogonality()(lambda matrices=matrices: matrices)) == pytest.approx(0, abs=1e-9)


def test_the_defect_by_hand():
    """Gram matrices diag(4, 1) and 9: defects 9 and 64."""
    stacks = [torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([[0.0], [3.0]])]
    assert float(Orthogonality()(lambda: stacks)) == pytest.approx((9 + 64) / 2)
    assert float(Orthogonality()(lambda: [torch.zeros(2, 3)])) == 2


def test_slopes_of_both_terms_are_right():
    stack = torch.randn(2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for term in (Orthogonality(), LipschitzBound(0.5)):
        assert torch.autograd.gradcheck(lambda value, term=term: term(lambda: [value]), stack)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
def test_descent_ends_at_an_isometry(shape: tuple[int, int]):
    torch.manual_seed(0)
    weight = torch.randn(*shape, requires_grad=True)
    optimiser = torch.optim.Adam([weight], lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        Orthogonality()(lambda: [weight]).backward()
        optimiser.step()
    torch.testing.assert_close(torch.linalg.svdvals(weight.detach()), torch.ones(2), atol=1e-2, rtol=0)


def test_the_bound_is_on_the_largest_singular_value_and_sums():
    stacks = [torch.diag(torch.tensor([3.0, 9.0])).repeat(2, 1, 1), torch.tensor([[0.0, 0.5]])]
    assert float(LipschitzBound(4.0)(lambda: stacks)) == pytest.approx(2 * 25)
    assert float(LipschitzBound(9.0)(lambda: stacks)) == pytest.approx(0, abs=1e-9)


def test_zero_matrices_have_finite_slopes():
    weight = torch.zeros(2, 3, requires_grad=True)
    (Orthogonality()(lambda: [weight]) + LipschitzBound()(lambda: [weight])).backward()
    assert torch.isfinite(weight.grad).all()


def test_wrong_input():
    with pytest.raises(SpecError, match="LipschitzBound wants a finite bound > 0; got 0"):
        LipschitzBound(0.0)
