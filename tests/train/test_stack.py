from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentatlas.core import Batch, Latents, ShapeError, SpecError
from latentatlas.models import Autoencoder, ChartBlock, MLPEncoder, StackedAutoencoder, charted_autoencoder
from latentatlas.terms import ChartReconstruction, Objective, Reconstruction
from latentatlas.train import Recipe, RowBatches, fit, fit_stack, stack_report


def planes(n: int = 300) -> Tensor:
    """Three directions of falling size in eight columns, with a little noise."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(n, 3, generator=generator) * torch.tensor([4.0, 2.0, 1.0])
    return (
        5
        + scores @ torch.linalg.qr(torch.randn(8, 3, generator=generator))[0].T
        + 0.02 * torch.randn(n, 8, generator=generator)
    )


def block() -> nn.Module:
    return Autoencoder(MLPEncoder(8, 1, hidden=(), spread=1.0, noise=0.0))


class Says(nn.Module):
    """A block that says a fixed share of what it reads, with a weight that nothing moves."""

    def __init__(self, share: float):
        super().__init__()
        self.share = share
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, batch: Batch) -> Latents:
        return Latents(batch.x[:, :1], recon=batch.x * self.share + 0 * self.weight)


def test_the_rule_keeps_blocks_until_one_explains_too_little():
    for shares, kept, explained in (
        ([0.5, 0.2, 0.01, 0.9], 2, [0.75, 0.36, 0.0199]),
        ([0.01, 0.5, 0.0], 2, [0.0199, 0.75, 0.0]),  # the first is kept whatever it does
        ([0.5, 0.5], 2, [0.75, 0.75]),
    ):
        left = list(shares)
        grown = fit_stack(lambda left=left: Says(left.pop(0)), planes(), Recipe(1), least=0.05, most=len(shares))
        assert len(grown.stack.blocks) == kept
        assert grown.explained == pytest.approx(explained, abs=1e-5)
        assert len(grown.histories) == len(explained)
        torch.testing.assert_close(grown.stack.scales, torch.tensor([1 - share for share in shares[:kept]]))


def test_less_is_left_with_every_block():
    torch.manual_seed(0)
    x, aside = planes().split(200)
    grown = fit_stack(block, x, Recipe(80, rate=0.03), held_out=aside, least=0.0, most=3)
    left = [report.left for report in stack_report(grown.stack, aside)]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.1


def test_reports_by_hand():
    class Halves(nn.Module):
        def forward(self, batch: Batch) -> Latents:
            return Latents(batch.x[:, :1], recon=batch.x * torch.tensor([0.5, 0.0]))

    x = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    stack = StackedAutoencoder([Halves(), Halves()], 2)
    stack.adapt(x)
    first, second = stack_report(stack, x)
    assert first.explained == pytest.approx(1 - (0.25 + 1) / 2)
    assert first.left == pytest.approx(0.625)
    assert first.scale == pytest.approx(0.625**0.5)
    assert first.condition == pytest.approx(2.0)  # ½ along one axis, 1 along the other
    np.testing.assert_allclose(first.spectrum, [0.8, 0.2], rtol=1e-6)
    assert second.left == pytest.approx((1 + 1 / 16) / 2)
    assert second.explained == pytest.approx(1 - second.left / first.left)


def test_blocks_that_are_there_do_not_change_and_all_may_be_trained_on_together():
    torch.manual_seed(0)
    x = planes()
    grown = fit_stack(block, x, Recipe(40, rate=0.03), least=0.0, most=2)
    before = stack_report(grown.stack, x)[-1].left
    first = grown.stack.blocks[0]
    with torch.no_grad():
        read = grown.stack.stem(x)
        assert torch.equal(grown.stack.peel(x).explained[0], first(Batch(read)).recon)
    fit(grown.stack, Objective({"recon": Reconstruction()}), RowBatches(Batch(x), size=100), Recipe(80, rate=0.01))
    assert stack_report(grown.stack, x)[-1].left < before
    assert torch.isfinite(grown.stack.scales).all()


def test_blocks_of_charts():
    torch.manual_seed(0)
    objective = lambda: Objective({"recon": Reconstruction(), "charts": ChartReconstruction()})  # noqa: E731
    x = planes()
    grown = fit_stack(
        lambda: ChartBlock(charted_autoencoder(8, 1, charts=3, codes=4, width=8)),
        x,
        Recipe(60, rate=0.01),
        objective=objective,
        least=0.0,
        most=2,
    )
    first, second = stack_report(grown.stack, x, jacobians=4)
    assert second.left < first.left < 1
    assert first.condition >= 1


def test_constant_rows_keep_one_block():
    grown = fit_stack(block, torch.ones(20, 8), Recipe(3))
    assert len(grown.stack.blocks) == 1
    assert grown.explained[0] == 0.0
    (report,) = stack_report(grown.stack, torch.ones(4, 8))
    assert report.left == 0.0
    assert np.isfinite(report.spectrum).all()


def test_depth_one_is_the_block_itself():
    torch.manual_seed(0)
    x = planes(60)
    grown = fit_stack(block, x, Recipe(20), most=1)
    (report,) = stack_report(grown.stack, x)
    assert report.left == pytest.approx(1 - report.explained)
    assert report.scale**2 == pytest.approx(report.left, rel=1e-4)


def test_no_rows():
    with pytest.raises(ShapeError, match=r"^fit_stack wants rows to train on and to judge by; got 20 and 0\."):
        fit_stack(block, planes(20), Recipe(3), held_out=planes(20)[:0])
    with pytest.raises(ShapeError, match=r"got 0 and the same\."):
        fit_stack(block, planes(20)[:0], Recipe(3))
    grown = fit_stack(block, planes(20), Recipe(3), most=1)
    with pytest.raises(ShapeError, match=r"^stack_report wants rows to judge a stack by; got none\."):
        stack_report(grown.stack, planes(20)[:0])


@pytest.mark.parametrize("wrong", [{"least": 1.0}, {"least": -0.1}, {"most": 0}])
def test_wrong_settings(wrong: dict):
    with pytest.raises(SpecError, match="fit_stack wants 0 ≤ least < 1 and most ≥ 1"):
        fit_stack(block, planes(20), Recipe(3), **wrong)
