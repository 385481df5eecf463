"""Several nuisances at once, and batches too large for whole matrices."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import Batch, DataError, Latents, MissingInput, SpecError
from latentatlas.terms import (
    HSIC,
    Combination,
    DeltaKernel,
    GaussianKernel,
    Jointly,
    Kernel,
    MultiscaleKernel,
    Objective,
    Rebind,
    Separately,
    gather_fields,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def columns(n: int, seed: int = 0) -> dict[str, Tensor]:
    generator = seeded(seed)
    return {"code": torch.randint(0, 3, (n,), generator=generator), "number": torch.randn(n, generator=generator)}


def test_several_are_the_sum_of_each():
    z, both = torch.randn(30, 2, generator=seeded(1)), columns(30)
    alone = sum(HSIC()(z, column) for column in both.values())
    torch.testing.assert_close(HSIC()(z, both), alone)
    only = HSIC(nuisance_kernel={"number": GaussianKernel(0.5)})(z, both)
    torch.testing.assert_close(
        only, HSIC()(z, both["code"]) + HSIC(nuisance_kernel=GaussianKernel(0.5))(z, both["number"])
    )


def test_one_by_name_is_that_one():
    z, both = torch.randn(30, 2, generator=seeded(1)), columns(30)
    assert torch.equal(HSIC()(z, {"code": both["code"]}), HSIC()(z, both["code"]))


def test_the_product_of_categories_is_their_table():
    z = torch.randn(40, 2, generator=seeded())
    site, scanner = torch.randint(0, 2, (40,), generator=seeded(1)), torch.randint(0, 3, (40,), generator=seeded(2))
    value = HSIC(together=Jointly())(z, {"site": site, "scanner": scanner})
    torch.testing.assert_close(value, HSIC()(z, 3 * site + scanner))
    nested = {"scanner": scanner, "site": scanner // 2}  # the scanner decides the site
    torch.testing.assert_close(HSIC(together=Jointly())(z, nested), HSIC()(z, scanner))


def test_only_the_product_sees_what_two_tell_together():
    generator, separate, joint = seeded(), [], []
    for _ in range(100):
        one, other = (torch.randint(0, 2, (60,), generator=generator) for _ in range(2))
        z = (one ^ other)[:, None] + 0.1 * torch.randn(60, 1, generator=generator)
        both = {"one": one, "other": other}
        separate.append(HSIC()(z, both).item())
        joint.append(HSIC(together=Jointly())(z, both).item())
    spread = torch.tensor(separate).std() / math.sqrt(len(separate))
    assert abs(sum(separate) / len(separate)) < 4 * spread
    assert min(joint) > 0.01


def test_a_name_reaches_one_of_several_nuisances():
    z, both = torch.randn(20, 2, generator=seeded()), columns(20)
    fields = gather_fields(Batch(torch.zeros(20, 1), nuisance=both), Latents(z))
    objective = Objective({"number": Rebind(HSIC(), {"nuisance": "nuisance.number"})})
    assert torch.equal(objective(fields, step=0).values["number"], HSIC()(z, both["number"]))
    with pytest.raises(MissingInput, match=r"reads `nuisance\.numbr`.*there are: .*nuisance\.code, nuisance\.number"):
        Objective({"number": Rebind(HSIC(), {"nuisance": "nuisance.numbr"})})(fields, step=0)


@pytest.mark.parametrize("shape", [(6,), (6, 2)])
def test_missing_values_are_counted_and_named(shape: tuple[int, ...]):
    day = torch.zeros(shape)
    day[2] = math.nan
    day[4] = math.inf
    message = r"^HSIC wants a value of 'day' in every row; 2 of 6 are NaN or infinite\. Drop these rows, or"
    with pytest.raises(DataError, match=message):
        HSIC()(torch.randn(6, 2), {"code": torch.arange(6), "day": day})
    with pytest.raises(DataError, match="a value of 'nuisance' in every row"):
        HSIC()(torch.randn(6, 2), day)


def test_no_nuisance_at_all():
    with pytest.raises(MissingInput, match="HSIC wants one nuisance or more"):
        HSIC()(torch.randn(6, 2), {})


def test_more_categories_than_can_repeat_are_0():
    z = torch.randn(30, 2, generator=seeded())
    assert HSIC()(z, torch.arange(30)).item() == pytest.approx(0, abs=1e-7)  # no two rows share one: nothing to compare


# ---------------------------------------------------------------- random features


@pytest.mark.parametrize("kernel", [GaussianKernel(), GaussianKernel(0.7), MultiscaleKernel(), DeltaKernel()])
@pytest.mark.parametrize("route", ["features", "phases"])
def test_random_features_have_the_kernel_as_their_mean(kernel: Kernel, route: str):
    torch.manual_seed(0)
    rows = torch.randint(0, 4, (9,)) if isinstance(kernel, DeltaKernel) else torch.randn(9, 3)
    if route == "features":
        phi = kernel.features(rows, 40_000)
        assert phi is not None
        estimate = phi @ phi.T
    else:
        angles = kernel.phases(rows, 40_000)
        assert angles is not None
        estimate = torch.cos(angles[:, None] - angles[None, :]).mean(dim=2)
    torch.testing.assert_close(estimate, kernel(rows), atol=0.02, rtol=0)


@pytest.mark.parametrize("together", [Separately(), Jointly()])
def test_features_of_several_have_their_kernel_as_mean(together: Combination):
    torch.manual_seed(0)
    both = list(columns(9).values())
    kernels = [DeltaKernel(), GaussianKernel()]
    phi = together.features(kernels, both, 40_000)
    assert phi is not None
    torch.testing.assert_close(phi @ phi.T, together.matrix(kernels, both), atol=0.03, rtol=0)


def test_many_categories_have_random_indicators():
    torch.manual_seed(0)
    codes = torch.arange(50)
    assert DeltaKernel().features(codes, 25).shape == (50, 50)
    assert torch.equal(DeltaKernel().features(codes, 25) @ DeltaKernel().features(codes, 25).T, torch.eye(50))
    assert DeltaKernel().features(codes, 20).shape == (50, 40)


@pytest.mark.parametrize("kind", ["code", "number", "both", "jointly"])
def test_features_estimate_the_same_number(kind: str):
    torch.manual_seed(0)
    both = columns(60)
    z = torch.randn(60, 2) + both["number"][:, None]
    nuisance = both if kind in ("both", "jointly") else both[kind]
    together = Jointly() if kind == "jointly" else Separately()
    exact = HSIC(together=together)(z, nuisance).item()
    draws = torch.stack([HSIC(together=together, exact_rows=0, features=64)(z, nuisance) for _ in range(400)])
    assert abs(draws.mean().item() - exact) < 4 * draws.std().item() / 20


def test_above_its_limit_it_uses_them():
    torch.manual_seed(0)
    z, codes = torch.randn(3000, 2), torch.randint(0, 3, (3000,))
    z[:, 0] += codes
    term = HSIC(features=512)
    exact = HSIC(exact_rows=5000)(z, codes).item()
    first, second = term(z, codes).item(), term(z, codes).item()
    assert first != second  # drawn anew
    assert first == pytest.approx(exact, rel=0.2)
    z.requires_grad_()
    (slope,) = torch.autograd.grad(term(z, codes), z)
    assert HSIC(exact_rows=5000)(z.detach() - 100 * slope, codes) < exact


def test_features_are_unbiased_without_dependence():
    torch.manual_seed(0)
    term = HSIC(exact_rows=0, features=16)
    values = [term(torch.randn(20, 2), columns(20, seed)) for seed in range(300)]
    drawn = torch.stack(values)
    assert abs(drawn.mean().item()) < 4 * drawn.std().item() / math.sqrt(300)


def test_a_kernel_without_features_is_taken_whole():
    class Own(Kernel):
        def __call__(self, rows: Tensor) -> Tensor:
            return torch.exp(-(rows[:, None] - rows[None]).abs().flatten(2).sum(dim=2))

    z, codes = torch.randn(12, 2), torch.arange(12) % 2
    assert Own().features(z, 3) is None
    whole = HSIC(latent_kernel=Own(), exact_rows=0)(z, codes)
    assert torch.equal(whole, HSIC(latent_kernel=Own())(z, codes))
    assert Jointly().features([Own(), DeltaKernel()], [z, codes], 3) is None
    assert Separately().features([Own(), DeltaKernel()], [z, codes], 3) is None


def test_the_median_of_many_rows_is_nearly_that_of_all_pairs():
    rows = torch.randn(700, 3, generator=seeded())
    exact = torch.pdist(rows).square().median()
    width = -1 / GaussianKernel()(rows)[0, 1].log() * (rows[0] - rows[1]).square().sum()
    assert width.item() == pytest.approx(exact.item(), rel=0.05)
    periodic = rows[torch.arange(700) % 2]  # every second row alike: no step may see only equal ones
    assert GaussianKernel()(periodic)[0, 1] < 0.7


def test_the_gradient_of_the_kernel_is_that_of_its_formula():
    rows = torch.randn(8, 2, dtype=torch.float64, generator=seeded()).requires_grad_()
    assert torch.autograd.gradcheck(lambda r: GaussianKernel(1.3)(r).square().sum(), rows)
    assert torch.autograd.gradgradcheck(lambda r: GaussianKernel(1.3)(r).square().sum(), rows)
    weight = torch.randn(8, 8, dtype=torch.float64, generator=seeded(1))  # not symmetric
    assert torch.autograd.gradcheck(lambda r: (GaussianKernel(1.3)(r) * weight).sum(), rows)


@pytest.mark.parametrize("bad", [{"features": 0}, {"exact_rows": -1}])
def test_bad_settings(bad: dict[str, int]):
    with pytest.raises(SpecError, match="features ≥ 1 and exact_rows ≥ 0"):
        HSIC(**bad)


@pytest.mark.parametrize("bad", [(), (0.0,), (1.0, math.nan)])
def test_bad_factors(bad: tuple[float, ...]):
    with pytest.raises(SpecError, match="factors > 0"):
        MultiscaleKernel(bad)


def test_several_widths_by_hand():
    rows = torch.tensor([[0.0], [1.0], [3.0]])  # squares 1, 9, 4: the median is 4
    k = MultiscaleKernel((1.0, 2.0))(rows)
    assert k[0, 1].item() == pytest.approx((math.exp(-1 / 4) + math.exp(-1 / 8)) / 2)
    assert k[1, 2].item() == pytest.approx((math.exp(-1) + math.exp(-1 / 2)) / 2)
