from __future__ import annotations

import pytest

from latentatlas.data import corpora, load_corpus
from latentatlas.data.synthetic import synthetic_sets

COMPUTED = [name for name, corpus in corpora().items() if corpus.kind == "synthetic"]


def test_every_synthetic_set_is_a_corpus():
    assert set(COMPUTED) == set(synthetic_sets())


@pytest.mark.parametrize("name", COMPUTED)
def test_the_declared_size_is_the_size(name):
    table, edition = load_corpus(name), corpora()[name].edition()
    assert table.x.shape == (edition.rows, edition.features)
    assert (table.pointer, table.name, edition.name) == (None, name, "computed")


def test_equal_every_time():
    assert load_corpus("torus").fingerprint == load_corpus("torus").fingerprint
