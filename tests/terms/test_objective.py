from __future__ import annotations

from copy import deepcopy
from typing import final

import pytest
import torch
from torch import Tensor, nn

from latentatlas.core import (
    Batch,
    Charts,
    Constant,
    Geometric,
    Latents,
    MissingInput,
    OnPlateau,
    Ramp,
    Reach,
    Schedule,
    ShapeError,
    SpecError,
)
from latentatlas.terms import (
    HSIC,
    Covariance,
    IRMv1,
    LargestWeight,
    Objective,
    Prediction,
    PrototypeEnergy,
    Reconstruction,
    Term,
    gather_fields,
)


@final
class _Scaled(Term):
    """A term with its own parameter, which counts its evaluations."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(3.0))
        self.calls = 0

    def forward(self, z: Tensor) -> Tensor:
        self.calls += 1
        return self.factor * z.mean()


@final
class _Returns(Term):
    """A term that returns what it is told to."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value

    def forward(self) -> Tensor:
        return self.value  # type: ignore[return-value]


def test_the_sum_by_hand():
    objective = Objective({"a": (_Scaled(), Constant(2.0)), "b": (_Scaled(), Ramp(start=0, stop=10)), "c": _Scaled()})
    report = objective({"z": torch.full((4, 1), 5.0)}, step=5)
    assert report.weights == {"a": 2.0, "b": 0.5, "c": 1.0}
    assert {name: value.item() for name, value in report.values.items()} == {"a": 15.0, "b": 15.0, "c": 15.0}
    assert report.total.item() == 3.5 * 15


def test_gradient_of_the_total():
    z = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    objective = Objective({"axes": (Covariance(), Constant(0.25))})
    (total,) = torch.autograd.grad(objective({"z": z}, step=0).total, z)
    (single,) = torch.autograd.grad(Covariance()(z), z)
    torch.testing.assert_close(total, 0.25 * single)


def test_a_term_of_weight_zero_is_not_evaluated():
    late = _Scaled()
    objective = Objective({"now": _Scaled(), "late": (late, Ramp(start=10, stop=20)), "needy": (HSIC(), Constant(0))})
    report = objective({"z": torch.ones(2, 1)}, step=10)
    assert late.calls == 0
    assert set(report.values) == {"now"}
    assert report.weights == {"now": 1.0, "late": 0.0, "needy": 0.0}
    objective({"z": torch.ones(2, 1)}, step=11)
    assert late.calls == 1


def test_parameters_of_terms_are_parameters_of_the_objective():
    term = _Scaled()
    objective = Objective({"a": term, "b": Covariance()})
    assert list(objective.parameters()) == [term.factor]
    assert sorted(objective.state_dict()) == ["_extra_state", "members.a.factor"]
    objective.double()
    assert term.factor.dtype == torch.float64


def test_a_copy_evaluates_its_own_parameters():
    objective = Objective({"a": _Scaled()})
    copy = deepcopy(objective)
    with torch.no_grad():
        next(copy.parameters()).fill_(7.0)
    fields = {"z": torch.ones(2, 1)}
    assert copy(fields, step=0).total.item() == 7
    assert objective(fields, step=0).total.item() == 3


def test_a_missing_input_names_the_term():
    with pytest.raises(MissingInput, match=r"^Term 'author' \(HSIC\) reads `nuisance`"):
        Objective({"author": HSIC()})({"z": torch.zeros(5, 2)}, step=0)


@pytest.mark.parametrize(
    ("value", "came"), [(torch.zeros(3), r"\(3,\)"), (torch.zeros(1, 1), r"\(1, 1\)"), (0.5, "float"), (None, "None")]
)
def test_a_term_must_return_a_scalar_tensor(unchecked, value, came):
    with pytest.raises(ShapeError, match=rf"scalar tensor from each term; 'bad' returned {came}"):
        Objective({"bad": _Returns(value)})({}, step=0)


def test_bad_objectives(unchecked):
    with pytest.raises(SpecError, match="at least one term"):
        Objective({})
    with pytest.raises(SpecError, match=r"'recon' is \(Reconstruction, float\)\. Pass a Term and a Schedule"):
        Objective({"recon": (Reconstruction(), 2.0)})
    with pytest.raises(SpecError, match=r"'recon' is \(Linear, Constant\)"):
        Objective({"recon": nn.Linear(1, 1)})
    for name in ("", "a.b", "keys"):
        with pytest.raises(SpecError, match=r"names that PyTorch takes for modules.*Choose another"):
            Objective({name: Covariance()})
    with pytest.raises(SpecError, match=r"no active term at step 0"):
        Objective({"recon": (Reconstruction(), Constant(0))})({}, step=0)


def test_schedules_that_watch_are_told():
    schedule = OnPlateau("a", patience=1, ramp=0)
    objective = Objective({"a": _Scaled(), "b": (_Scaled(), schedule)})
    for step in range(2):
        assert set(objective({"z": torch.ones(2, 1)}, step=step).values) == {"a"}
        objective.observe(step, {"a": 1.0, "b": float("nan")})
    assert set(objective({"z": torch.ones(2, 1)}, step=2).values) == {"a", "b"}


def test_fields_of_batch_latents_and_callables():
    z, charts = torch.zeros(2, 3), Charts(torch.ones(2, 1))
    fields = gather_fields(Batch(torch.ones(2, 4)), Latents(z, charts=charts), Reach(energy=lambda key: key.sum(dim=1)))
    assert {name for name, value in fields.items() if value is not None} == {"x", "z", "charts", "energy"}
    assert {"nuisance", "edges", "encode", "decode", "route", "prototypes", "critic", "map"} <= set(fields)
    assert Objective({"e": PrototypeEnergy()})(fields, step=0).total.item() == 0


def test_the_largest_weight_divides_the_sum_once_it_is_above_1():
    terms = {"risk": (_Scaled(), Constant(1.0)), "penalty": (_Scaled(), Ramp(start=0, stop=10, high=100.0))}
    scaled, plain = Objective(terms, scaling=LargestWeight()), Objective(terms)
    fields = {"z": torch.full((4, 1), 5.0)}
    for step, divisor in ((0, 1.0), (5, 50.0), (10, 100.0)):
        report = scaled(fields, step=step)
        assert report.total.item() == pytest.approx(plain(fields, step=step).total.item() / divisor)
        assert report.weights == plain(fields, step=step).weights  # what the schedules say stays in the record


def test_a_light_objective_is_not_enlarged():
    objective = Objective({"risk": (_Scaled(), Constant(0.1))}, scaling=LargestWeight())
    assert objective({"z": torch.full((4, 1), 5.0)}, step=0).total.item() == pytest.approx(1.5)


def _two_rules(rates: tuple[float, float], seed: int) -> dict[str, Tensor]:
    """Signs of shape, right in 75 % of the rows, and of colour, right at another rate in each environment."""
    generator = torch.Generator().manual_seed(seed)
    label, environment = torch.randint(0, 2, (4000,), generator=generator), torch.arange(4000) % 2
    right = torch.stack([torch.full((4000,), 0.75), torch.tensor(rates)[environment]], dim=1)
    agrees = torch.rand(4000, 2, generator=generator) < right
    return {"x": torch.where(agrees, 1.0, -1.0) * (2 * label - 1)[:, None], "label": label, "environment": environment}


def _penalised(schedule: Schedule) -> float:
    """The risk that is left to a small network under a penalty of 10,000."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
    objective = Objective({"risk": Prediction(), "penalty": (IRMv1(), schedule)}, scaling=LargestWeight())
    optimiser, fields = torch.optim.Adam(network.parameters(), lr=0.02), _two_rules((0.9, 0.8), 0)
    for step in range(600):
        report = objective(fields | {"prediction": network(fields["x"])[:, 0]}, step=step)
        optimiser.zero_grad()
        report.total.backward()
        optimiser.step()
    return report.values["risk"].item()


def test_a_penalty_that_comes_late_does_not_collapse_the_prediction():
    at_once = _penalised(Constant(1e4))
    late = _penalised(Geometric(start=200, stop=400, low=1.0, high=1e4))
    assert at_once > 0.6  # nearly the constant, which costs log 2 = .693 and has no penalty either
    assert late < 0.57  # shape alone can do .562
