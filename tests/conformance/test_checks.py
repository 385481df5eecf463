"""Every public check: passes on clean evidence, fails on the fault it is for, skips without evidence."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from latentatlas import checks
from latentatlas.checks import Check, Evidence, Status, Tier, Verdict, run_checks
from latentatlas.core import LatentLayout, to_spec

_RNG = np.random.default_rng(3)
_Z = _RNG.normal(size=(300, 2))
_X = _Z @ _RNG.normal(size=(2, 10)) + 0.02 * _RNG.normal(size=(300, 10))
_AUTHOR = _RNG.integers(0, 3, size=300)
_BASINS = np.arange(300) % 5
_HELD_OUT = np.arange(300) % 4 == 0
_LAYOUT = LatentLayout(invariant=4, variant=2)
_ROWS, _START, _TURN = _RNG.normal(size=(300, 4)), _RNG.uniform(-1, 1, 300), _RNG.uniform(-1, 1, 300)

_ANCESTORS = np.array([[float(any(k >> up == j for up in range(6))) for j in range(1, 64)] for k in range(1, 64)])


def _turned(by: np.ndarray) -> np.ndarray:
    """An invariant block that stays, and a variant one that tells the angle."""
    return np.column_stack([_ROWS, np.cos(_START + by), np.sin(_START + by)])


CLEAN = Evidence(
    x=_X,
    z=_Z,
    recon=_X + 0.1 * _RNG.normal(size=_X.shape),
    label=_BASINS,
    nuisance={"author": _AUTHOR},
    basins=_BASINS,
    memberships=np.eye(5)[_BASINS],
    held_out=_HELD_OUT,
    surprise=_RNG.normal(size=300),
    environment=_BASINS % 2,
    local=_RNG.normal(size=(300, 5, 2)),
    code=np.arange(300) // 5 % 4,
    chart_counts=np.array([9, 5, 3, 3, 3, 3]),
)
VIEWED = Evidence(
    z=_turned(0 * _TURN),
    z_view=_turned(_TURN),
    transform=_TURN[:, None],
    layout=_LAYOUT,
    label=_BASINS,
    prediction=_BASINS,
    prediction_view=_BASINS,
)
_COLLAPSED = np.column_stack([np.ones((300, 4)), _turned(_TURN)[:, 4:]])
_LEAKING = np.column_stack([_ROWS[:, :3], _TURN, _turned(_TURN)[:, 4:]])


class Case(NamedTuple):
    """A check, the clean evidence with one fault injected, how many of its verdicts then fail, and how badly."""

    make: Callable[[], Check]
    faulty: Evidence
    failing: int = 1
    clean: Evidence = CLEAN
    worst: Status = Status.FAIL


CASES = [
    Case(checks.Collapse, replace(CLEAN, z=_Z * [1, 0.01])),
    Case(checks.Neighbourhood, replace(CLEAN, z=_RNG.permutation(_Z)), failing=2),
    Case(checks.Leakage, replace(CLEAN, z=_Z + 2 * np.eye(3)[_AUTHOR][:, :2]), failing=2),
    Case(checks.Removal, replace(CLEAN, x=_X + 9 * np.eye(10)[_BASINS])),
    Case(checks.BasinLiveness, replace(CLEAN, basins=np.arange(300) % 4)),
    Case(
        checks.Overfit, replace(CLEAN, recon=np.where(_HELD_OUT[:, None], CLEAN.recon, _X + 0.05 * (CLEAN.recon - _X)))
    ),
    Case(checks.ViewSimilarity, replace(VIEWED, z=_COLLAPSED, z_view=_COLLAPSED), clean=VIEWED),
    Case(checks.VariantBlock, replace(VIEWED, z_view=VIEWED.z), clean=VIEWED),
    Case(checks.InvariantBlock, replace(VIEWED, z_view=_LEAKING), clean=VIEWED),
    Case(checks.LabelKept, replace(VIEWED, prediction_view=(_BASINS + 1) % 5), clean=VIEWED, worst=Status.WARN),
    Case(checks.Calibration, replace(CLEAN, surprise=CLEAN.surprise + 5 * (_BASINS % 2))),
    Case(checks.ChartRouting, replace(CLEAN, memberships=np.eye(6)[_BASINS])),
    Case(checks.ChartCollapse, replace(CLEAN, local=CLEAN.local * [1, 0.01])),
    Case(checks.ChartsAtRest, replace(CLEAN, chart_counts=np.array([3, 4, 3, 4, 3, 4]))),
    Case(lambda: checks.CodeUse(4), replace(CLEAN, code=CLEAN.code % 2)),
    Case(checks.TreeLikeness, CLEAN, clean=Evidence(x=_ANCESTORS)),
]
_IDS = [type(case.make()).__name__ for case in CASES]
every_check = pytest.mark.parametrize("case", CASES, ids=_IDS)


def test_the_table_is_complete():
    public = {
        name
        for name in checks.__all__
        if inspect.isclass(getattr(checks, name)) and issubclass(getattr(checks, name), Check)
    }
    assert set(_IDS) == public - {"Check"}


def test_the_default_certificate_has_every_check_once():
    every = (
        *checks.default_checks(),
        *checks.view_checks(),
        *checks.chart_checks(4),
        checks.TreeLikeness(),
        checks.ChartsAtRest(),
    )
    assert sorted(type(check).__name__ for check in every) == sorted(_IDS)


@every_check
def test_passes_on_clean_evidence(case: Case):
    for verdict in case.make()(case.clean):
        assert verdict.status is Status.PASS, verdict
        assert verdict.remedy == ""


@every_check
def test_fails_on_its_fault_with_a_remedy(case: Case):
    verdicts = case.make()(case.faulty)
    failed = [verdict for verdict in verdicts if verdict.status is case.worst]
    assert len(failed) == case.failing, verdicts
    assert all(verdict.remedy.endswith(".") for verdict in failed)


@every_check
def test_verdict_agrees_with_its_number(case: Case):
    for verdict in (*case.make()(case.clean), *case.make()(case.faulty)):
        side = verdict.value >= verdict.threshold if verdict.better == "higher" else verdict.value <= verdict.threshold
        assert (verdict.status is case.worst) is not side
        assert any(character.isdigit() for character in verdict.reason)
        assert verdict.reason.endswith(".")
        assert isinstance(verdict.tier, Tier)
        assert verdict.name.split(".")[0] == case.make().name


@every_check
def test_skips_without_evidence(case: Case):
    (verdict,) = case.make()(Evidence())
    assert verdict.status is Status.SKIP
    assert math.isnan(verdict.value)
    assert case.make().reads[0] in verdict.reason


@every_check
def test_verdicts_are_plain_data_and_back(case: Case):
    for evidence in (case.clean, case.faulty, Evidence()):
        for verdict in case.make()(evidence):
            text = json.dumps(verdict.to_dict(), allow_nan=False)
            again = Verdict.from_dict(json.loads(text))
            assert again.to_dict() == verdict.to_dict()
            assert type(again.status) is Status
            assert math.isnan(verdict.value) or again == verdict


@every_check
def test_same_evidence_same_verdict(case: Case):
    assert case.make()(case.faulty) == case.make()(case.faulty)


@every_check
def test_constructor_is_the_configuration(case: Case):
    spec = json.loads(json.dumps(to_spec(case.make())))
    assert spec["type"] == f"checks.{type(case.make()).__name__}"
    assert set(spec) - {"type"} == set(inspect.signature(type(case.make())).parameters)


def test_one_fault_does_not_spill_into_the_others():
    names = [verdict.name for verdict in run_checks(CLEAN)]
    assert names == [
        "collapse",
        "neighbourhood.trustworthiness",
        "neighbourhood.continuity",
        "leakage.author",
        "leakage.author.within_label",
        "removal.utility",
        "removal.author",
        "basins",
        "overfit",
        "calibration",
    ]
    dead = next(case for case in CASES if case.make().name == "basins").faulty
    assert [verdict.name for verdict in run_checks(dead) if verdict.status is Status.FAIL] == ["basins"]
