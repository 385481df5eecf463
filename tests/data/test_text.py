from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentatlas.build import build
from latentatlas.core import DataError, SpecError, to_spec
from latentatlas.data import DataWarning, Embedder, SentenceEncoder, Table, Texts, listening, read_table

NEWS = pd.DataFrame(
    {
        "title": ["a cat", "the dog", "a bird sings"],
        "kind": ["x", "y", "x"],
        "length": [1, 2, 3],
        "gap": ["a", None, "c"],
        "blank": ["a", " ", ""],
    }
)


class Letters:
    """An embedder for tests: how often a, b, … z occur."""

    name = "letters"

    def __call__(self, texts):
        return np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], np.float32)


def _read(column: str = "title", embedder: Callable = Letters(), **roles: object) -> Table:  # noqa: B008
    return read_table(NEWS, Texts(column, embedder), **roles)


def test_texts_become_rows():
    table = _read(label="kind")
    np.testing.assert_array_equal(table.x, Letters()(NEWS["title"]))
    assert table.columns[:2] == ("x0", "x1")
    assert table.label.tolist() == ["x", "y", "x"]
    assert table.metadata["title"].tolist() == NEWS["title"].tolist()
    assert table.metadata["length"].tolist() == [1, 2, 3]
    assert isinstance(Letters(), Embedder)


@pytest.mark.parametrize(
    ("column", "roles", "message"),
    [
        ("titel", {}, r"no column 'titel' \(asked for as text\). Did you mean 'title'"),
        ("title", {"label": "knid"}, r"no column 'knid' \(asked for as label\). Did you mean 'kind'"),
        ("title", {"vector": "length"}, r"texts of 'title' and the vectors of 'length' are both.* Name one"),
        ("length", {}, r"wants text in 'length'; it holds int64 values. Name a column of text"),
        ("gap", {}, r"in every row of 'gap'; 1 of 3 are missing, the first in row 1 .* Drop these rows, or fill in"),
    ],
)
def test_columns_that_cannot_be(column, roles, message):
    with pytest.raises(DataError, match=message):
        _read(column, **roles)


def test_lines_of_a_file_are_named(tmp_path):
    NEWS.to_csv(tmp_path / "news.csv", index=False)
    with pytest.raises(DataError, match=r"'gap'; 1 of 3 are missing, the first in line 3"):
        read_table(tmp_path / "news.csv", Texts("gap", Letters()))


def test_empty_texts_are_counted():
    with pytest.warns(DataWarning, match=r"2 of 3 texts in 'blank' are empty; they all get one and the same vector"):
        assert len(_read("blank")) == 3


def test_texts_of_nothing_else():
    frame = pd.DataFrame({"v": [[1.0], [2.0]], "none": pd.array([None, None], dtype="string")})
    with pytest.raises(DataError, match=r"'v'; it holds vectors of shape \(1,\)"):
        read_table(frame, Texts("v", Letters()))
    with pytest.raises(DataError, match=r"'none'; it holds nothing but missing values"):
        read_table(frame, Texts("none", Letters()))


def test_wrong_roles_are_found_before_the_long_work():
    def never(_):
        raise AssertionError

    never.name = "never"
    with pytest.raises(DataError, match="knid"):
        _read(embedder=never, label="knid")


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((2, 4), np.float32), r"one vector for each of 3 texts; odd gave 2. Correct the embedder"),
        (np.full((3, 4), np.nan, np.float32), r"embedded by odd, wants finite numbers; 12 of 12 values are not"),
    ],
)
def test_embedders_that_err(vectors, message):
    def odd(_):
        return vectors

    odd.name = "odd"
    with pytest.raises(DataError, match=message):
        _read(embedder=odd)


def test_a_table_is_mapped_by_its_texts():
    table = Table(
        np.ones((3, 4), np.float32),
        label=np.array([1, 2, 3]),
        metadata={"title": NEWS["title"].to_numpy(object)},
        name="news",
        pointer="digits",
        item_shape=(2, 2),
    )
    read = read_table(table, Texts("title", Letters()))
    np.testing.assert_array_equal(read.x, Letters()(NEWS["title"]))
    assert (read.label.tolist(), read.name, read.pointer, read.item_shape) == ([1, 2, 3], "news", None, None)
    with pytest.raises(DataError, match=r"Table 'news' has no column 'titel'.* Did you mean 'title'"):
        read_table(table, Texts("titel", Letters()))


def test_the_reading_is_kept_as_plain_data():
    assert _read().reading["reader"] == {"type": "data.Texts", "column": "title", "embedder": "letters"}
    texts = Texts("title", SentenceEncoder("folder", max_tokens=9))
    assert build(to_spec(texts)) == texts


def test_the_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    message = r"SentenceEncoder wants the package sentence-transformers; .*pip install 'latentatlas\[text\]'"
    with pytest.raises(SpecError, match=message):
        SentenceEncoder("elsewhere")(["a"])


@pytest.mark.parametrize("setting", ["batch", "max_tokens"])
def test_wrong_settings(setting):
    with pytest.raises(SpecError, match=f"SentenceEncoder wants {setting} ≥ 1; got 0"):
        SentenceEncoder(**{setting: 0})


# ---------------------------------------------------------------- with sentence-transformers


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sentence-transformers model with two layers of random weights and twelve words."""
    sentence_transformers = pytest.importorskip("sentence_transformers")
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("model")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "the", "cat", "dog", "bird", "sings", "red"]
    (folder / "vocab.txt").write_text("\n".join(words))
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    sentence_transformers.SentenceTransformer(str(folder / "bert")).save(str(folder / "tiny"))
    return folder / "tiny"


def test_a_model_in_a_folder(tiny_model):
    encoder = SentenceEncoder(str(tiny_model))
    heard = []
    with listening(lambda *report: heard.append(report)):
        table = _read(embedder=encoder)
    assert table.x.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(table.x, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(encoder([NEWS["title"][1]])[0], table.x[1], atol=1e-6)
    assert heard == [("Embedding texts", 3, 3)]
    assert table.reading["reader"]["embedder"]["model"] == str(tiny_model)


def test_long_texts_are_cut(tiny_model):
    long, short = "cat dog bird " * 3, "cat"
    assert np.abs(np.subtract(*SentenceEncoder(str(tiny_model))([long, short]))).max() > 1e-3
    cut = SentenceEncoder(str(tiny_model), max_tokens=3)  # one word between the marks of beginning and end
    np.testing.assert_allclose(*cut([long, short]), atol=1e-6)


def test_a_folder_without_a_model(tiny_model, tmp_path):
    with pytest.raises(DataError, match=r"wants a folder with a sentence-transformers model; .* holds none"):
        SentenceEncoder(str(tmp_path))(["a"])


def test_a_model_that_is_not_to_be_had(tiny_model, monkeypatch):
    def unreachable(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr("huggingface_hub.model_info", unreachable)
    message = (
        r"'some/model'; there is no such folder.*hub \(no network\).*SentenceEncoder\('folder'\), --embedder FOLDER"
    )
    with pytest.raises(DataError, match=message):
        SentenceEncoder("some/model")(["a"])


@pytest.mark.data
def test_the_default_model_gives_the_prepared_vectors(data_home: Path):
    folder = os.environ.get("LATENTATLAS_MINILM")
    if not folder:
        pytest.skip("set LATENTATLAS_MINILM to the folder of all-MiniLM-L6-v2")
    pytest.importorskip("sentence_transformers")
    news = pd.read_json(data_home / "ag_news" / "ag_news_test.jsonl.gz", lines=True, nrows=64)
    vectors = SentenceEncoder(folder, max_tokens=128)(list(news["title"] + ". " + news["description"]))
    prepared = np.load(data_home / "embeddings" / "ag_news_test_minilm.npz")["embedding"][:64].astype(np.float32)
    assert (vectors * prepared).sum(axis=1).min() > 0.999
