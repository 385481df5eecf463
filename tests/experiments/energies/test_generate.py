from __future__ import annotations

import numpy as np
import pytest

from latentatlas.experiments import generate
from latentatlas.experiments.energies.digits import atlas_of_digits, digits, labels_of
from latentatlas.experiments.energies.generating import MAKERS, Made, judged, named_basins


def test_a_quick_run_tells_copies_and_repetitions_from_samples():
    result = generate.run(quick=True, log=lambda _: None)
    methods = result["methods"]
    assert list(methods) == list(MAKERS)
    assert methods["copies of training rows"]["nearest row, median"] == [0]
    assert methods["the decoded prototype, again and again"]["variety"] == [pytest.approx(0, abs=1e-6)]
    assert methods["test rows"]["nearest row, median"][0] == pytest.approx(1, abs=0.1)
    assert methods["test rows"]["right digit"][0] > 0.95
    assert methods["**ours**"]["right digit"][0] > 0.9
    assert methods["**ours**"]["nearest row, 5 %"][0] > 0.3
    assert methods["**ours**"]["variety"][0] > 0.02
    assert "| copies of training rows |" in generate.to_markdown(result)
    assert generate.pictures(result)["generate"].startswith(b"\x89PNG")


def test_basins_are_named_by_most_of_their_training_rows():
    atlas, train = atlas_of_digits(0, quick=True), digits(quick=True).train
    names = named_basins(atlas, labels_of(train))
    assert (names[atlas.labels_] == labels_of(train)).mean() > 0.95


def test_images_of_the_wrong_basin_are_wrong():
    atlas, test = atlas_of_digits(0, quick=True), digits(quick=True).test
    moved = (atlas.basins(test.x) + 1) % atlas.n_basins_
    assert judged(Made(test.x, np.asarray(moved)), 0, quick=True)["right digit"] < 0.05
