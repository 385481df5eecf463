from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import DataError, ShapeError
from latentatlas.terms import LogLoss, Prediction, Risk, SquaredError

CASES = {
    "numbers": (SquaredError(), (7,), torch.linspace(-1, 1, 7, dtype=torch.float64)),
    "two columns": (SquaredError(), (7, 2), torch.linspace(-1, 1, 14, dtype=torch.float64).reshape(7, 2)),
    "a column for numbers": (SquaredError(), (7, 1), torch.linspace(-1, 1, 7, dtype=torch.float64)),
    "three classes": (LogLoss(), (7, 3), torch.arange(7) % 3),
    "one logit": (LogLoss(), (7,), torch.arange(7) % 2),
    "a column of logits": (LogLoss(), (7, 1), torch.arange(7) % 2),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def predicted(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@every_case
def test_the_slope_is_the_derivative_by_the_scale(case: tuple[Risk, tuple[int, ...], torch.Tensor]):
    risk, shape, label = case
    prediction = predicted(shape)
    scale = torch.ones(len(prediction), dtype=torch.float64, requires_grad=True)
    scaled = scale.reshape(-1, *[1] * (len(shape) - 1)) * prediction
    (slope,) = torch.autograd.grad(risk(scaled, label).sum(), scale)
    torch.testing.assert_close(risk.slope(prediction, label), slope)
    step = 1e-6
    by_difference = (risk((1 + step) * prediction, label) - risk((1 - step) * prediction, label)) / (2 * step)
    torch.testing.assert_close(risk.slope(prediction, label), by_difference, atol=1e-6, rtol=1e-6)


@every_case
def test_the_residual_points_downhill(case: tuple[Risk, tuple[int, ...], torch.Tensor]):
    risk, shape, label = case
    prediction = predicted(shape)
    assert risk.residual(prediction, label).shape == prediction.shape
    better = prediction + 0.01 * risk.residual(prediction, label)
    assert (risk(better, label) < risk(prediction, label)).all()


def test_one_logit_says_what_two_say():
    logit, label = predicted((9,)), torch.arange(9) % 2
    two = torch.stack([torch.zeros_like(logit), logit], dim=1)
    risk = LogLoss()
    torch.testing.assert_close(risk(logit, label), risk(two, label))
    torch.testing.assert_close(risk.slope(logit, label), risk.slope(two, label))
    torch.testing.assert_close(risk.residual(logit, label), risk.residual(two, label)[:, 1])


def test_weights_by_hand():
    term = Prediction(SquaredError())
    prediction, label = torch.tensor([1.0, 3.0]), torch.zeros(2)
    assert term(prediction, label).item() == 5
    assert term(prediction, label, torch.tensor([3.0, 1.0])).item() == 3
    assert term(prediction, label, torch.zeros(2)).item() == 0
    assert Prediction()(torch.zeros(4, 5), torch.arange(4)).item() == pytest.approx(math.log(5))


@pytest.mark.parametrize(
    ("prediction", "label", "message"),
    [
        (torch.zeros(3, 2), torch.tensor([0, 1, 2]), r"^LogLoss wants classes from 0 to 1.*got 0 to 2\. Number"),
        (torch.zeros(3), torch.tensor([-1, 0, 1]), r"^LogLoss wants classes from 0 to 1.*got -1 to 1"),
        (torch.zeros(3, 2), torch.zeros(3), r"^LogLoss wants one integer class for each row; got float32"),
        (torch.zeros(3, 2), torch.zeros(3, 1, dtype=torch.long), r"got int64 of shape \(3, 1\)"),
    ],
)
def test_labels_that_are_no_classes(unchecked: None, prediction, label, message):
    with pytest.raises(DataError, match=message):
        Prediction()(prediction, label)


def test_numbers_of_another_shape():
    with pytest.raises(ShapeError, match=r"shaped like the prediction \(3, 2\); got \(3,\)"):
        Prediction(SquaredError())(torch.zeros(3, 2), torch.zeros(3))
