"""Similarity never comes without its control; blocks are read by probes; a transformation may change the label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from latentatlas.checks import (
    Evidence,
    InvariantBlock,
    LabelKept,
    Status,
    VariantBlock,
    ViewSimilarity,
    run_checks,
    view_checks,
)
from latentatlas.core import LatentLayout, ShapeError

LAYOUT = LatentLayout(invariant=2, variant=1)


@pytest.fixture
def evidence(rng) -> Evidence:
    """An invariant block in all directions that stays, and a variant block that adds the parameter."""
    z, turn = rng.normal(size=(200, 3)), rng.normal(size=200)
    return Evidence(z=z, z_view=z + turn[:, None] * [0, 0, 1], transform=turn[:, None], layout=LAYOUT)


def test_the_value_is_the_similarity_of_different_rows():
    z = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    (verdict,) = ViewSimilarity(margin=0.2)(Evidence(z=z, z_view=3 * z, layout=LatentLayout(invariant=2)))
    assert verdict.value == pytest.approx((0 + 2 * np.sqrt(0.5)) / 3)
    assert verdict.threshold == pytest.approx(0.8)
    assert "mean cosine of 1.00, those of different rows 0.47" in verdict.reason


def test_collapse_and_no_invariance_both_fail(evidence):
    assert ViewSimilarity()(evidence)[0].status is Status.PASS
    collapsed = evidence.z * [0, 0, 1] + [1, 1, 0]
    (verdict,) = ViewSimilarity()(replace(evidence, z=collapsed, z_view=collapsed))
    assert (verdict.status, verdict.value) == (Status.FAIL, pytest.approx(1))
    unlike = replace(evidence, z_view=np.roll(evidence.z, 1, axis=0))
    assert ViewSimilarity()(unlike)[0].status is Status.FAIL


def test_rows_of_length_0_count_as_unlike_all():
    z = np.array([[0.0, 0.0], [1.0, 0.0]])
    (verdict,) = ViewSimilarity()(Evidence(z=z, z_view=z, layout=LatentLayout(invariant=2)))
    assert (verdict.value, verdict.threshold) == (0.0, 0.0)


def test_blocks_are_read(evidence):
    (variant,), (invariant,) = VariantBlock()(evidence), InvariantBlock()(evidence)
    assert variant.value > 0.9
    assert invariant.value < 0.1
    swapped = replace(evidence, z=evidence.z[:, [2, 0, 1]], z_view=evidence.z_view[:, [2, 0, 1]])
    assert VariantBlock()(swapped)[0].status is Status.FAIL
    assert InvariantBlock()(swapped)[0].status is Status.FAIL


@pytest.mark.parametrize("check", [ViewSimilarity(), VariantBlock(), InvariantBlock()])
def test_an_empty_block_is_skipped(evidence, check):
    layout = LatentLayout(free=3)
    (verdict,) = check(replace(evidence, layout=layout))
    assert verdict.status is Status.SKIP


@pytest.mark.parametrize("check", [VariantBlock(), InvariantBlock()])
def test_few_rows_and_constant_parameters_are_skipped(evidence, check):
    few = Evidence(z=evidence.z[:9], z_view=evidence.z_view[:9], transform=evidence.transform[:9], layout=LAYOUT)
    assert "9 rows are too few" in check(few)[0].reason
    assert "0 parameters that vary" in check(replace(evidence, transform=np.ones((200, 1))))[0].reason


def test_a_transformation_that_changes_the_label_is_a_warning(rng):
    label = rng.integers(0, 10, 500)
    turned = np.where(label == 6, 9, label)  # a 6 turned into a 9
    kept = Evidence(label=label, prediction=label, prediction_view=label)
    assert LabelKept()(kept)[0].status is Status.PASS
    half = np.where(rng.random(500) < 0.5, turned, (label + 1) % 10)
    (verdict,) = LabelKept()(replace(kept, prediction_view=half))
    assert verdict.status is Status.WARN
    assert verdict.remedy
    assert verdict.value == pytest.approx(np.mean(half != label))


def test_a_loss_within_the_noise_of_few_rows_is_no_warning():
    label = np.zeros(10, int)
    assert (
        LabelKept()(Evidence(label=label, prediction=label, prediction_view=np.eye(10, dtype=int)[0] * 2))[0].status
        is Status.PASS
    )


def test_all_of_them_skip_without_views():
    assert {verdict.status for verdict in run_checks(Evidence(z=np.eye(3)), view_checks())} == {Status.SKIP}


def test_views_of_another_number_of_rows(evidence):
    with pytest.raises(ShapeError, match="z_view has 3"):
        replace(evidence, z_view=np.eye(3))
