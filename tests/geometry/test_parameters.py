from __future__ import annotations

import copy

from torch import nn

from latentatlas.geometry import Euclidean, PoincareBall, curved_parameters
from latentatlas.landscape import DistanceScore, DotScore, PrototypeBank


def test_curved_ones_are_found_inside_and_flat_ones_are_not():
    ball = PoincareBall()
    curved = PrototypeBank(3, 2, score=DistanceScore(geometry=ball))
    flat = [PrototypeBank(3, 2, score=score) for score in (DotScore(), DistanceScore(geometry=Euclidean()))]
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(curved), *flat)
    assert curved_parameters(model) == {curved.prototypes: ball}
    assert len(curved_parameters(copy.deepcopy(model).double())) == 1
    assert curved_parameters(nn.Sequential(*flat)) == {}
