"""Terms within labels, residuals, and weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from latentatlas.core import Batch, Charts, DataError, MissingInput, SpecError
from latentatlas.terms import (
    CORAL,
    HSIC,
    MMD,
    ChartBalance,
    ConditionalHSIC,
    LogLoss,
    NeighborContrast,
    Prediction,
    ResidualHSIC,
    WithinStrata,
    reweighting,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def coloured(n: int, generator: torch.Generator, *, leak: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """z knows the label, and a part of the colour beyond it; the colour agrees with the label in nine of ten rows."""
    label = torch.randint(0, 2, (n,), generator=generator)
    colour = label ^ (torch.rand(n, generator=generator) < 0.1)
    z = label[:, None] + leak * colour[:, None] + 0.3 * torch.randn(n, 1, generator=generator)
    return z, colour, label


def mean_and_error(values: list[float]) -> tuple[float, float]:
    drawn = torch.tensor(values)
    return drawn.mean().item(), drawn.std().item() / math.sqrt(len(values))


# ---------------------------------------------------------------- within labels


def test_a_latent_that_knows_only_the_label_is_free_within_labels():
    generator, marginal, conditional = seeded(), [], []
    for _ in range(200):
        z, colour, label = coloured(64, generator)
        marginal.append(HSIC()(z, colour).item())
        conditional.append(ConditionalHSIC()(z, colour, label).item())
    mean, error = mean_and_error(conditional)
    assert abs(mean) < 4 * error  # unbiased
    assert error * math.sqrt(200) < 0.02  # the spread of one batch of 64
    assert mean_and_error(marginal)[0] > 0.05  # the label alone


def test_what_z_knows_beyond_the_label_is_positive():
    generator = seeded()
    values = [ConditionalHSIC()(*coloured(128, generator, leak=1.0)).item() for _ in range(60)]
    mean, error = mean_and_error(values)
    assert mean > 10 * error


def test_it_is_the_mean_over_labels_by_hand():
    z, colour, _ = coloured(30, seeded(), leak=1.0)
    label = torch.tensor([5] * 18 + [-2] * 12)
    first, second = HSIC()(z[:18], colour[:18]), HSIC()(z[18:], colour[18:])
    torch.testing.assert_close(ConditionalHSIC()(z, colour, label), 0.6 * first + 0.4 * second)
    several = {"colour": colour, "number": z[:, 0]}
    value = ConditionalHSIC()(z, several, torch.zeros(30, dtype=torch.long))
    torch.testing.assert_close(value, HSIC()(z, several))


def test_small_strata_are_left_out_and_none_is_zero():
    z, colour, _ = coloured(13, seeded(), leak=1.0)
    label = torch.tensor([0] * 8 + [1] * 3 + [2, 3])
    torch.testing.assert_close(ConditionalHSIC()(z, colour, label), HSIC()(z[:8], colour[:8]))
    z.requires_grad_()
    value = ConditionalHSIC()(z, colour, torch.arange(13))
    (slope,) = torch.autograd.grad(value, z)
    assert value.item() == 0
    assert (slope == 0).all()


def test_a_nuisance_that_is_the_label_has_nothing_to_remove():
    z, _, label = coloured(40, seeded())
    z.requires_grad_()
    value = ConditionalHSIC()(z, label, label)
    (slope,) = torch.autograd.grad(value, z)
    assert value.item() == pytest.approx(0, abs=1e-7)
    assert slope.abs().max() < 1e-7


def test_downhill_is_less_dependence():
    z, colour, label = coloured(60, seeded(), leak=1.0)
    z = z.double().requires_grad_()
    before = ConditionalHSIC()(z, colour, label)
    (slope,) = torch.autograd.grad(before, z)
    assert ConditionalHSIC()(z - 0.1 * slope / slope.norm(), colour, label) < before


@pytest.mark.parametrize("term", [MMD(), CORAL(), HSIC()])
def test_any_term_of_rows_goes_within_labels(term):
    z, colour, label = coloured(60, seeded(), leak=1.0)
    name = next(entry.field for entry in term.inputs() if entry.field != "z")
    value = WithinStrata(term)(z=z, label=label, **{name: colour})
    parts = [(label == each).float().mean() * term(z[label == each], colour[label == each]) for each in (0, 1)]
    torch.testing.assert_close(value, parts[0] + parts[1])


def test_charts_are_taken_by_row():
    term, label = WithinStrata(ChartBalance(), rows=2), torch.tensor([0, 0, 1, 1])
    assert [entry.field for entry in term.inputs()] == ["charts", "label"]
    # each label uses two of four charts alike: log 2 from uniform
    assert term(charts=Charts(torch.eye(4)), label=label).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("term", [NeighborContrast(), ConditionalHSIC(), Prediction()])
def test_terms_that_cannot_go_within_labels(term):
    with pytest.raises(SpecError, match=r"^WithinStrata wants a term of rows; \w+ reads (edges|label)"):
        WithinStrata(term)


def test_labels_that_are_numbers(unchecked: None):
    z, colour, label = coloured(20, seeded())
    with pytest.raises(DataError, match=r"^ConditionalHSIC wants integer codes in 'label'; got float32\. Cut numbers"):
        ConditionalHSIC()(z, colour, label.float())
    with pytest.raises(DataError, match=r"one code for each row in 'label'; got \(20, 1\)"):
        ConditionalHSIC()(z, colour, label[:, None])
    with pytest.raises(DataError, match=r"^ConditionalHSIC wants a value of 'nuisance' in every row; 20 of 20"):
        ConditionalHSIC()(z, torch.full((20,), math.nan), label)
    with pytest.raises(SpecError, match="rows ≥ 1"):
        WithinStrata(HSIC(), rows=0)


# ---------------------------------------------------------------- residuals


def test_the_right_function_leaves_independent_residuals():
    generator, right, wrong = seeded(), [], []
    for _ in range(100):
        x = torch.rand(60, 1, generator=generator) * 4 - 2
        label = x[:, 0] ** 2 + 0.5 * torch.rand(60, generator=generator)
        right.append(ResidualHSIC()(x, label, x[:, 0] ** 2 + 7).item())  # a constant is not seen
        wrong.append(ResidualHSIC()(x, label, torch.full((60,), 4 / 3)).item())
    mean, error = mean_and_error(right)
    assert abs(mean) < 4 * error
    assert mean_and_error(wrong)[0] > 10 * error


def test_robust_regression_finds_the_slope_and_the_intercept():
    x = torch.rand(200, 1, generator=seeded()) * 2
    label = 3 * x[:, 0] + 1 + torch.rand(200, generator=seeded(1))
    slope = torch.zeros((), requires_grad=True)
    term, optimiser = ResidualHSIC(), torch.optim.Adam([slope], lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        term(x, label, slope * x[:, 0]).backward()
        optimiser.step()
    assert slope.item() == pytest.approx(3, abs=0.25)
    shift = term.intercept(label, slope.detach() * x[:, 0])
    assert shift.item() == pytest.approx(1.5, abs=0.25)


def test_residuals_of_classes_are_what_the_probabilities_miss():
    x, label = torch.randn(20, 3, generator=seeded()), torch.arange(20) % 3
    logits = torch.randn(20, 3, generator=seeded(1))
    missed = torch.nn.functional.one_hot(label, 3) - logits.softmax(dim=1)
    torch.testing.assert_close(ResidualHSIC(LogLoss())(x, label, logits), HSIC()(x, missed))


# ---------------------------------------------------------------- weights


def test_under_the_weights_label_and_colour_are_independent():
    _, colour, label = coloured(4000, seeded())
    found = reweighting(label, colour)
    weight = found(label, colour).double()
    assert weight.mean().item() == pytest.approx(1, abs=1e-5)
    together = torch.zeros(2, 2, dtype=torch.float64).index_put_((label, colour), weight, accumulate=True) / 4000
    torch.testing.assert_close(together, together.sum(1, keepdim=True) * together.sum(0), atol=1e-6, rtol=0)
    for values in (label, colour):  # each alone is as it was
        share = torch.zeros(2, dtype=torch.float64).index_add_(0, values, weight) / 4000
        torch.testing.assert_close(share, torch.bincount(values).double() / 4000, atol=1e-6, rtol=0)
    assert found.coverage == pytest.approx(1)
    assert found.effective == pytest.approx((weight.sum() ** 2 / (4000 * weight.square().sum())).item(), rel=1e-5)


def test_several_nuisances_are_taken_by_cell():
    label = torch.tensor([0, 0, 1, 1, 0, 1, 0, 1])
    site, scanner = torch.tensor([0, 0, 0, 1, 1, 1, 0, 1]), torch.tensor([0, 1, 0, 1, 0, 0, 1, 1])
    found = reweighting(label, {"site": site, "scanner": scanner})
    joined = reweighting(label, 2 * site + scanner)
    both = {"scanner": scanner, "site": site}  # the order of names does not matter
    torch.testing.assert_close(found(label, both), joined(label, 2 * site + scanner))


def test_it_fills_a_batch_on_top_of_its_weights():
    label, colour = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1])
    found = reweighting(label, colour)
    batch = Batch(torch.zeros(4, 1), label=label, nuisance=colour)
    assert found.fill(batch).weight.tolist() == [0.75, 0.75, 1.5, 0.5]
    doubled = found.fill(batch._replace(weight=torch.full((4,), 2.0)))
    assert doubled.weight.tolist() == [1.5, 1.5, 3.0, 1.0]
    with pytest.raises(MissingInput, match="wants a batch with label and nuisance"):
        found.fill(Batch(torch.zeros(4, 1), label=label))


def test_what_training_rows_never_had_together():
    found = reweighting(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1]))
    for label, colour, shown in ((1, 0, "label 1 with nuisance 0"), (7, 1, "label 7"), (0, 9, "nuisance 9")):
        with pytest.raises(DataError, match=rf"^reweighting has no weight for .*{shown}.* \(row 1, counted from 0\)"):
            found(torch.tensor([0, label]), torch.tensor([0, colour]))
    with pytest.raises(MissingInput, match="wants the nuisances nuisance; got colour"):
        found(torch.tensor([0]), {"colour": torch.tensor([0])})


def test_a_nuisance_that_is_the_label_cannot_be_separated():
    label = torch.tensor([0, 1, 2, 0])
    for nuisance in (label, 5 - label, torch.arange(4)):
        with pytest.raises(DataError, match="the nuisance decides the label, and no weights can separate the two"):
            reweighting(label, nuisance)


def test_a_constant_label_or_nuisance_needs_no_weights():
    label, colour = torch.tensor([0, 1, 1]), torch.zeros(3, dtype=torch.long)
    assert reweighting(label, colour)(label, colour).tolist() == [1, 1, 1]
    assert reweighting(colour, label)(colour, label).tolist() == [1, 1, 1]


def test_numbers_have_no_table():
    with pytest.raises(DataError, match=r"^reweighting wants integer codes in 'age'; got float32\. Cut numbers"):
        reweighting(torch.tensor([0, 1]), {"age": torch.tensor([0.5, 2.0])})
