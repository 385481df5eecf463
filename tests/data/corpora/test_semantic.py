from __future__ import annotations

import numpy as np

from latentatlas.data.corpora.semantic import fit_semantic_space

TEXTS = ["a red apple", "the red apple pie", "blue sky at sea", "blue sea", "top up my card", "how do I top up"]


def test_rows_have_length_one():
    x = fit_semantic_space(TEXTS)(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-6)
    assert x.dtype == np.float32


def test_common_words_are_kept():
    place = fit_semantic_space(TEXTS)
    apple, top_up = place(["apple", "top up"])
    assert np.linalg.norm(top_up) > 0.99
    assert abs(apple @ top_up) < 0.01


def test_unknown_words_lie_at_the_origin():
    assert not fit_semantic_space(TEXTS)(["zebra"]).any()


def test_new_texts_do_not_move_the_axes():
    place = fit_semantic_space(TEXTS)
    np.testing.assert_allclose(place(["red apple", "sea"])[:1], place(["red apple"]), atol=1e-7)


def test_equal_every_time():
    np.testing.assert_array_equal(*(fit_semantic_space(TEXTS, dim=3)(TEXTS) for _ in range(2)))
