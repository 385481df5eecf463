from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import DataError
from latentatlas.terms import (
    CORAL,
    MMD,
    DeltaKernel,
    Fishr,
    GaussianKernel,
    IRMv1,
    LogLoss,
    Rebind,
    SquaredError,
    VREx,
)

RISKS = {"classes": LogLoss(), "numbers": SquaredError()}
every_risk = pytest.mark.parametrize("kind", RISKS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mean_and_error(values: list[float]) -> tuple[float, float]:
    drawn = torch.tensor(values)
    return drawn.mean().item(), drawn.std().item() / math.sqrt(len(values))


def labelled(kind: str, n: int, generator: torch.Generator, *, wrong: float = 0.0) -> tuple[Tensor, Tensor]:
    """Calibrated predictions and their labels; with `wrong` > 0 the predictions are too large by that share."""
    prediction = torch.randn(n, generator=generator)
    if kind == "classes":
        label = (torch.rand(n, generator=generator) < prediction.sigmoid()).long()
    else:
        label = prediction + 0.5 * torch.randn(n, generator=generator)
    return (1 + wrong) * prediction, label


# ---------------------------------------------------------------- IRMv1


@every_risk
def test_it_is_the_mean_over_all_ways_to_halve_an_environment(kind: str):
    risk = RISKS[kind]
    prediction, label = labelled(kind, 6, seeded(), wrong=1.0)
    slope = risk.slope(prediction, label)
    halves = [list(half) for half in itertools.combinations(range(6), 3)]
    others = [[i for i in range(6) if i not in half] for half in halves]
    products = [slope[half].mean() * slope[other].mean() for half, other in zip(halves, others, strict=True)]
    value = IRMv1(risk)(prediction, label, torch.full((6,), 3))
    torch.testing.assert_close(value, torch.stack(products).mean())


@every_risk
def test_irm_is_zero_in_the_mean_for_calibrated_predictions(kind: str):
    generator, right, wrong = seeded(), [], []
    for _ in range(400):
        environment = torch.arange(20) % 2
        right.append(IRMv1(RISKS[kind])(*labelled(kind, 20, generator), environment).item())
        wrong.append(IRMv1(RISKS[kind])(*labelled(kind, 20, generator, wrong=3.0), environment).item())
    mean, error = mean_and_error(right)
    assert abs(mean) < 4 * error  # unbiased: a squared mean would add its noise
    mean, error = mean_and_error(wrong)
    assert mean > 5 * error


@every_risk
def test_irm_downhill_shrinks_what_is_too_large(kind: str):
    prediction, label = labelled(kind, 4000, seeded(), wrong=2.0)
    scale = torch.ones((), requires_grad=True)
    value = IRMv1(RISKS[kind])(scale * prediction, label, torch.arange(4000) % 2)
    (slope,) = torch.autograd.grad(value, scale)
    assert slope > 0


@every_risk
def test_the_gradients_are_those_of_differences(kind: str):
    prediction, label = labelled(kind, 10, seeded(), wrong=1.0)
    prediction = prediction.double().requires_grad_()
    label = label if kind == "classes" else label.double()
    environment = torch.arange(10) % 3
    for term in (IRMv1(RISKS[kind]), VREx(RISKS[kind])):
        assert torch.autograd.gradcheck(lambda p, t=term: t(p, label, environment), prediction)


def test_weights_count_as_copies_would():
    prediction, label = labelled("numbers", 4, seeded())
    environment, weight = torch.tensor([0, 0, 1, 1]), torch.tensor([1.0, 2.0, 1.0, 1.0])
    copied = torch.tensor([0, 1, 1, 2, 3])
    term = VREx(SquaredError())
    torch.testing.assert_close(
        term(prediction, label, environment, weight), term(prediction[copied], label[copied], environment[copied])
    )
    equal = torch.full((4,), 7.0)
    for each in (IRMv1(SquaredError()), term):
        torch.testing.assert_close(each(prediction, label, environment, equal), each(prediction, label, environment))
    none = torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert torch.isfinite(IRMv1(SquaredError())(prediction, label, environment, none))


def test_environments_of_one_row():
    prediction, label = labelled("numbers", 5, seeded(), wrong=1.0)
    lonely = torch.tensor([0, 0, 0, 0, 1])
    term = IRMv1(SquaredError())
    torch.testing.assert_close(term(prediction, label, lonely), term(prediction[:4], label[:4], lonely[:4]))
    prediction.requires_grad_()
    for value in (
        term(prediction, label, torch.arange(5)),
        VREx(SquaredError())(prediction[:1], label[:1], lonely[:1]),
    ):
        (slope,) = torch.autograd.grad(value, prediction)
        assert value.item() == 0
        assert (slope == 0).all()
    assert VREx(SquaredError())(prediction, label, lonely) > 0  # one row is a risk, if a noisy one


def test_one_class_only_in_an_environment():
    prediction = torch.randn(8, 2, generator=seeded()).requires_grad_()
    label, environment = torch.tensor([0, 1, 0, 1, 1, 1, 1, 1]), torch.arange(8) // 4
    for term in (IRMv1(), VREx()):
        (slope,) = torch.autograd.grad(term(prediction, label, environment), prediction)
        assert torch.isfinite(slope).all()
        assert (slope != 0).any()


@pytest.mark.parametrize("term", [IRMv1(), VREx(), Fishr(), MMD(), CORAL()])
def test_environments_that_are_numbers(unchecked: None, term):
    fields = {"z": torch.zeros(4, 2), "prediction": torch.zeros(4, 2), "label": torch.zeros(4, dtype=torch.long)}
    with pytest.raises(DataError, match=r"wants integer codes in 'environment'; got float32\. Cut numbers into bins"):
        term(**term.bind(fields | {"environment": torch.zeros(4)}))


# ---------------------------------------------------------------- V-REx


def test_vrex_at_equal_risks_is_the_noise_it_states():
    generator, values = seeded(), []
    sizes = (10, 30)
    environment = torch.tensor([0] * sizes[0] + [1] * sizes[1])
    for _ in range(2000):
        label = torch.randn(40, generator=generator)  # costs have the variance 2 for a prediction of 0
        values.append(VREx(SquaredError())(torch.zeros(40), label, environment).item())
    mean, error = mean_and_error(values)
    stated = sum(2 / size for size in sizes) * (2 - 1) / 2**2
    assert abs(mean - stated) < 4 * error


def test_vrex_downhill_makes_risks_equal():
    label = torch.cat([torch.zeros(50), torch.full((50,), 3.0)])
    environment = torch.arange(100) // 50
    shift = torch.zeros((), requires_grad=True)
    optimiser, term = torch.optim.Adam([shift], lr=0.1), VREx(SquaredError())
    for _ in range(200):
        optimiser.zero_grad()
        term(shift.expand(100), label, environment).backward()
        optimiser.step()
    assert shift.item() == pytest.approx(1.5, abs=0.05)  # between the two labels


# ---------------------------------------------------------------- Fishr


def gradients_by_row(risk, z: Tensor, label: Tensor, head: torch.nn.Linear) -> Tensor:
    """Of the cost by all weights of the head, one row after another."""
    rows = []
    for i in range(len(z)):
        cost = risk(head(z[i : i + 1]), label[i : i + 1]).sum()
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(cost, list(head.parameters()))]))
    return torch.stack(rows)


@pytest.mark.parametrize("outputs", [1, 3])
def test_fishr_compares_the_spreads_of_the_gradients_of_the_last_layer(outputs: int):
    torch.manual_seed(0)
    z, head = torch.randn(12, 4), torch.nn.Linear(4, outputs)
    label, environment = torch.arange(12) % max(2, outputs), torch.tensor([0] * 5 + [1] * 4 + [2] * 3)
    pulls = gradients_by_row(LogLoss(), z, label, head)
    spread = torch.stack([pulls[environment == each].var(dim=0, correction=0) for each in range(3)])
    expected = (spread - spread.mean(dim=0)).square().sum(dim=1).mean()
    torch.testing.assert_close(Fishr()(z, head(z), label, environment), expected)


def test_fishr_is_small_for_equal_environments_and_large_for_others():
    z = torch.randn(8000, 2, generator=seeded())
    environment = torch.arange(8000) % 2
    label = (torch.rand(8000, generator=seeded(1)) < z[:, 0].sigmoid()).long()
    flipped = torch.where((environment == 1) & (torch.arange(8000) % 3 == 0), 1 - label, label)
    assert Fishr()(z, 2 * z[:, 0], label, environment) < 0.05 * Fishr()(z, 2 * z[:, 0], flipped, environment)


def test_fishr_downhill_lowers_it_and_its_gradient_is_that_of_differences():
    z = torch.randn(10, 3, dtype=torch.float64, generator=seeded()).requires_grad_()
    prediction = torch.randn(10, dtype=torch.float64, generator=seeded(1)).requires_grad_()
    label, environment = torch.arange(10) % 2, torch.arange(10) // 5
    assert torch.autograd.gradcheck(lambda a, b: Fishr()(a, b, label, environment), (z, prediction))
    before = Fishr()(z, prediction, label, environment)
    slope, pull = torch.autograd.grad(before, (z, prediction))
    assert Fishr()(z - 0.01 * slope, prediction - 0.01 * pull, label, environment) < before


def test_fishr_counts_weights_as_copies_and_leaves_lonely_environments_out():
    z, prediction, label = torch.randn(5, 2, generator=seeded()), torch.arange(5.0), torch.arange(5.0).flip(0)
    environment, term = torch.tensor([0, 0, 1, 1, 1]), Fishr(SquaredError())
    copied = torch.tensor([0, 1, 1, 2, 3, 4])
    weight = torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0])
    torch.testing.assert_close(
        term(z, prediction, label, environment, weight),
        term(z[copied], prediction[copied], label[copied], environment[copied]),
    )
    lonely = torch.tensor([0, 0, 1, 1, 2])
    torch.testing.assert_close(term(z, prediction, label, lonely), term(z[:4], prediction[:4], label[:4], lonely[:4]))
    z.requires_grad_()
    for alone in (torch.zeros(5, dtype=torch.long), torch.arange(5), torch.tensor([0, 0, 0, 0, 1])):
        value = term(z, prediction, label, alone)
        assert value.item() == 0
        (slope,) = torch.autograd.grad(value, z)
        assert (slope == 0).all()


# ---------------------------------------------------------------- MMD and CORAL


def naive_mmd(k: Tensor, first: list[int], second: list[int]) -> float:
    def within(rows: list[int]) -> float:
        return sum(k[i, j].item() for i in rows for j in rows if i != j) / (len(rows) * (len(rows) - 1))

    across = sum(k[i, j].item() for i in first for j in second) / (len(first) * len(second))
    return within(first) + within(second) - 2 * across


def test_mmd_is_the_sum_over_pairs():
    z = torch.randn(9, 2, generator=seeded())
    parts = [[0, 1, 2, 3], [4, 5], [6, 7, 8]]
    environment = torch.tensor([2] * 4 + [0] * 2 + [1] * 3)
    k = GaussianKernel(1.0)(z)
    expected = sum(naive_mmd(k, one, other) for one, other in itertools.combinations(parts, 2)) / 3
    assert MMD(GaussianKernel(1.0))(z, environment).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("term", [MMD(), MMD(exact_rows=0, features=32), CORAL()], ids=["mmd", "features", "coral"])
def test_equal_distributions_are_zero_in_the_mean_and_others_not(term):
    torch.manual_seed(0)
    same, other = [], []
    environment = torch.tensor([0] * 12 + [1] * 18 + [2] * 6)
    for _ in range(300):
        z = torch.randn(36, 2)
        same.append(term(z, environment).item())
        other.append(term(z * (1 + 2 * (environment == 1)[:, None]), environment).item())
    mean, error = mean_and_error(same)
    assert abs(mean) < 4 * error  # unbiased at any batch size
    mean, error = mean_and_error(other)
    assert mean > 10 * error


def test_mmd_sees_a_shift_and_coral_is_blind_to_it():
    z, environment = torch.randn(200, 3, generator=seeded()), torch.arange(200) % 2
    shifted = z + 3.0 * environment[:, None]
    assert MMD()(shifted, environment) > 0.5
    torch.testing.assert_close(CORAL()(shifted, environment), CORAL()(z, environment), atol=1e-4, rtol=1e-3)


def test_coral_in_large_batches_is_the_difference_of_covariances():
    z = torch.randn(40_000, 2, dtype=torch.float64, generator=seeded())
    environment = torch.arange(40_000) % 2
    mixed = torch.where((environment == 1)[:, None], z @ torch.tensor([[1.0, 0.8], [0.0, 0.6]], dtype=torch.float64), z)
    first, second = (torch.cov(mixed[environment == each].T) for each in (0, 1))
    expected = (first - second).square().sum() / (4 * 2**2)
    assert CORAL()(mixed, environment).item() == pytest.approx(expected.item(), rel=0.01)


@pytest.mark.parametrize("term", [MMD(GaussianKernel(1.0)), MMD(), CORAL()])
def test_downhill_brings_environments_together(term):
    z, environment = torch.randn(40, 2, dtype=torch.float64, generator=seeded()), torch.arange(40) % 2
    z = (z * (1 + 2 * environment[:, None])).requires_grad_()
    before = term(z, environment)
    (slope,) = torch.autograd.grad(before, z)
    assert term(z - 0.05 * slope / slope.norm(), environment) < before


@pytest.mark.parametrize(("term", "least"), [(MMD(), 2), (CORAL(), 4)])
def test_environments_that_are_too_small(term, least: int):
    z = torch.randn(20, 2, generator=seeded()).requires_grad_()
    small = torch.tensor([0] * 9 + [1] * (11 - least + 1) + [2] * (least - 1))
    kept = small < 2
    torch.testing.assert_close(
        term(z, small), term(z[kept], small[kept]), atol=2e-2, rtol=0
    )  # the width differs a little
    for environment in (torch.arange(20), torch.zeros(20, dtype=torch.long)):
        value = term(z, environment)
        (slope,) = torch.autograd.grad(value, z)
        assert value.item() == 0
        assert (slope == 0).all()


@pytest.mark.parametrize("term", [MMD(DeltaKernel()), CORAL()])
def test_nuisances_take_the_place_of_environments(term):
    z = torch.randn(24, 2, generator=seeded())
    columns = {"site": torch.arange(24) % 2, "scanner": torch.arange(24) // 12}
    both = Rebind(term, {"environment": "nuisance"})
    value = both(**both.bind({"z": z, "nuisance": columns}))
    torch.testing.assert_close(value, term(z, columns["site"]) + term(z, columns["scanner"]))
