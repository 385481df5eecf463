from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.data import load_corpus


def test_words_as_they_are_published(install, gzipped):
    install("glove", "published", {"glove-twitter-25.gz": gzipped("3 2\ncat 0.5 1\n<user> -1 2e-1\n\u00a0 0 3\n")})
    table = load_corpus("glove")
    np.testing.assert_allclose(table.x, [[0.5, 1], [-1, 0.2], [0, 3]])
    assert table.ids.tolist() == ["cat", "<user>", "\u00a0"]
    assert table.name == "glove"


@pytest.mark.parametrize("text", ["1 2\ncat 1\n", "1 2\ncat 1 2\ndog 1 2\n"])
def test_spoilt_words(install, gzipped, text):
    install("glove", "published", {"glove-twitter-25.gz": gzipped(text)})
    with pytest.raises(DataError, match=r"wants 1 lines of 2 numbers in .*; line [23] differs"):
        load_corpus("glove")


@pytest.mark.parametrize("index", ["", "row1\t"], ids=["plain", "with row names"])
def test_cells_as_they_are_published(install, gzipped, index):
    contents = {
        "pbmc_3500_pcs.tsv.gz": gzipped("PC1\tPC2\n1.5\t2\n3\t4\n"),
        "pbmc_3500_pcs_harmonized.tsv.gz": gzipped("PC1\tPC2\n-1\t-2\n-3\t-4\n"),
        "pbmc_3500_meta.tsv.gz": gzipped(f'cell\t"donor"\tnGene\n{index}ACGT\tA\t1\n{index}TTTT\tB\t2\n'),
    }
    install("pbmc", "published", contents)
    table = load_corpus("pbmc")
    np.testing.assert_array_equal(table.x, [[1.5, 2], [3, 4]])
    assert table.metadata["donor"].tolist() == ["A", "B"]
    assert table.metadata["barcode"].tolist() == ["ACGT", "TTTT"]
    harmony = load_corpus("pbmc", "harmony")
    np.testing.assert_array_equal(harmony.x, [[-1, -2], [-3, -4]])
    assert harmony.pointer is None


@pytest.mark.data
def test_the_real_words(data_home):
    table = load_corpus("glove")
    assert (table.x.shape, table.name) == ((11_925, 25), "glove (11,925 common words)")
    unit = table.x / np.linalg.norm(table.x, axis=1, keepdims=True)
    nearest = table.ids[np.argsort(-unit @ unit[table.ids == "monday"][0])[:5]].tolist()
    assert nearest == ["monday", "wednesday", "thursday", "tuesday", "friday"]


@pytest.mark.data
@pytest.mark.parametrize(("part", "share"), [(None, 0.741), ("harmony", 0.425)])
def test_the_real_cells(data_home, part, share):
    """How many of 30 neighbours are of the same donor: chance is .429."""
    table = load_corpus("pbmc", part)
    donors = table.metadata["donor"]
    assert [int((donors == name).sum()) for name in "ABC"] == [500, 2_000, 1_000]
    squared = np.square(table.x).sum(axis=1)
    distances = squared[:, None] + squared - 2 * table.x @ table.x.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, 30, axis=1)[:, :30]
    assert (donors[nearest] == donors[:, None]).mean() == pytest.approx(share, abs=0.002)
