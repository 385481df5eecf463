"""Patterns of two axes, turned by any angle: one block ignores the turn, one tells it, and neither by itself."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from latentatlas.checks import Evidence, Status, run_checks, view_checks
from latentatlas.core import Batch, LatentLayout, reproducible
from latentatlas.metrics import MLPProbe, ProbeScore
from latentatlas.models import Autoencoder, MLPDecoder, MLPEncoder
from latentatlas.terms import (
    Concatenation,
    HardestNegative,
    MeanNegative,
    Objective,
    Partition,
    ReadableTransformation,
    Reconstruction,
    Term,
)
from latentatlas.train import Recipe, RowBatches, ViewBatches, fit

LAYOUT = LatentLayout(invariant=4, variant=4, free=2)
_KINDS, _TIMES = 8, 12


class Turn:
    """By an angle, whose cosine and sine are the parameters."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        angle = 2 * math.pi * torch.rand(n, generator=generator)
        return torch.stack([angle.cos(), angle.sin()], dim=1)

    def apply(self, x: Tensor, parameters: Tensor) -> Tensor:
        (u, v), (c, s) = x.chunk(2, dim=1), parameters.split(1, dim=1)
        return torch.cat([c * u - s * v, s * u + c * v], dim=1)


class Patterns(NamedTuple):
    """Rows, which of eight patterns each is, and the angle it was turned by."""

    x: Tensor
    kind: Tensor
    angle: Tensor


def patterns(n: int, seed: int) -> Patterns:
    base = torch.randn(_KINDS, 2 * _TIMES, generator=torch.Generator().manual_seed(5))
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(_KINDS, (n,), generator=generator)
    x = base[kind] + 0.05 * torch.randn(n, 2 * _TIMES, generator=generator)
    angle = Turn().sample(n, generator)
    return Patterns(Turn().apply(x, angle), kind, angle)


def evidence(term: Term | None) -> tuple[Evidence, Patterns]:
    """New rows, their views and the latents of both, after a fit with or without a term of invariance."""
    with reproducible(0, threads=1):
        x = patterns(1500, seed=1).x
        model = Autoencoder(MLPEncoder(2 * _TIMES, 10, hidden=(64, 64), noise=0.0), decoder=MLPDecoder(10, 2 * _TIMES))
        model.adapt(x)
        terms = {"recon": Reconstruction(), "readable": ReadableTransformation(LAYOUT, (0, 1), pairing=Concatenation())}
        if term is not None:
            terms["partition"] = term
        batches = ViewBatches(RowBatches(Batch(x), size=128), Turn())
        fit(model, Objective(terms), batches, Recipe(400, rate=1e-2, log_every=200))
    new = patterns(1500, seed=2)
    turn = Turn().sample(1500, torch.Generator().manual_seed(3))
    with torch.no_grad():
        z, z_view = model.encode(new.x), model.encode(Turn().apply(new.x, turn))
    return Evidence(z=z.numpy(), z_view=z_view.numpy(), transform=turn.numpy(), layout=LAYOUT), new


def statuses(found: Evidence) -> dict[str, Status]:
    return {verdict.name: verdict.status for verdict in run_checks(found, view_checks()[:3])}


def read(found: Evidence, name: str) -> float:
    """R² of the turn, from one block of rows and views."""
    pair = np.concatenate([LAYOUT.block(found.z, name), LAYOUT.block(found.z_view, name)], axis=1)
    return ProbeScore(MLPProbe())(pair, found.transform)


@pytest.fixture(scope="module")
def learned() -> tuple[Evidence, Patterns]:
    return evidence(Partition(LAYOUT))


def test_the_variant_block_reads_the_turn_and_the_invariant_block_does_not(learned):
    found, _ = learned
    assert read(found, "variant") >= 0.9
    assert read(found, "invariant") <= 0.05
    assert statuses(found) == {"views.similarity": Status.PASS, "variant": Status.PASS, "invariant": Status.PASS}


def test_the_direction_of_the_invariant_block_tells_which_pattern_and_not_its_angle(learned):
    found, new = learned
    direction = normalize(torch.from_numpy(LAYOUT.block(found.z, "invariant"))).numpy()
    assert ProbeScore(MLPProbe())(direction, new.kind.numpy()) >= 0.95
    assert ProbeScore(MLPProbe())(direction, new.angle.numpy()) <= 0.05


def test_with_the_term_switched_off_the_block_reads_the_turn_too():
    found, _ = evidence(None)
    assert read(found, "variant") >= 0.9
    assert read(found, "invariant") > 0.3
    assert statuses(found) == {"views.similarity": Status.FAIL, "variant": Status.PASS, "invariant": Status.FAIL}


@pytest.mark.slow
def test_the_mean_of_other_rows_keeps_fewer_patterns_apart():
    """Known weakness: two opposite points satisfy the mean, whatever the views."""
    found, new = evidence(Partition(LAYOUT, negatives=MeanNegative()))
    direction = normalize(torch.from_numpy(LAYOUT.block(found.z, "invariant"))).numpy()
    assert ProbeScore(MLPProbe())(direction, new.kind.numpy()) < 0.7


def test_a_fit_that_collapses_has_perfect_similarity_and_is_found_out():
    """The nearest of 128 rows is mostly of the same kind: pushed from its own kind, the block falls to a point."""
    found, _ = evidence(Partition(LAYOUT, negatives=HardestNegative()))
    rows, views = (normalize(torch.from_numpy(LAYOUT.block(z, "invariant"))) for z in (found.z, found.z_view))
    assert (rows * views).sum(dim=1).mean() > 0.99
    (verdict,) = view_checks()[0](found)
    assert verdict.status is Status.FAIL
    assert verdict.value > 0.9
