from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError
from latentatlas.metrics import LinearProbe, PredictionConsistency, probe_matrix, similarity_curve

RECORD = np.repeat(["a", "b", "c"], [4, 3, 2])


def test_controls_equal_the_means_over_all_pairs(rng):
    z = rng.normal(size=(9, 4)) + 1
    curve = similarity_curve(z, {5.0: z + rng.normal(size=z.shape)}, RECORD)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    cosine, same = unit @ unit.T, RECORD[:, None] == RECORD
    assert curve.other_records == pytest.approx(cosine[~same].mean())
    assert curve.same_record == pytest.approx(cosine[same & ~np.eye(9, dtype=bool)].mean())


def test_sizes_come_in_order_and_angles_give_their_cosine():
    angle = np.linspace(0, 3, 9)
    z = np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def turned(by: float) -> np.ndarray:
        return np.stack([np.cos(angle + by), np.sin(angle + by)], axis=1)

    curve = similarity_curve(z, {2.0: turned(2.0), 0.0: 3 * z, 1.0: turned(1.0)}, RECORD)
    assert curve.sizes.tolist() == [0, 1, 2]
    np.testing.assert_allclose(curve.similarity, np.cos([0, 1, 2]))
    np.testing.assert_allclose(curve.spread, 0, atol=1e-6)


def test_a_collapsed_latent_is_shown_by_its_control():
    curve = similarity_curve(np.ones((9, 4)), {1.0: np.ones((9, 4))}, RECORD)
    assert curve.similarity[0] == pytest.approx(1)
    assert curve.other_records == pytest.approx(1)
    assert curve.above_control.tolist() == [0.0]


def test_there_is_no_curve_without_controls(unchecked):
    z = np.eye(3)
    with pytest.raises(DataError, match="two records or more, as its control"):
        similarity_curve(z, {1.0: z}, np.array(["a", "a", "a"]))
    with pytest.raises(ShapeError, match="one size of the transformation or more"):
        similarity_curve(z, {}, np.array(["a", "b", "b"]))
    with pytest.raises(ShapeError, match=r"at 1 they have the shape \(2, 3\)"):
        similarity_curve(z, {1.0: z[:2]}, np.array(["a", "b", "b"]))
    with pytest.raises(ShapeError, match="same number of rows"):
        similarity_curve(z, {1.0: z}, np.array(["a", "b"]))
    assert np.isnan(similarity_curve(z, {1.0: z}, np.array(["a", "b", "c"])).same_record)


def test_consistency_counts_equal_answers():
    assert PredictionConsistency()(np.array([1, 2, 3, 3]), np.array([1, 2, 3, 1])) == 0.75
    assert PredictionConsistency()(np.array([1, 1]), np.array([2, 2])) == 0.0, "codes are those of both"


def test_the_matrix_tells_which_block_knows_which_parameter(rng):
    n = 600
    shift, turn = rng.uniform(-1, 1, n), rng.uniform(-np.pi, np.pi, n)
    hidden, six = rng.normal(size=(n, 3)), np.stack([np.cos(turn), np.sin(turn)], axis=1)
    before = {"invariant": hidden, "variant": hidden[:, :2]}
    after = {"invariant": hidden, "variant": hidden[:, :2] + shift[:, None]}
    matrix = probe_matrix(before, after, {"shift": shift, "turn": six})
    assert (matrix.blocks, matrix.targets) == (("invariant", "variant"), ("shift", "turn"))
    assert matrix.score[1, 0] > 0.99, "the pair tells the difference, one latent alone would not"
    assert matrix.score[0, 0] < matrix.luck[0, 0]
    assert (matrix.score[:, 1] < 0.1).all()
    assert matrix.probe[1, 0] in ("LinearProbe", "MLPProbe")


def test_whole_numbers_are_parameters_not_classes(rng):
    samples = rng.integers(-30, 30, 200)
    still = np.zeros((200, 1))
    matrix = probe_matrix({"v": still}, {"v": samples[:, None] * 2.0}, {"samples": samples}, probes=[LinearProbe()])
    assert matrix.score[0, 0] > 0.99


def test_blocks_that_do_not_match():
    with pytest.raises(ShapeError, match="same blocks before and after"):
        probe_matrix({"a": np.ones((20, 1))}, {"b": np.ones((20, 1))}, {"t": np.arange(20.0)})
    with pytest.raises(DataError, match="a block, a target and a probe"):
        probe_matrix({}, {}, {"t": np.arange(20.0)})
