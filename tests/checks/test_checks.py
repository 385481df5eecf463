from __future__ import annotations

import math

import numpy as np
import pytest

from latentatlas.checks import (
    BasinLiveness,
    Check,
    Collapse,
    Evidence,
    Leakage,
    Neighbourhood,
    Overfit,
    Status,
    Tier,
    Verdict,
    run_checks,
)
from latentatlas.core import DataError, ShapeError
from latentatlas.geometry import PoincareBall
from latentatlas.metrics import ProbeScore, Trustworthiness


def only(check: Check, evidence: Evidence) -> Verdict:
    (verdict,) = check(evidence)
    return verdict


def test_evidence_names_the_array_of_another_length():
    with pytest.raises(ShapeError, match="z has 3, nuisance 'author' has 2"):
        Evidence(z=np.zeros((3, 1)), nuisance={"author": np.zeros(2)})


def test_numbers_that_json_lacks_survive():
    verdict = Verdict("a", Status.FAIL, math.inf, 1.5, "lower", "Why.", "Do.", Tier.IMPORTANT)
    data = verdict.to_dict()
    assert data["value"] == "inf"
    assert data["status"] == "fail"
    assert Verdict.from_dict(data) == verdict


def test_a_value_on_the_threshold_passes_and_nan_fails():
    check = Collapse()
    assert check.verdict(0.2, 0.2, reason="", remedy="").status is Status.PASS
    assert check.verdict(math.nan, 0.2, reason="", remedy="").status is Status.FAIL
    assert Overfit().verdict(math.nan, 0.2, reason="", remedy="").status is Status.FAIL


def test_chosen_checks_run_in_order(rng):
    evidence = Evidence(z=rng.normal(size=(50, 2)))
    assert [v.name for v in run_checks(evidence, [Overfit(), Collapse()])] == ["overfit", "collapse"]


@pytest.mark.parametrize(
    ("spread", "status"),
    [([1, 1], Status.PASS), ([1, 0.3], Status.PASS), ([1, 0.1], Status.FAIL), ([0, 0], Status.FAIL)],
)
def test_collapse_of_a_plane(rng, spread, status):
    verdict = only(Collapse(), Evidence(z=0.5 + rng.normal(size=(500, 2)) * spread))
    assert verdict.status is status


def test_collapse_of_sixteen_dimensions(rng):
    z = rng.normal(size=(500, 16))
    assert only(Collapse(), Evidence(z=z)).value > 0.9
    z[:, 3:] *= 1e-3
    verdict = only(Collapse(), Evidence(z=z))
    assert verdict.status is Status.FAIL
    assert verdict.value == pytest.approx(2 / 15, abs=0.01)
    assert "of 16 dimensions" in verdict.reason


def test_collapse_of_a_single_dimension(rng):
    assert only(Collapse(), Evidence(z=rng.normal(size=(50, 1)))).value == pytest.approx(1)
    assert only(Collapse(), Evidence(z=np.ones((50, 1)))).status is Status.FAIL


def test_neighbourhood_samples_rows_and_ranks_among_all(rng):
    x = rng.normal(size=(200, 3))
    z = x[:, :2]
    trust, continuity = Neighbourhood(5)(Evidence(x=x, z=z))
    assert trust.value == pytest.approx(Trustworthiness(5)(x, z))
    assert "200 of 200 rows" in trust.reason
    sampled, _ = Neighbourhood(5, rows=50)(Evidence(x=x, z=z))
    assert sampled.value == pytest.approx(trust.value, abs=0.05)
    assert "50 of 200 rows" in sampled.reason
    strict = Neighbourhood(5, trustworthiness=0.999, continuity=0.1)(Evidence(x=x, z=z))
    assert [verdict.status for verdict in strict] == [Status.FAIL, Status.PASS]
    assert continuity.name == "neighbourhood.continuity"


def test_neighbourhood_of_few_rows_is_skipped():
    verdict = only(Neighbourhood(), Evidence(x=np.zeros((30, 2)), z=np.zeros((30, 2))))
    assert verdict.status is Status.SKIP
    assert "30 rows are too few for 15 neighbours" in verdict.reason


def test_an_unrelated_nuisance_passes_nineteen_times_of_twenty(rng):
    z = rng.normal(size=(150, 3))
    check = Leakage(permutations=99)
    kinds = {
        "two": lambda: rng.integers(0, 2, 150),
        "rare": lambda: rng.random(150) < 0.1,
        "real": lambda: rng.normal(size=150),
    }
    for kind in kinds.values():
        verdicts = check(Evidence(z=z, nuisance={str(i): kind() for i in range(25)}))
        assert sum(verdict.status is not Status.PASS for verdict in verdicts) <= 3
        assert sum(verdict.status is Status.FAIL for verdict in verdicts) <= 1


@pytest.mark.parametrize("kind", ["text", "code", "real"])
def test_a_leak_fails_for_every_kind_of_nuisance(rng, kind):
    code = rng.integers(0, 4, size=300)
    values = {"text": np.array(["w", "x", "y", "z"])[code], "code": code, "real": code + 0.1 * rng.normal(size=300)}[
        kind
    ]
    z = rng.normal(size=(300, 4)) + 2 * np.eye(4)[code] + 2 * code[:, None]
    leaked, clean = Leakage()(Evidence(z=z, nuisance={"leaked": values, "clean": rng.permutation(values)}))
    assert (leaked.name, leaked.status) == ("leakage.leaked", Status.FAIL)
    assert (clean.name, clean.status) == ("leakage.clean", Status.PASS)
    assert "debiased CKA" in leaked.reason
    assert "p = 0.005" in leaked.reason
    assert "'leaked'" in leaked.remedy


def test_a_rare_nuisance_can_fail_and_pass(rng):
    rare = np.arange(150) % 30 == 0
    hidden, shown = rng.normal(size=(2, 150, 2))
    shown[rare] += 12
    assert only(Leakage(), Evidence(z=hidden, nuisance={"rare": rare})).status is Status.PASS
    verdict = only(Leakage(), Evidence(z=shown, nuisance={"rare": rare}))
    assert verdict.status is Status.FAIL
    assert verdict.threshold <= 0.5


def test_a_leak_that_is_not_linear_fails_by_the_neighbour_probe_and_warns_without_it(rng):
    side = rng.normal(size=(600, 2))
    nuisance = (side[:, 0] * side[:, 1] > 0).astype(int)
    assert only(Leakage(), Evidence(z=side, nuisance={"sign": nuisance})).status is Status.FAIL
    verdict = only(Leakage(probes=[ProbeScore()]), Evidence(z=side, nuisance={"sign": nuisance}))
    assert verdict.status is Status.WARN
    assert verdict.value <= verdict.threshold
    assert "another kind" in verdict.remedy


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full(100, "me"), "the same value"),
        (np.arange(100), "100 values in 100 rows"),
        (np.arange(10) % 2, "10 rows"),
    ],
)
def test_a_nuisance_that_cannot_be_probed_is_skipped(rng, values, reason):
    verdict = only(Leakage(), Evidence(z=rng.normal(size=(len(values), 2)), nuisance={"v": values}))
    assert verdict.status is Status.SKIP
    assert reason in verdict.reason


def test_dead_basin_is_known_from_the_memberships():
    basins = np.arange(40) % 4
    assert only(BasinLiveness(), Evidence(basins=basins)).value == 1.0
    dead = only(BasinLiveness(), Evidence(basins=basins, memberships=np.full((40, 5), 0.2)))
    assert (dead.status, dead.value) == (Status.FAIL, 0.0)
    assert "smallest of 5 basin(s), number 4, holds 0 of 40 rows" in dead.reason


def test_starved_basin_and_gap_in_the_codes():
    starved = np.array([0] * 99 + [1])
    assert only(BasinLiveness(), Evidence(basins=starved)).value == pytest.approx(0.02)
    assert only(BasinLiveness(), Evidence(basins=starved)).status is Status.FAIL
    assert only(BasinLiveness(min_share=0.01), Evidence(basins=starved)).status is Status.PASS
    assert only(BasinLiveness(), Evidence(basins=np.array([0, 2]))).value == 0.0


def test_one_basin_is_alive():
    verdict = only(BasinLiveness(), Evidence(basins=np.zeros(5, dtype=int), memberships=np.ones((5, 1))))
    assert (verdict.status, verdict.value) == (Status.PASS, 1.0)


@pytest.mark.parametrize("basins", [np.array(["a", "b"]), np.array([-1, 0]), np.array([0.0, 1.0])])
def test_basins_want_codes(basins):
    with pytest.raises(DataError, match="wants codes"):
        BasinLiveness()(Evidence(basins=basins))


def test_overfit_by_hand():
    x, held_out = np.zeros((4, 1)), np.array([False, False, True, True])
    recon = np.array([[1.0], [1.0], [2.0], [0.0]])
    verdict = only(Overfit(), Evidence(x=x, recon=recon, held_out=held_out))
    assert (verdict.value, verdict.status) == (2.0, Status.FAIL)
    assert only(Overfit(max_ratio=2.0), Evidence(x=x, recon=recon, held_out=held_out)).status is Status.PASS


def test_overfit_without_error_or_without_one_side():
    x, held_out = np.zeros((4, 1)), np.array([False, False, True, True])
    learnt_by_heart = np.array([[0.0], [0.0], [2.0], [0.0]])
    assert only(Overfit(), Evidence(x=x, recon=x, held_out=held_out)).value == 1.0
    assert only(Overfit(), Evidence(x=x, recon=learnt_by_heart, held_out=held_out)).value == math.inf
    for everything, side in ((True, "training"), (False, "held-out")):
        verdict = only(Overfit(), Evidence(x=x, recon=x, held_out=np.full(4, everything)))
        assert verdict.status is Status.SKIP
        assert f"no {side} rows" in verdict.reason


def test_coordinates_of_latents_in_a_ball_are_their_vectors():
    """A point at 2 artanh ½ = log 3 from the centre has a vector of half of that."""
    z = np.array([[0.5, 0.0], [0.0, -0.5]], np.float32)
    assert np.array_equal(Evidence(z=z).coordinates, z)
    found = Evidence(z=z, geometry=PoincareBall()).coordinates
    np.testing.assert_allclose(found, np.log(3) / 2 * np.array([[1.0, 0.0], [0.0, -1.0]]), atol=1e-6)
