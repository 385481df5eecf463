"""Every transformation under the same laws."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch

from latentatlas.build import build
from latentatlas.core import ShapeError, SpecError, to_spec
from latentatlas.data import transformations as ts
from latentatlas.data.transformations import Transformation


class Case(NamedTuple):
    """A transformation, the shape of the items it takes, and how exactly its identity changes nothing."""

    make: Callable[[], Transformation]
    shape: tuple[int, ...]
    exact: bool = True


CASES = [
    Case(lambda: ts.WindowSlide(20, before=3, after=5), (2, 28)),
    Case(lambda: ts.CircularShift(-4, 9), (2, 20)),
    Case(lambda: ts.UniformRotation(), (6, 20)),
    Case(lambda: ts.AxisRotation((0.3, 0.0, 1.0)), (6, 20)),
    Case(lambda: ts.AmplitudeScaling(3.0), (2, 20)),
    Case(lambda: ts.AdditiveNoise(0.4), (2, 20)),
    Case(lambda: ts.BaselineWander(50.0, 0.5), (2, 20)),
    Case(lambda: ts.ChannelDropout(3, 0.5), (3, 20)),
    Case(lambda: ts.ImageRotation(), (2, 8, 8), exact=False),
    Case(lambda: ts.ImageShift(0.3), (2, 8, 6), exact=False),
    Case(lambda: ts.CropResize(0.4), (2, 8, 6), exact=False),
    Case(lambda: ts.BrightnessContrast(0.2, 2.0, colour=1.5, channels=2), (2, 8, 6), exact=False),
    Case(lambda: ts.CoordinateDropout(0.5), (30,)),
    Case(lambda: ts.Chain({"turn": ts.UniformRotation(), "noise": ts.AdditiveNoise(0.1)}), (6, 20)),
]
_IDS = [type(case.make()).__name__ for case in CASES]
every = pytest.mark.parametrize("case", CASES, ids=_IDS)


def _items(case: Case, n: int = 7) -> torch.Tensor:
    return torch.randn(n, *case.shape, generator=torch.Generator().manual_seed(1))


def _drawn(case: Case, n: int = 7) -> torch.Tensor:
    return case.make().sample(n, torch.Generator().manual_seed(2))


def test_the_table_is_complete():
    classes = {name for name in ts.__all__ if inspect.isclass(getattr(ts, name))}
    assert set(_IDS) == {name for name in classes if issubclass(getattr(ts, name), Transformation)} - {"Transformation"}


@every
def test_parameters_have_names_and_the_same_generator_draws_the_same(case: Case):
    names = case.make().parameter_names
    assert _drawn(case).shape == (7, len(names))
    assert len(set(names)) == len(names)
    assert set(case.make().readable) <= set(range(len(names)))
    assert torch.equal(_drawn(case), _drawn(case))
    assert len(_drawn(case).unique(dim=0)) > 1


@every
def test_the_identity_changes_nothing(case: Case):
    x, transformation = _items(case), case.make()
    same = transformation.apply(x, transformation.identity(7))
    wanted = x[..., 3:23] if isinstance(transformation, ts.WindowSlide) else x
    torch.testing.assert_close(same, wanted, **({"rtol": 0, "atol": 0} if case.exact else {"rtol": 1e-4, "atol": 1e-5}))


@every
def test_a_change_depends_on_its_item_and_parameters_alone(case: Case):
    x, parameters, transformation = _items(case), _drawn(case), case.make()
    copy = x.clone()
    whole = transformation.apply(x, parameters)
    assert torch.equal(x, copy), "items are not changed in place"
    torch.testing.assert_close(transformation.apply(x[[3]], parameters[[3]]), whole[[3]])
    assert not torch.equal(whole[3], transformation.apply(x[[3]], transformation.identity(1))[0])


@every
def test_calling_draws_applies_and_tells(case: Case):
    x, transformation = _items(case), case.make()
    changed, parameters = transformation(x, torch.Generator().manual_seed(2))
    assert torch.equal(changed, transformation.apply(x, parameters))
    assert changed.dtype == x.dtype
    torch.testing.assert_close(parameters, _drawn(case))


@every
def test_gradients_in_the_items(case: Case):
    x, parameters, transformation = _items(case, 2).double(), _drawn(case, 2).double(), case.make()
    assert torch.autograd.gradcheck(lambda rows: transformation.apply(rows, parameters), x.requires_grad_())


@every
def test_wrong_shapes_say_what_is_wanted(case: Case):
    x, parameters, transformation = _items(case), _drawn(case), case.make()
    with pytest.raises(ShapeError, match=r"parameters \(.*for 7 items"):
        transformation.apply(x, parameters[:-1])
    if not isinstance(transformation, ts.Chain):
        with pytest.raises(ShapeError, match="wants items as"):
            transformation.apply(x.reshape(7, *(1,) * 4, -1), parameters)


@every
def test_the_specification_comes_back(case: Case):
    transformation = case.make()
    again = build(json.loads(json.dumps(to_spec(transformation))))
    assert to_spec(again) == to_spec(transformation)
    assert torch.equal(again.apply(_items(case), _drawn(case)), transformation.apply(_items(case), _drawn(case)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ts.WindowSlide(0),
        lambda: ts.WindowSlide(5, before=-1),
        lambda: ts.CircularShift(2, 1),
        lambda: ts.UniformRotation(triads=((0, 1),)),
        lambda: ts.UniformRotation(triads=((0, 1, 2), (2, 3, 4))),
        lambda: ts.UniformRotation(triads=()),
        lambda: ts.AxisRotation((4.0, 0.0, 0.0)),
        lambda: ts.AmplitudeScaling(0.5),
        lambda: ts.AdditiveNoise(-1.0),
        lambda: ts.BaselineWander(10.0, 1.0, highest=6.0),
        lambda: ts.ChannelDropout(1),
        lambda: ts.ChannelDropout(3, 1.5),
        lambda: ts.ImageRotation(4.0),
        lambda: ts.ImageShift(-0.1),
        lambda: ts.CropResize(0.0),
        lambda: ts.BrightnessContrast(0.1, 0.5),
        lambda: ts.CoordinateDropout(1.5),
        lambda: ts.Chain({}),
    ],
)
def test_settings_that_are_none(make):
    with pytest.raises(SpecError, match="wants"):
        make()


def test_a_slide_reads_the_record_further_on():
    x = torch.arange(40.0).reshape(1, 1, 40).repeat(3, 2, 1)
    slid = ts.WindowSlide(30, before=4, after=6).apply(x, torch.tensor([[-4.0], [0.0], [6.0]]))
    assert slid[:, 1, 0].tolist() == [0, 4, 10]
    assert slid[:, 1, -1].tolist() == [29, 33, 39]
    with pytest.raises(ShapeError, match=r"items of 40 samples.*got 30.*room=\(4, 6\)"):
        ts.WindowSlide(30, before=4, after=6).apply(x[..., :30], torch.zeros(3, 1))
    with pytest.raises(ShapeError, match="room for slides from -4 to 6; got 7"):
        ts.WindowSlide(30, before=4, after=6).apply(x, torch.full((3, 1), 7.0))


def test_slides_and_shifts_reach_both_ends():
    drawn = ts.WindowSlide(5, before=2, after=3).sample(500, torch.Generator().manual_seed(0))
    assert sorted(drawn.unique().tolist()) == [-2, -1, 0, 1, 2, 3]


def test_rotations_are_rotations_and_uniform():
    turn = ts.UniformRotation()
    matrices = ts.as_matrices(turn.sample(4000, torch.Generator().manual_seed(0)))
    torch.testing.assert_close(matrices @ matrices.transpose(1, 2), torch.eye(3).expand(4000, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(4000))
    torch.testing.assert_close(ts.as_matrices(ts.as_six(matrices)), matrices)
    assert matrices.mean(dim=0).abs().max() < 0.04, "E R = 0"
    torch.testing.assert_close(matrices.square().mean(dim=0), torch.full((3, 3), 1 / 3), atol=0.02, rtol=0)
    angle = torch.arccos(((matrices.diagonal(dim1=1, dim2=2).sum(dim=1) - 1) / 2).clamp(-1, 1))
    assert angle.mean() == pytest.approx(math.pi / 2 + 2 / math.pi, abs=0.03), "Haar measure: π/2 + 2/π"


def test_all_triads_turn_together_and_other_channels_stay():
    x = torch.randn(5, 7, 11)
    turned, _ = ts.UniformRotation()(x, torch.Generator().manual_seed(0))
    torch.testing.assert_close(turned[:, 6], x[:, 6])
    torch.testing.assert_close(turned[:, :3].norm(dim=1), x[:, :3].norm(dim=1))
    dots = (x[:, :3] * x[:, 3:6]).sum(dim=1)
    torch.testing.assert_close((turned[:, :3] * turned[:, 3:6]).sum(dim=1), dots, atol=1e-5, rtol=1e-5)
    with pytest.raises(ShapeError, match=r"channels up to 5 .* have 3 channels"):
        ts.UniformRotation()(x[:, :3])


def test_axis_rotations_stay_within_their_limits_and_turn_by_the_right_hand():
    drawn = ts.AxisRotation((0.1, 0.0, 1.0)).sample(1000, torch.Generator().manual_seed(0))
    assert drawn.abs().amax(dim=0).tolist() == [pytest.approx(0.1, abs=0.01), 0.0, pytest.approx(1.0, abs=0.02)]
    one = ts.AxisRotation((math.pi,) * 3, triads=((0, 1, 2),))
    axes = torch.eye(3)[:, :, None]
    for axis in range(3):
        angle = torch.zeros(1, 3)
        angle[0, axis] = math.pi / 2
        turned = one.apply(axes[[(axis + 1) % 3]], angle)[0, :, 0]
        torch.testing.assert_close(turned, torch.eye(3)[(axis + 2) % 3], atol=1e-6, rtol=0)


def test_noise_is_normal_and_belongs_to_its_key():
    noise = ts.AdditiveNoise(1.0)
    made = noise.apply(torch.zeros(40, 5000), torch.cat([torch.ones(40, 1), torch.arange(40.0)[:, None]], dim=1))
    assert made.mean() == pytest.approx(0, abs=0.01)
    assert made.std() == pytest.approx(1, abs=0.01)
    assert (made.abs() < 1.96).float().mean() == pytest.approx(0.95, abs=0.003)
    assert torch.corrcoef(made).fill_diagonal_(0).abs().max() < 0.07, "keys are independent"
    centred = made - made.mean()
    for lag in (1, 2, 2500):
        assert (centred[:, lag:] * centred[:, :-lag]).mean().abs() < 0.015


def test_dropout_loses_its_share_and_one_channel_stays():
    dropped = ts.CoordinateDropout(1.0).apply(torch.ones(3, 4000), torch.tensor([[0.0, 1.0], [0.3, 1.0], [1.0, 1.0]]))
    assert dropped.mean(dim=1).tolist() == [1.0, pytest.approx(0.7, abs=0.03), 0.0]
    drawn = ts.ChannelDropout(3, 1.0).sample(100, torch.Generator().manual_seed(0))
    assert drawn.sum(dim=1).tolist() == [2.0] * 100
    with pytest.raises(ShapeError, match="items of 3 channels; got 2"):
        ts.ChannelDropout(3).apply(torch.ones(1, 2, 4), torch.zeros(1, 3))


def test_images_turn_move_and_come_nearer_by_hand():
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    torch.testing.assert_close(
        ts.ImageRotation().apply(picture, torch.tensor([[math.pi / 2]])), picture.rot90(1, (2, 3)), atol=1e-4, rtol=0
    )
    moved = ts.ImageShift(1.0).apply(picture, torch.tensor([[0.0, 0.25]]))
    torch.testing.assert_close(moved[0, 0], torch.cat([torch.zeros(1, 4), picture[0, 0, :3]]))
    centre = ts.CropResize(0.5).apply(picture, torch.tensor([[0.5, 0.0, 0.0]]))
    assert centre.mean() == pytest.approx(7.5)
    assert centre[0, 0, 0, 0] == pytest.approx(
        picture[0, 0, :2, :2].double().numpy().dot([0.25, 0.75]).dot([0.25, 0.75]) + 0, abs=1e-4
    )
    grey = ts.ImageRotation().apply(picture[:, 0], torch.tensor([[math.pi / 2]]))
    torch.testing.assert_close(grey, picture.rot90(1, (2, 3))[:, 0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("make", [lambda: ts.ImageRotation(), lambda: ts.AmplitudeScaling(2.0)])
def test_gradients_in_the_parameters(make):
    transformation = make()
    x = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).double()
    parameters = torch.tensor([[0.31], [-0.2]]).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: transformation.apply(x, values), parameters)


def test_a_chain_applies_in_order_and_names_its_blocks():
    chain = ts.Chain(
        {"noise": ts.AdditiveNoise(0.1), "shift": ts.CircularShift(-3, 3), "scale": ts.AmplitudeScaling(2.0)}
    )
    assert chain.parameter_names == ("noise.sigma", "noise.key", "shift.samples", "scale.log_factor")
    assert chain.readable == (0, 2, 3)
    x, parameters = torch.randn(4, 1, 9), chain.sample(4, torch.Generator().manual_seed(0))
    by_hand = x
    for name, step in chain.steps.items():
        by_hand = step.apply(by_hand, parameters[:, chain.blocks[name]])
    torch.testing.assert_close(chain.apply(x, parameters), by_hand)
