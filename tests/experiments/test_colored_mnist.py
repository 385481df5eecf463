from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from latentatlas.core import Batch, Latents
from latentatlas.experiments import colored_mnist
from latentatlas.experiments.colored_mnist.judging import Material
from latentatlas.experiments.colored_mnist.methods import METHODS
from latentatlas.experiments.colored_mnist.rows import TRACKS, Drawn, draw
from latentatlas.experiments.colored_mnist.training import Budget, Head, Penalty, Rounds, late, logit_of
from latentatlas.terms import VREx


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw(TRACKS["colored"], seed=0, quick=True)


@pytest.fixture(scope="module")
def material(drawn: Drawn) -> Material:
    return Material(lambda: drawn, Budget(steps=80, batch=512, hidden=32, decay=0.01, stages=6), seed=0)


def method(title: str):
    return next(method for method in METHODS if method.title.startswith(title))


def test_colour_predicts_as_the_track_says(drawn: Drawn):
    for rows, environment, rate in ((drawn.train, 0, 0.9), (drawn.train, 1, 0.8), (drawn.test, 2, 0.1)):
        assert isinstance(rows.nuisance, torch.Tensor)
        assert rows.label is not None
        assert rows.environment is not None
        there = rows.environment == environment
        # the names of the colours are in order: green 0, red 1, and green stands for the label 1
        agrees = torch.ne(rows.nuisance, rows.label)[there].float().mean()
        assert float(agrees) == pytest.approx(rate, abs=0.06)
    assert set(drawn.environment) == {0, 1}
    assert drawn.train.x.shape[1] == 8 * 8 * 2
    assert 0 <= drawn.train.x.min() <= drawn.train.x.max() == 1


def test_the_colour_is_gone_from_gray_images(drawn: Drawn):
    swapped = drawn.train.x.reshape(len(drawn.train.x), -1, 2).flip(2).reshape(drawn.train.x.shape)
    other = Drawn(drawn.train._replace(x=swapped), drawn.test)
    assert torch.equal(drawn.gray().train.x, other.gray().train.x)
    assert drawn.gray().train.x.shape[1] == 8 * 8


def test_the_stem_is_that_of_training_images(drawn: Drawn):
    stemmed = drawn.stemmed(8)
    assert stemmed.train.x.shape[1] == stemmed.test.x.shape[1] == 8
    assert stemmed.train.x.mean(dim=0).abs().max() < 1e-4
    assert stemmed.train.x.var(dim=0).mean() == pytest.approx(1, abs=0.01)


def test_the_penalty_comes_late_and_rises_by_a_factor():
    schedule = late(1e4, 200)
    assert [schedule(step) for step in (0, 60)] == [1, 1]
    assert schedule(75) == pytest.approx(100)
    assert schedule(90) == 1e4


def told(rows: int = 6000) -> Batch:
    """Three columns of ±1: the colour, right in 90 and 80 %, the shape, right in 75 %, and nothing."""
    generator = torch.Generator().manual_seed(0)
    label, environment = torch.arange(rows) % 2, torch.arange(rows) // (rows // 2)
    sign = 2.0 * label - 1
    rates = (torch.where(environment == 0, 0.9, 0.8), torch.full((rows,), 0.75), torch.full((rows,), 0.5))
    right = [torch.where(torch.rand(rows, generator=generator) < rate, 1.0, -1.0) for rate in rates]
    x = torch.stack([sign * side for side in right], dim=1)
    return Batch(x=x, label=label, nuisance=(x[:, 0] > 0).long(), environment=environment)


def test_the_second_round_finds_what_the_first_left_out():
    rows = told()
    found = Rounds.on(rows, Budget(steps=100, batch=256, hidden=16, rate=1e-2, decay=0.01), seed=0)
    logits = found.logits(rows)
    assert ((logits[:, 0] > 0) == (rows.x[:, 0] > 0)).float().mean() > 0.99  # the colour
    assert ((logits[:, 1] > 0) == (rows.x[:, 1] > 0)).float().mean() > 0.99  # the shape
    assert found.latents(rows).shape == (len(rows.x), 32)


def test_a_penalised_head_drops_the_rule_that_does_not_last():
    rows = told()
    rounds = Rounds([lambda batch, i=i: Latents(batch.x, prediction=batch.x[:, i : i + 1]) for i in (0, 1)])
    alone = Head(lambda _: rounds)(rows, None, Budget(), seed=0)
    penalised = Head(lambda _: rounds)(rows, Penalty(VREx(), 1e4, late), Budget(), seed=0)
    assert ((logit_of(alone, rows) > 0) == (rows.x[:, 0] > 0)).all()
    assert ((logit_of(penalised, rows) > 0) == (rows.x[:, 1] > 0)).all()
    on_latents = Head(lambda _: rounds, Rounds.latents)(rows, Penalty(VREx(), 1e4, late), Budget(), seed=0)
    assert ((logit_of(on_latents, rows) > 0) == (rows.x[:, 1] > 0)).float().mean() > 0.99


def test_a_colour_rule_is_learned_without_a_penalty_and_breaks(material: Material):
    erm = material.judged(method("ERM"))
    assert erm["kept rows"] > 0.78
    assert erm["test"] < 0.45
    assert erm["colour within labels"] > 0.5
    assert not erm["alarm"]
    assert material.judged(method("reweighting"))["test"] > erm["test"] + 0.1


def test_a_guess_is_a_guess(material: Material):
    guessed = material.guessed()
    assert guessed["test"] == pytest.approx(0.5, abs=0.1)
    assert guessed["kept rows"] == pytest.approx(0.5, abs=0.1)
    assert set(guessed) == set(material.judged(method("ERM")))


def test_the_study_runs_quickly_and_its_page_has_every_row():
    result = colored_mnist.run(quick=True, log=lambda _: None)
    page = colored_mnist.to_markdown(result)
    for each in METHODS:
        assert page.count(f"| {each.title} [") == len(TRACKS)
    assert page.count("| a guess [") == len(TRACKS)
    for methods in result["tracks"].values():
        for values in methods.values():
            assert all(np.isfinite(value).all() for value in values.values())
            assert values["best weight by the test"][0] >= values["test"][0]
    (png,) = colored_mnist.pictures(result).values()
    assert png.startswith(b"\x89PNG")


def result_of(**tests: float) -> dict[str, Any]:
    """A full run of one seed in which every method has .71 on the test rows, and the ones named something else."""
    titles = ["a guess", *(each.title for each in METHODS)]
    figures = {"kept rows": 0.7, "colour within labels": 0.0, "weight": 1.0, "p": 0.5, "alarm": 0.0}
    figures |= {"chosen by extrapolated accuracy": 0.7, "best weight by the test": 0.72}
    methods = {
        title: {name: [value] for name, value in {"test": tests.get(title.split(" ")[0], 0.71), **figures}.items()}
        for title in titles
    }
    made = {"quick": False, "seeds": [0], "axes": 64, "budget": vars(Budget())}
    return made | {"tracks": {"colored": methods, "inverse": methods}}


def test_targets_are_held_against_means():
    result = result_of(marginal=0.78, reweighting=0.69)
    page = colored_mnist.to_markdown(result)
    assert "- met: IRMv1, after two rounds 0.7100 (wanted ≥ 0.704)" in page
    assert "- **missed**: reweighting, behind the oracle 0.0200 (wanted ≤ 0.005)" in page
    assert "- **missed**: runs above 0.755 without the alarm 1.0000 (wanted ≤ 0)" in page
    assert "- 1 runs are above 0.755 (marginal HSIC): they use the colour reversed." in page
    assert "- **missed**: V-REx, after two rounds 0.7100 (wanted ≥ 0.84)" in page
    result["tracks"]["colored"]["marginal HSIC"]["alarm"] = [1.0]
    page = colored_mnist.to_markdown(result)
    assert "- met: runs above 0.755 without the alarm 0.0000 (wanted ≤ 0)" in page
    assert f"it fails in 1 of 1 seeds, with 0.7800 on the test rows, and in 0 of {len(METHODS)}" in page
