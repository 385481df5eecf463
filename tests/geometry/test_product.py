from __future__ import annotations

import pytest
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.geometry import Euclidean, PoincareBall, ProductGeometry

SPACE = ProductGeometry([PoincareBall(), Euclidean()], [1, 2])


def test_by_hand():
    away = float(PoincareBall().dist(torch.tensor([0.0]), torch.tensor([0.5])))
    found = SPACE.dist(torch.zeros(3), torch.tensor([0.5, 3.0, 4.0]))
    assert float(found) == pytest.approx((away**2 + 25) ** 0.5)
    assert SPACE.project(torch.tensor([7.0, 7.0, 7.0]))[1:].tolist() == [7.0, 7.0]
    assert float(SPACE.project(torch.tensor([7.0, 7.0, 7.0]))[0]) < 1


def test_wrong_sizes():
    with pytest.raises(SpecError, match=r"a size ≥ 1 for every factor; got 2 factor\(s\) and the sizes \[1\]"):
        ProductGeometry([Euclidean(), Euclidean()], [1])
    with pytest.raises(SpecError, match="a size ≥ 1"):
        ProductGeometry([], [])
    with pytest.raises(SpecError, match="a size ≥ 1"):
        ProductGeometry([Euclidean()], [0])
    with pytest.raises(ShapeError, match=r"wants 3 coordinates, the blocks \[1, 2\]; got 4"):
        SPACE.dist(torch.zeros(4), torch.zeros(4))
