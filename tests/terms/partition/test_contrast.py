"""The baselines, and modalities that are to agree."""

from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.terms import ModalityContrast, NTXent, Prediction, Rebind, VICReg


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_ntxent_row_by_row():
    z, z_view = normal(0, 5, 3), normal(1, 5, 3)
    units = torch.nn.functional.normalize(torch.cat([z, z_view]))
    total = 0.0
    for i in range(10):
        view = (i + 5) % 10
        others = [math.exp(float(units[i] @ units[k]) / 0.2) for k in range(10) if k != i]
        total -= math.log(math.exp(float(units[i] @ units[view]) / 0.2) / sum(others))
    assert NTXent(0.2)(z, z_view).item() == pytest.approx(total / 10)


def test_ntxent_of_a_collapsed_latent_is_that_of_a_guess():
    one = torch.ones(7, 3)
    assert NTXent()(one, one).item() == pytest.approx(math.log(13))


def test_vicreg_part_by_part():
    z, z_view = normal(0, 30, 3), normal(1, 30, 3)
    alone = {"agree": 0.0, "spread": 0.0, "uncorrelated": 0.0}
    assert VICReg(**(alone | {"agree": 1.0}))(z, z_view).item() == pytest.approx((z - z_view).square().mean().item())
    hinge = sum(torch.relu(2 - (each.var(dim=0) + 1e-4).sqrt()).mean() / 2 for each in (z, z_view))
    assert VICReg(**(alone | {"spread": 1.0}), target=2.0)(z, z_view).item() == pytest.approx(hinge.item())
    off = 0.0
    for each in (z, z_view):
        covariance = torch.cov(each.T)
        off += (covariance - covariance.diagonal().diag()).square().sum().item() / 3
    assert VICReg(**(alone | {"uncorrelated": 1.0}))(z, z_view).item() == pytest.approx(off)


def test_plain_augmentation_is_the_task_on_the_view():
    term = Rebind(Prediction(), {"prediction": "prediction_view"})
    logits, label = normal(0, 6, 3), torch.arange(6) % 3
    fields = {"prediction": 0 * logits, "prediction_view": logits, "label": label}
    assert term(**term.bind(fields)).item() == Prediction()(logits, label).item()


def test_modalities_agree_or_not():
    rows = torch.eye(4, dtype=torch.float64)
    own = ModalityContrast(0.5)({"a": rows, "b": 3 * rows})
    assert own.item() == pytest.approx(math.log(1 + 3 * math.exp(-2)))
    assert ModalityContrast(0.5)({"a": rows, "b": rows.roll(1, 0)}) > own
    assert ModalityContrast()({"a": rows[:1].expand(4, -1), "b": rows[:1].expand(4, -1)}).item() == pytest.approx(
        math.log(4)
    )
    three = ModalityContrast()({"a": rows, "b": rows, "c": -rows})
    pairs = [ModalityContrast()({"a": x, "b": y}) for x, y in ((rows, rows), (rows, -rows), (rows, -rows))]
    assert three.item() == pytest.approx(sum(pair.item() for pair in pairs) / 3)


def test_the_slope_of_modalities_is_that_of_finite_differences():
    a, b = normal(0, 5, 3).requires_grad_(), normal(1, 5, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: ModalityContrast()({"a": a, "b": b}), (a, b))


def test_bad_input():
    row = torch.ones(1, 2)
    for term in (NTXent(), VICReg()):
        with pytest.raises(ShapeError, match="at least 2 rows"):
            term(row, row)
    with pytest.raises(ShapeError, match="at least 2 rows"):
        ModalityContrast()({"a": row, "b": row})
    with pytest.raises(DataError, match="two modalities"):
        ModalityContrast()({"a": torch.ones(3, 2)})
    for make in (lambda: NTXent(0.0), lambda: ModalityContrast(-1.0), lambda: VICReg(agree=-1.0)):
        with pytest.raises(SpecError):
            make()
