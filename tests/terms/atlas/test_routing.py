from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import Charts, MissingInput, ShapeError, SpecError
from latentatlas.terms import ChartReconstruction, OverlapBand, RoutingConsistency, RoutingEntropy


def test_reconstruction_is_the_mean_error_of_the_charts_not_that_of_the_blend():
    x = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    decoded = torch.tensor([[[0.0, 0.0], [2.0, 2.0]], [[3.0, 0.0], [0.0, 0.0]]])
    charts = Charts(torch.tensor([[0.5, 0.5], [0.2, 0.8]]), decoded=decoded)
    # errors 1, 1 and 4.5, 0: the blend of the first row would be exact
    assert float(ChartReconstruction()(x, charts)) == pytest.approx((1 + 0.2 * 4.5) / 2)
    assert float(ChartReconstruction(3.0)(x, charts)) == pytest.approx((1 + 0.2 * 4.5) / 18)
    weighted = ChartReconstruction()(x, charts, weight=torch.tensor([3.0, 1.0]))
    assert float(weighted) == pytest.approx((3 + 0.9) / 4)
    assert float(ChartReconstruction()(x, charts, weight=torch.zeros(2))) == 0


def test_memberships_of_decoded_charts_are_scaled_to_one():
    charts = Charts(
        torch.tensor([[0.5, 0.3, 0.2]]), shown=torch.tensor([[2, 1]]), decoded=torch.tensor([[[1.0], [2.0]]])
    )
    assert float(ChartReconstruction()(torch.zeros(1, 1), charts)) == pytest.approx((0.2 * 1 + 0.3 * 4) / 0.5)


def test_images_keep_their_axes():
    x, decoded = torch.randn(4, 3, 2), torch.randn(4, 5, 3, 2)
    charts = Charts(torch.randn(4, 5).softmax(dim=1), decoded=decoded)
    flat = charts._replace(decoded=decoded.flatten(2))
    torch.testing.assert_close(ChartReconstruction()(x, charts), ChartReconstruction()(x.flatten(1), flat))


def test_the_slope_on_a_membership_is_the_error_of_its_chart():
    weights = torch.tensor([[0.4, 0.6]], requires_grad=True)
    ChartReconstruction()(torch.zeros(1, 1), Charts(weights, decoded=torch.tensor([[[1.0], [3.0]]]))).backward()
    torch.testing.assert_close(weights.grad, torch.tensor([[1.0, 9.0]]))


def test_entropy_of_even_and_of_decided_rows():
    assert float(RoutingEntropy()(Charts(torch.full((3, 4), 0.25)))) == pytest.approx(math.log(4))
    assert float(RoutingEntropy()(Charts(torch.eye(3)))) == pytest.approx(0, abs=1e-6)
    assert float(RoutingEntropy()(Charts(torch.ones(5, 1)))) == 0


def test_minimising_entropy_decides():
    logits = torch.tensor([[0.1, 0.0]], requires_grad=True)
    RoutingEntropy()(Charts(logits.softmax(dim=1))).backward()
    assert logits.grad[0, 0] < 0 < logits.grad[0, 1]


def test_the_overlap_band_looks_at_border_rows_from_both_sides():
    weights = torch.tensor([[0.52, 0.46, 0.02], [0.97, 0.02, 0.01], [0.99, 0.01, 0.0], [1.0, 0.0, 0.0]])
    assert float(OverlapBand(0.1, 0.3, share=0.25)(Charts(weights))) == pytest.approx(0.16)
    assert float(OverlapBand(0.1, share=0.5)(Charts(weights))) == pytest.approx(0.08 / 2)
    assert float(OverlapBand(0.1, share=0.5)(Charts(weights[:1]))) == 0
    assert float(OverlapBand()(Charts(torch.ones(4, 1)))) == 0


def test_the_overlap_band_undoes_sharp_routing():
    logits = torch.tensor([[5.0, 0.0], [9.0, 0.0]], requires_grad=True)
    OverlapBand(0.2, share=0.5)(Charts(logits.softmax(dim=1))).backward()
    assert logits.grad[0, 0] > 0 > logits.grad[0, 1]
    assert (logits.grad[1] == 0).all()


def test_consistency_is_a_divergence_that_teaches_the_decoder_alone():
    own = torch.tensor([[0.5, 0.5]], requires_grad=True)
    read = torch.tensor([[0.25, 0.75]], requires_grad=True)
    value = RoutingConsistency()(Charts(own, decoder_weights=read))
    assert float(value.detach()) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    value.backward()
    assert own.grad is None
    torch.testing.assert_close(read.grad, torch.tensor([[-2.0, -2 / 3]]))
    hard = Charts(torch.tensor([[1.0, 0.0]]), decoder_weights=torch.tensor([[0.25, 0.75]]))
    assert float(RoutingConsistency()(hard)) == pytest.approx(math.log(4))


def test_wrong_input(unchecked: None):
    weights = torch.full((2, 2), 0.5)
    with pytest.raises(MissingInput, match=r"reads `charts\.decoded`, but the model gives none \(there are: weights\)"):
        ChartReconstruction()(torch.zeros(2, 1), Charts(weights))
    with pytest.raises(MissingInput, match=r"reads `charts\.decoder_weights`"):
        RoutingConsistency()(Charts(weights))
    with pytest.raises(ShapeError, match=r"wants patterns \(2, 3\) decoded by each chart; got \(2, 2, 1\)"):
        ChartReconstruction()(torch.zeros(2, 3), Charts(weights, decoded=torch.zeros(2, 2, 1)))
    with pytest.raises(SpecError, match="finite scale > 0; got 0"):
        ChartReconstruction(0.0)
    for bad in ((-0.1, 0.5, 0.2), (0.3, 0.2, 0.2), (0.1, 0.6, 0.2), (0.1, 0.5, 0.0), (0.1, 0.5, 1.1)):
        with pytest.raises(SpecError, match="OverlapBand wants 0 ≤ low ≤ high ≤ ½ and 0 < share ≤ 1"):
            OverlapBand(bad[0], bad[1], share=bad[2])
