from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.data import corpora, load_corpus

NEWS = {
    "train.csv": '"1","Peace talks","war and peace"\n"2","Final match","the team won the match"\n'
    '"1","War","peace ends the war, talks end"\n"2","Team","a match for the team"\n',
    "test.csv": '"2","Match","team, said ""we won"""\n',
}


def _json_lines(rows: list[dict]) -> bytes:
    return gzip.compress("\n".join(json.dumps(row) for row in rows).encode(), mtime=0)


def _vectors(**arrays: object) -> bytes:
    target = io.BytesIO()
    np.savez(target, **{name: np.asarray(values) for name, values in arrays.items()})
    return target.getvalue()


def test_the_published_news(install):
    install("ag_news", "published", {name: text.encode() for name, text in NEWS.items()})
    table = load_corpus("ag_news")
    assert table.name == "ag_news (latent semantic analysis)"
    assert table.label.tolist() == ["World", "Sports", "World", "Sports", "Sports"]
    assert table.metadata["text"][4] == 'Match team, said "we won"'
    np.testing.assert_allclose(np.linalg.norm(table.x, axis=1), 1, atol=1e-6)
    near = table.x[:4] @ table.x[4]
    assert near[[1, 3]].min() > near[[0, 2]].max()
    test = load_corpus("ag_news", "test")
    np.testing.assert_array_equal(test.x, table.x[4:])
    assert (test.ids.tolist(), test.pointer) == ([4], None)


def test_vectors_of_other_texts_are_refused(install):
    rows = [{"domain": d, "label": 1, "reviewer_id": 3} for d in ("books", "dvd")]
    rows = [row | dict.fromkeys(("asin", "product_name", "date", "title", "text", "helpful"), "") for row in rows]
    rows = [row | {"rating": 5.0} for row in rows]
    known = {"embedding": np.eye(2, dtype=np.float16), "label": [1, 1], "reviewer_id": [3, 3]}
    texts = _json_lines(rows)
    vectors = _vectors(domain=["books", "dvd"], **known)
    install("amazon_reviews", "prepared", {"amazon_multidomain.jsonl.gz": texts, "amazon_reviews_minilm.npz": vectors})
    table = load_corpus("amazon_reviews")
    np.testing.assert_array_equal(table.x, np.eye(2))
    assert table.label.tolist() == ["positive", "positive"]
    vectors = _vectors(domain=["dvd", "books"], **known)
    install("amazon_reviews", "prepared", {"amazon_multidomain.jsonl.gz": texts, "amazon_reviews_minilm.npz": vectors})
    with pytest.raises(DataError, match="'domain' differs"):
        load_corpus("amazon_reviews")


def test_spoilt_lines(install):
    install("cisa_kev", "prepared", {"cisa_kev.jsonl.gz": gzip.compress(b'{"cveID": 1}\n{"cve')})
    with pytest.raises(DataError, match=r"lines of JSON in .*cisa_kev.jsonl.gz; it cannot be read"):
        load_corpus("cisa_kev")


def _centroid_accuracy(train, test) -> float:
    """Of the class whose mean training row points most in the direction of a test row."""
    classes = np.unique(train.label)
    means = np.stack([train.x[train.label == name].mean(axis=0) for name in classes])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return float((classes[(test.x @ means.T).argmax(axis=1)] == test.label).mean())


def _tfidf_accuracy(train, test, *, words: int = 1) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    weights = TfidfVectorizer(ngram_range=(1, words), sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=300)
    model.fit(weights.fit_transform(train.metadata["text"]), train.label)
    return float(model.score(weights.transform(test.metadata["text"]), test.label))


@pytest.mark.data
def test_the_real_news(data_home):
    train, test = load_corpus("ag_news", "train"), load_corpus("ag_news", "test")
    names = ["World", "Sports", "Business", "Sci/Tech"]
    assert [int((train.label == name).sum()) for name in names] == [1210, 1317, 1224, 1249]
    assert [int((test.label == name).sum()) for name in names] == [1900] * 4
    assert not set(train.metadata["text"]) & set(test.metadata["text"])
    assert _centroid_accuracy(train, test) > 0.85
    assert test.metadata["text"][0].startswith("Fears for T N pension after talks Unions representing")


@pytest.mark.data
@pytest.mark.slow
def test_the_real_news_by_words(data_home):
    accuracy = _tfidf_accuracy(load_corpus("ag_news", "train"), load_corpus("ag_news", "test"), words=2)
    assert accuracy == pytest.approx(0.877, abs=0.01)


@pytest.mark.data
def test_the_published_test_split_is_what_was_prepared(data_home):
    """The published file, written again from the prepared rows, has the published checksum."""
    path = data_home / "ag_news" / "ag_news_test.jsonl.gz"
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines()):
        writer.writerow([row["label"] + 1, row["title"], row["description"]])
    published = {file.short_name: file.checksum for file in corpora()["ag_news"].edition("published").files}
    assert published["test.csv"] == f"sha256:{hashlib.sha256(target.getvalue().encode()).hexdigest()}"


@pytest.mark.data
def test_the_real_reviews(data_home):
    table = load_corpus("amazon_reviews")
    domains, ratings = table.metadata["domain"], table.metadata["rating"]
    for domain in ("books", "dvd", "electronics", "kitchen"):
        for sentiment in ("positive", "negative"):
            assert ((domains == domain) & (table.label == sentiment)).sum() == 1_000
    assert set(ratings[table.label == "positive"].tolist()) == {4, 5}
    assert set(ratings[table.label == "negative"].tolist()) == {1, 2}
    reviewers, counts = np.unique(table.metadata["reviewer_id"], return_counts=True)
    assert counts[reviewers == -1].tolist() == [167]
    known = counts[reviewers != -1]
    assert (len(known), (known >= 2).sum(), (known >= 5).sum()) == (7170, 450, 26)
    books = domains == "books"
    assert _centroid_accuracy(table.take(~books), table.take(books)) > 0.7


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("domain", "accuracy"), [("books", 0.798), ("dvd", 0.819), ("electronics", 0.867), ("kitchen", 0.883)]
)
def test_the_real_reviews_by_words(data_home, domain, accuracy):
    table = load_corpus("amazon_reviews")
    table.metadata["text"][:] = table.metadata["title"] + " " + table.metadata["text"]
    held_out = table.metadata["domain"] == domain
    found = _tfidf_accuracy(table.take(~held_out), table.take(held_out), words=2)
    assert found == pytest.approx(accuracy, abs=0.02)


@pytest.fixture(scope="module")
def banking(data_home):
    """The rows of the prepared Banking77."""
    return load_corpus("banking77")


@pytest.mark.data
def test_the_real_intents(banking):
    counts = {split: int((banking.metadata["split"] == split).sum()) for split in ("train", "test")}
    assert counts == {"train": 10_003, "test": 3_080}
    assert len(set(banking.label.tolist())) == 77
    assert (np.linalg.norm(banking.x, axis=1) > 0.99).all(), "every question has a known word"
    train, test = (banking.take(banking.metadata["split"] == split) for split in ("train", "test"))
    assert _centroid_accuracy(train, test) > 0.74


@pytest.mark.data
@pytest.mark.slow
def test_the_real_intents_by_words(banking):
    train, test = (banking.take(banking.metadata["split"] == split) for split in ("train", "test"))
    assert _tfidf_accuracy(train, test) == pytest.approx(0.891, abs=0.015)


@pytest.mark.data
def test_the_published_intents_are_what_was_prepared(banking, data_home, install):
    """The published files, written again from the prepared rows, have the published checksums and give equal rows."""
    published = {file.short_name: file.checksum for file in corpora()["banking77"].edition("published").files}
    contents = {}
    for split in ("train", "test"):
        target = io.StringIO()
        writer = csv.writer(target)
        writer.writerow(["text", "category"])
        rows = banking.metadata["split"] == split
        writer.writerows(zip(banking.metadata["text"][rows], banking.label[rows].tolist(), strict=True))
        contents[f"{split}.csv"] = target.getvalue().encode()
        assert published[f"{split}.csv"] == f"sha256:{hashlib.sha256(contents[f'{split}.csv']).hexdigest()}"
    install("banking77", "published", contents)
    assert load_corpus("banking77").fingerprint == banking.fingerprint


@pytest.mark.data
def test_the_real_vulnerabilities(data_home):
    table = load_corpus("cisa_kev")
    vendors = table.metadata["vendor"].tolist()
    counts = {name: vendors.count(name) for name in ("Microsoft", "Apple", "Cisco", "Adobe")}
    assert counts == {"Microsoft": 340, "Apple": 84, "Cisco": 78, "Adobe": 74}
    dates = sorted(table.metadata["date_added"].tolist())
    assert (dates[0], dates[-1]) == ("2021-11-03", "2025-08-25")
    assert np.mean([len(text) for text in table.metadata["text"]]) == pytest.approx(194, abs=1)
    assert table.ids[0] == "CVE-2025-48384"
    nearest = (table.x @ table.x.T - 2 * np.eye(len(table))).argmax(axis=1)
    same = table.metadata["vendor"] == table.metadata["vendor"][nearest]
    assert same.mean() > 0.5, "descriptions of one vendor resemble each other"
