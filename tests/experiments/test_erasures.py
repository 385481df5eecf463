"""The studies of erasure: their parts by hand, their pages, and quick runs where the data are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from latentatlas.experiments import author_shift, erasure_speed, run_study, single_cell, source_erasure
from latentatlas.experiments.erasures import (
    cross_validated,
    held_out_accuracy,
    same_group_share,
    within_group_overlap,
)
from latentatlas.experiments.erasures.group_maps import GaussianMaps
from latentatlas.experiments.erasures.judging import linear_probe


def test_gaussian_maps_meet_in_the_middle(rng: np.random.Generator):
    group = np.repeat(["a", "b"], 4000)
    x = rng.normal(size=(8000, 2)) * np.where(group == "a", 1, 3)[:, None] + np.where(group == "a", 0, 10)[:, None]
    moved = GaussianMaps.fit(x, group)(x, group)
    for name in ("a", "b"):
        np.testing.assert_allclose(moved[group == name].mean(axis=0), 5, atol=0.1)
    # Deviations 1 and 3 are drawn to √(.7 · 1 + .3 · 5) and √(.7 · 9 + .3 · 5); their barycentre is the mean of these.
    middle = (np.sqrt(2.2) + np.sqrt(7.8)) / 2
    wanted = {"a": middle / np.sqrt(2.2), "b": 3 * middle / np.sqrt(7.8)}
    for name, deviation in wanted.items():
        np.testing.assert_allclose(moved[group == name].std(axis=0), deviation, rtol=0.05)


def test_probes_and_neighbours_by_hand(rng: np.random.Generator):
    side = np.repeat([0, 1], 50)
    z = side[:, None] * 10 + rng.normal(size=(100, 2))
    assert held_out_accuracy(linear_probe, z, side, test=z, truth=side) == 1
    assert cross_validated(linear_probe, z, side, folds=5, seed=0) == 1
    assert same_group_share(z, side, k=10) == 1
    assert same_group_share(z, side, k=99) == pytest.approx(49 / 99)
    assert within_group_overlap(z, 3 * z + 1, side) == 1
    assert within_group_overlap(z, rng.normal(size=(100, 2)), side, k=5) < 0.3


def test_reviews_are_sampled_so_that_the_domain_tells_the_sentiment(rng: np.random.Generator):
    domain = rng.choice(["books", "dvd", "electronics", "kitchen"], 4000)
    sentiment = rng.choice(["negative", "positive"], 4000)
    for share in (0.95, 0.05):
        rows = author_shift.shifted(domain, sentiment, share=share, rng=rng)
        assert len(np.unique(rows)) == len(rows)
        for name in np.unique(domain):
            positive = (sentiment[rows][domain[rows] == name] == "positive").mean()
            assert positive == pytest.approx(share if name in ("books", "dvd") else 1 - share, abs=0.01)


def test_weights_make_label_and_nuisance_independent(rng: np.random.Generator):
    label = rng.integers(0, 2, 500)
    nuisance = np.where(rng.random(500) < 0.9, label, 1 - label)
    weights = author_shift.balancing_weights(label, nuisance)
    joint = np.array([[weights[(label == y) & (nuisance == v)].sum() for v in (0, 1)] for y in (0, 1)]) / 500
    np.testing.assert_allclose(joint, np.outer(joint.sum(axis=1), joint.sum(axis=0)))


def test_a_drop_counts_whatever_its_sign():
    plain = [(np.array([True] * 9 + [False]), np.array([True] * 4 + [False] * 6))]
    beyond = [(plain[0][1], plain[0][0])]
    summary = author_shift._summary(beyond, plain)
    assert summary["drop"][0] == pytest.approx(-0.5)
    assert summary["ratio"][0] == pytest.approx(1)
    low, high = summary["alike"][1:]
    assert low < summary["alike"][0] < high


def test_made_cells_have_their_types_without_the_donors():
    made = single_cell.made_cells(0, cells=100)
    figures = single_cell._typed(made, made.clean)
    assert figures["type across donors"] > 0.97
    assert figures["ARI of types"] > 0.95
    assert single_cell._typed(made, made.x)["same-donor share"] > figures["same-donor share"] + 0.3


def test_the_softness_that_keeps_neighbours(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator):
    x = rng.normal(size=(300, 3)).astype(np.float32)
    domain = rng.choice(["a", "b"], 300)
    reviews = source_erasure.Reviews(x, domain, domain, np.zeros(300, int), np.zeros(300, int))
    monkeypatch.setattr(source_erasure, "_LEAST_OVERLAP", 0.0)
    assert source_erasure._softness(reviews, 0) == source_erasure._SOFTNESS[-1]
    monkeypatch.setattr(source_erasure, "_LEAST_OVERLAP", 1.1)
    assert source_erasure._softness(reviews, 0) == source_erasure._SOFTNESS[0]


def test_targets_compare_with_chance_and_with_raw_rows():
    columns = [*source_erasure._PROBED, *source_erasure._KEPT, "overlap", "axes"]
    rows = {
        name: {column: [value] for column in columns}
        for name, value in ((source_erasure._NONE, 0.8), (source_erasure._GIVEN, 0.7))
    }
    result = {"count": 10, "seeds": [0], "chance": [0.69], "softness": [0.1], "rows": rows}
    page = source_erasure.to_markdown(result)
    assert "- met: linear probe above chance 0.0100 (wanted ≤ 0.03)" in page
    assert "- **missed**: sentiment lost 0.1000 (wanted ≤ 0.01)" in page
    assert "- met: overlap within a domain 0.7000 (wanted ≥ 0.6)" in page
    assert source_erasure.pictures(result)["source_erasure"].startswith(b"\x89PNG")


def test_erasers_are_timed():
    figures = erasure_speed.erasure_speed(3_000)
    assert figures["rows"] == 3_000
    assert figures["linear: fit of the stream, s"] == figures["linear: update, s"] + figures["linear: erasure, s"]
    assert all(value > 0 for name, value in figures.items() if "memory" not in name)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", ["source-erasure", "author-shift", "single-cell"])
def test_a_study_runs(data_home: Path, tmp_path: Path, name: str):
    result = run_study(name, tmp_path, quick=True, log=lambda line: None)
    stem = name.replace("-", "_")
    assert result["quick"]
    assert "Targets" in (tmp_path / f"{stem}.md").read_text()
    assert (tmp_path / f"{stem}.png").stat().st_size > 5_000
