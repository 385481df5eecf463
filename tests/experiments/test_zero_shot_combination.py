from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latentatlas.core import DataError
from latentatlas.experiments import run_study
from latentatlas.experiments.zero_shot_combination import pictures, to_markdown
from latentatlas.experiments.zero_shot_combination.answering import (
    Answering,
    Erased,
    Gray,
    Guess,
    MeanImage,
    Mixing,
    Moving,
    Nearest,
)
from latentatlas.experiments.zero_shot_combination.figures import as_text, from_text
from latentatlas.experiments.zero_shot_combination.judging import COLUMNS, Judged
from latentatlas.experiments.zero_shot_combination.methods import METHODS, Budget, Method, Parted, accuracy, trained
from latentatlas.experiments.zero_shot_combination.rows import (
    DEGREES,
    EVERYTHING,
    PIXELS,
    code_of,
    colour_of,
    draw,
    gray,
    label_of,
    pair,
    permuted,
)
from latentatlas.experiments.zero_shot_combination.study import largest_spared
from latentatlas.terms import ConditionalHSIC

_CONFOUNDED, _LEFT_OUT = DEGREES["confounded"], DEGREES["one left out"]
_RED, _BLUE, _SQUARE, _CIRCLE = 0, 1, 0, 1


def model_of(*, free: int = 0, told: int = 0) -> Parted:
    torch.manual_seed(0)
    return Parted(PIXELS**2 * 3, free=free, told=told, hidden=(16,)).eval()


def test_degrees_are_what_their_titles_say():
    for degree, shapes in ((_CONFOUNDED, 1), (_LEFT_OUT, 2), (EVERYTHING, 3)):
        assert len(degree.seen) + len(degree.unseen) == 9
        for which in range(3):
            assert sum(colour == which for _, colour in degree.seen) == shapes
            assert sum(shape == which for shape, _ in degree.seen) == shapes
    for degree in DEGREES.values():
        assert (_CIRCLE, _RED) in degree.unseen
        assert {(_SQUARE, _RED), (_CIRCLE, _BLUE)} <= set(degree.seen)


def test_images_have_the_shape_and_the_colour_they_are_drawn_with(rng: np.random.Generator):
    rows = draw([(_SQUARE, _RED), (_CIRCLE, _BLUE)], 3, rng)
    images = rows.x.reshape(6, -1, 3)
    assert 0 <= float(rows.x.min()) < float(rows.x.max()) <= 0.9
    covered = images.sum(dim=2) > 0
    for image, mask, code in zip(images, covered, code_of(rows), strict=True):
        shown = image[mask] / image[mask].sum(dim=1, keepdim=True)
        assert torch.allclose(shown, (code / code.sum()).expand_as(shown), atol=1e-5)
    filled = (images.sum(dim=2) > 0.99 * images.sum(dim=2).amax(dim=1, keepdim=True)).float().sum(dim=1)
    assert (filled > 10).all()


def test_gray_images_do_not_tell_the_colour():
    red, blue = (draw([(_SQUARE, colour)], 4, np.random.default_rng(1)) for colour in (_RED, _BLUE))
    assert not torch.allclose(red.x, blue.x)
    assert torch.allclose(gray(red).x, gray(blue).x, atol=1e-6)
    channels = gray(red).x.reshape(4, -1, 3)
    assert torch.equal(channels[..., 0], channels[..., 2])


def test_permuted_rows_keep_their_shape_and_have_colours_of_their_own(rng: np.random.Generator):
    rows = draw(_CONFOUNDED.seen, 1, rng)
    many = permuted(rows)
    assert torch.equal(label_of(many), label_of(rows).repeat(6))
    assert sorted(colour_of(many).tolist()) == list(range(18))
    assert len(torch.unique(code_of(many), dim=0)) == 18
    assert torch.equal(many.x[:3], rows.x)
    assert torch.allclose(gray(many).x, gray(rows).x.repeat(6, 1), atol=1e-6)


@pytest.mark.parametrize("degree", DEGREES.values())
def test_pairs_are_made_of_seen_rows_and_want_unseen_ones(degree, rng: np.random.Generator):
    pairs = pair(degree, 2, rng)
    for part, among in ((pairs.source, degree.seen), (pairs.donor, degree.seen), (pairs.target, degree.unseen)):
        assert set(zip(label_of(part).tolist(), colour_of(part).tolist(), strict=True)) <= set(among)
    assert torch.equal(label_of(pairs.source), label_of(pairs.target))
    assert torch.equal(colour_of(pairs.donor), colour_of(pairs.target))
    assert torch.allclose(gray(pairs.source).x, gray(pairs.target).x, atol=1e-6)


def test_nothing_tells_shape_from_colour_where_each_has_one_of_the_other(rng: np.random.Generator):
    rows = draw(_CONFOUNDED.seen, 8, rng)
    assert torch.equal(label_of(rows), colour_of(rows))
    z = torch.nn.functional.one_hot(colour_of(rows), 3).float()
    assert float(ConditionalHSIC()(z, colour_of(rows), label=label_of(rows))) == pytest.approx(0, abs=1e-6)
    with pytest.raises(DataError, match="cannot be separated"):
        Erased(model_of(), rows, within=label_of(rows).numpy())


def test_mixing_takes_z_from_one_and_free_axes_and_colour_from_the_other(rng: np.random.Generator):
    pairs = pair(_CONFOUNDED, 1, rng)
    model = model_of(free=2, told=3)
    mixed = Mixing(model).combined(pairs)
    with torch.no_grad():
        both = torch.cat([model.encoder(pairs.source.x)[:, :10], model.encoder(pairs.donor.x)[:, 10:]], dim=1)
        assert np.allclose(mixed, model.render(both, code_of(pairs.target)), atol=1e-6)
    own = Mixing(model).combined(pairs._replace(donor=pairs.source))
    assert np.allclose(own, model(pairs.source).recon.detach(), atol=1e-6)


def test_a_decoder_that_is_not_told_ignores_the_code(rng: np.random.Generator):
    rows = draw(EVERYTHING.seen, 1, rng)
    other = rows._replace(nuisance={"colour": colour_of(rows), "code": code_of(rows).flip(0)})
    assert torch.equal(model_of()(rows).recon, model_of()(other).recon)
    assert not torch.equal(model_of(told=3)(rows).recon, model_of(told=3)(other).recon)


def test_moving_to_the_own_colour_changes_nothing(rng: np.random.Generator):
    rows, pairs = draw(EVERYTHING.seen, 4, rng), pair(_CONFOUNDED, 1, rng)
    moving = Moving(model_of(), rows)
    own = moving.combined(pairs._replace(donor=pairs.source))
    assert np.allclose(own, moving.model(pairs.source).recon.detach(), atol=1e-5)
    assert not np.allclose(moving.combined(pairs), own, atol=1e-3)


def test_the_eraser_leaves_the_means_of_colours_equal_and_adds_up(rng: np.random.Generator):
    rows, pairs = draw(EVERYTHING.seen, 10, rng), pair(_CONFOUNDED, 1, rng)
    erased = Erased(model_of(), rows)
    z, colour = erased.latent(rows), colour_of(rows).numpy()
    means = np.stack([z[colour == which].mean(axis=0) for which in range(3)])
    assert np.ptp(means, axis=0).max() < 1e-5
    own = erased.combined(pairs._replace(donor=pairs.source))
    assert np.allclose(own, erased.plain.model(pairs.source).recon.detach(), atol=1e-5)


def test_simple_rows(rng: np.random.Generator):
    rows, pairs = draw(_CONFOUNDED.seen, 5, rng), pair(_CONFOUNDED, 2, rng)
    nearest = Nearest(rows)
    assert np.array_equal(nearest.shapes(rows), label_of(rows).numpy())
    assert (nearest.shapes(pairs.target) == colour_of(pairs.target).numpy()).mean() > 0.9
    painted = nearest.combined(pairs).reshape(len(pairs.target.x), -1, 3).sum(axis=1)
    wanted = pairs.target.x.numpy().reshape(len(painted), -1, 3).sum(axis=1)
    assert np.array_equal(painted.argmax(axis=1), wanted.argmax(axis=1))
    assert set(MeanImage(rows).shapes(rows).tolist()) == {0}
    assert np.allclose(MeanImage(rows).combined(pairs)[3], rows.x.mean(dim=0))
    assert np.array_equal(Guess(rows, seed=1).shapes(rows), Guess(rows, seed=1).shapes(rows))
    seen = Guess(rows, seed=1).combined(pairs)
    assert all((rows.x.numpy() == image).all(axis=1).any() for image in seen)
    plain = Gray(model_of())
    assert np.allclose(plain.latent(pairs.source), plain.latent(pairs.target), atol=1e-5)
    assert plain.combined(pairs) is None


class _Right(Answering):
    def shapes(self, rows):
        return label_of(rows).numpy()

    def latent(self, rows):
        return np.random.default_rng(0).normal(size=(len(rows.x), 3))


def test_the_right_answer_is_judged_right(rng: np.random.Generator):
    judged = Judged(_LEFT_OUT, 30, draw(EVERYTHING.seen, 60, rng), rng, seed=0)
    figures = judged.figures(_Right(), judged.pairs.target.x.numpy())
    assert set(figures) == set(COLUMNS)
    assert (figures["seen"], figures["unseen"], figures["as colour says"], figures["error"]) == (1, 1, 0, 0)
    assert figures["shape shown"] > 0.8
    assert figures["colour shown"] > 0.95
    assert max(figures["colour, linear"], figures["colour, perceptron"]) < 0.5
    mean = np.tile(judged.pairs.target.x.numpy().mean(axis=0), (90, 1))
    assert judged.figures(_Right(), mean)["error"] == pytest.approx(1, abs=1e-4)
    assert judged.reliability() > 0.8
    assert all(from_text(text).shape == (6, PIXELS, PIXELS, 3) for text in judged.inputs().values())


@pytest.mark.slow
def test_what_is_learnt_without_a_penalty_follows_the_colour(rng: np.random.Generator):
    rows, budget = draw(_CONFOUNDED.seen, 60, rng), Budget(steps=60, batch=32, hidden=(16,))
    model = trained(Method(), 0.0, rows, budget, seed=0)
    assert accuracy(model, draw(_CONFOUNDED.seen, 20, rng)) == 1
    assert accuracy(model, draw(sorted(_CONFOUNDED.unseen), 20, rng)) < 0.1
    helped = trained(METHODS["channels permuted, colour told"], 0.0, rows, budget, seed=0)
    assert accuracy(helped, draw(sorted(_CONFOUNDED.unseen), 20, rng)) > 0.6


def test_a_weight_may_cost_a_point_of_accuracy():
    assert largest_spared({0.0: 0.98, 30.0: 0.99, 100.0: 0.97}) == 100
    assert largest_spared({0.0: 0.98, 30.0: 0.96, 100.0: 0.9}) == 0


def made_up() -> dict:
    values = {column: [0.5, 0.7] for column in COLUMNS}
    text = as_text(np.zeros((6, PIXELS**2 * 3)))
    return {
        "quick": False,
        "seeds": [0, 1],
        "rows": 1800,
        "aside": 1,
        "steps": 1,
        "batch": 1,
        "judge": 0.99,
        "weights": {name: {"colour told": 30.0} for name in DEGREES},
        "degrees": {name: {"ERM": values, "gray images": {"seen": [1.0]}} for name in DEGREES},
        "shown": {name: {"true image": text, "ERM": text} for name in DEGREES},
    }


def test_the_page_and_its_picture():
    page = to_markdown(made_up())
    assert page.count("| ERM |" + " 0.6000 ± 0.1414 |" * len(COLUMNS)) == 2
    assert "| gray images | 1.0000 | – |" in page
    assert "Seen: red square, blue circle, green triangle; the six others are unseen." in page
    assert "Unseen: green square, red circle, blue triangle." in page
    assert page.count("Weights: colour told: 30.") == 2
    assert pictures(made_up())["zero_shot_combination"].startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_study_runs(tmp_path: Path):
    result = run_study("zero-shot-combination", tmp_path, quick=True, log=lambda line: None)
    for methods in result["degrees"].values():
        assert set(METHODS) <= set(methods)
        for values in methods.values():
            assert all(np.isfinite(value).all() for value in values.values())
    assert (tmp_path / "zero_shot_combination.png").stat().st_size > 3_000
