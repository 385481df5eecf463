from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from latentatlas.build import build
from latentatlas.core import LatentLayout, ShapeError, SpecError, to_spec

NESTED = LatentLayout(invariant=3, variant={"turn": 2, "scale": 0, "shift": 1}, free=2)


def test_blocks_follow_each_other_and_cover_every_axis():
    z = np.arange(16).reshape(2, 8)
    assert NESTED.dim == 8
    assert list(NESTED.sizes) == ["invariant", "variant.turn", "variant.scale", "variant.shift", "free"]
    np.testing.assert_array_equal(np.concatenate(list(NESTED.blocks(z).values()), axis=1), z)
    np.testing.assert_array_equal(NESTED.block(z, "variant"), z[:, 3:6])
    np.testing.assert_array_equal(NESTED.block(z, "variant.shift"), z[:, 5:6])
    assert NESTED.parts == ("variant.turn", "variant.shift")
    assert [NESTED.size(name) for name in ("invariant", "variant", "variant.scale", "free")] == [3, 3, 0, 2]


def test_names_of_axes():
    assert LatentLayout(invariant=1, variant=2).axes() == ("invariant0", "variant0", "variant1")
    assert len(NESTED.axes()) == len(set(NESTED.axes())) == 8


@pytest.mark.parametrize("layout", [LatentLayout(invariant=4), LatentLayout(variant=2), LatentLayout(free=1), NESTED])
def test_empty_blocks_are_there_and_empty(layout: LatentLayout):
    blocks = layout.blocks(torch.zeros(5, layout.dim))
    assert {name: block.shape[1] for name, block in blocks.items()} == layout.sizes


def test_specification_round_trip():
    assert build(json.loads(json.dumps(to_spec(NESTED)))) == NESTED


def test_sizes_that_do_not_sum_to_the_latent():
    with pytest.raises(ShapeError, match=r"^Atlas wants blocks that sum to the 9 axes .*; inv.* sums to 8\."):
        NESTED.require(9, who="Atlas")
    with pytest.raises(ShapeError, match="sums to 8"):
        NESTED.block(np.zeros((2, 7)), "free")


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"invariant": -1}, "invariant as an integer"),
        ({"free": 1.5}, "free as an integer"),
        ({"variant": True}, "variant as an integer"),
        ({"variant": {"turn": "2"}}, r"variant\.turn as an integer"),
        ({"variant": {"a.b": 2}}, "free of dots"),
        ({"variant": {"": 2}}, "free of dots"),
        ({}, "at least one axis"),
    ],
)
def test_bad_sizes(unchecked: None, sizes: dict, message: str):
    with pytest.raises(SpecError, match=message):
        LatentLayout(**sizes)


def test_a_block_that_there_is_not():
    with pytest.raises(SpecError, match=r"no block 'varient'. Did you mean 'variant'\?"):
        LatentLayout(invariant=1, variant=1).slice("varient")
    with pytest.raises(SpecError, match=r"There are|Did you mean"):
        NESTED.size("variant.tilt")


def test_blocks_of_a_latent_with_other_axes():
    with pytest.raises(ShapeError, match=r"LatentLayout\.blocks wants blocks that sum to the 3 axes"):
        LatentLayout(invariant=2).blocks(np.zeros((1, 3)))
