from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError
from latentatlas.data import Retrieval, load_corpus, load_retrieval


def _ndcg(scores: np.ndarray, judgements, k: int = 10) -> float:
    """Mean over the queries with a judgement: linear gain, log2 discount, ideal over all judged documents."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    values = []
    for row, judged in zip(scores, judgements.toarray(), strict=True):
        if judged.any():
            best = np.sort(judged)[::-1][:k] @ discounts
            found = judged[np.argsort(-row, kind="stable")[:k]] @ discounts
            values.append(found / best)
    return float(np.mean(values))


def _by_words(retrieval: Retrieval) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    documents = weights.fit_transform(retrieval.documents.metadata["text"])
    queries = weights.transform(retrieval.queries.metadata["text"])
    return _ndcg((queries @ documents.T).toarray(), retrieval.judgements)


BEIR = {
    "nfcorpus/corpus.jsonl": [
        {"_id": "MED-1", "title": "Statins", "text": "statins and the heart", "metadata": {"url": "x"}},
        {"_id": "MED-2", "title": "Bread", "text": "bread and the heart", "metadata": {"url": "y"}},
        {"_id": "MED-3", "title": "Bread", "text": "statins of bread", "metadata": {"url": "z"}},
        {"_id": "MED-4", "title": "", "text": " ", "metadata": {}},
    ],
    "nfcorpus/queries.jsonl": [
        {"_id": "PLAIN-9", "text": "bread", "metadata": {}},
        {"_id": "PLAIN-8", "text": "statins", "metadata": {}},
        {"_id": "PLAIN-7", "text": "nobody judged this", "metadata": {}},
    ],
    "nfcorpus/qrels/train.tsv": "PLAIN-9\tMED-2\t2\nPLAIN-9\tMED-3\t1\nPLAIN-9\tMED-4\t1\n",
    "nfcorpus/qrels/dev.tsv": "",
    "nfcorpus/qrels/test.tsv": "PLAIN-8\tMED-1\t2\n",
}


def test_beir_as_it_is_published(install, zipped):
    members = {
        name: ("query-id\tcorpus-id\tscore\n" + rows if isinstance(rows, str) else "\n".join(map(json.dumps, rows)))
        for name, rows in BEIR.items()
    }
    archive = zipped({name: text.encode() for name, text in members.items()})
    install("nfcorpus", "published", {"nfcorpus.zip": archive})
    whole = load_retrieval("nfcorpus")
    assert whole.documents.ids.tolist() == ["MED-1", "MED-2", "MED-3"], "the empty document is left out"
    assert whole.queries.ids.tolist() == ["PLAIN-9", "PLAIN-8"]
    assert whole.queries.metadata["split"].tolist() == ["train", "test"]
    np.testing.assert_array_equal(whole.judgements.toarray(), [[0, 2, 1], [2, 0, 0]])
    assert (whole.queries.x @ whole.documents.x.T).argmax(axis=1).tolist()[1] == 0
    assert load_retrieval("nfcorpus", "test").queries.ids.tolist() == ["PLAIN-8"]
    assert load_corpus("nfcorpus").name == "nfcorpus (latent semantic analysis)"
    assert load_corpus("nfcorpus", "queries").pointer is None, "they are computed"
    with pytest.raises(DataError, match=r"There are: train, dev, test"):
        load_retrieval("nfcorpus", "all")


CRANFIELD = {
    "cran.all.1400": ".I 1\n.T\nwing flow .\n.A\nann,b.\n.B\nj. 1\n.W\nwing flow .\nthe flow of a\nwing\n"
    ".I 2\n.T\nheat .\n.A\n.B\n.W\nheat .  heat and flow of a wing\n.I 3\n.T\n.A\n.B\n.W\n",
    "cran.qry": ".I 004\n.W\nwhat is\nwing flow .\n.I 002\n.W\nheat .\n",
    "cranqrel": "1 1 2\n1 2 -1\n2 2 4\n2 3 1 \n",
}


def test_cranfield_as_it_is_published(install, tarred):
    archive = tarred({f"./{name}": text.encode() for name, text in CRANFIELD.items()})
    install("cranfield", "published", {"cran.tar.gz": archive})
    retrieval = load_retrieval("cranfield")
    assert retrieval.documents.ids.tolist() == ["1", "2"]
    assert retrieval.documents.metadata["text"][0] == "wing flow . the flow of a wing"
    assert retrieval.documents.metadata["author"].tolist() == ["ann,b.", ""]
    assert retrieval.queries.ids.tolist() == ["1", "2"], "in the order of the file, whatever number stands there"
    assert retrieval.queries.metadata["text"].tolist() == ["what is wing flow .", "heat ."]
    np.testing.assert_array_equal(retrieval.judgements.toarray(), [[3, 0], [0, 1]])


def test_npl_as_it_is_published(install, tarred):
    members = {
        "doc-text": "1\nmemories have\n capacity\n   /\n2\nmemories of light\n   /\n3\nlight capacity\n   /\n   /\n",
        "query-text": "1\nLIGHT OF LAMPS\n/\n2\nMEMORIES\n/\n",
        "rlv-ass": "1\n     2     3\n   /\n2\n     1\n     2\n   /\n",
    }
    archive = tarred({name: text.encode() for name, text in members.items()})
    install("npl", "published", {"npl.tar.gz": archive})
    retrieval = load_retrieval("npl")
    assert retrieval.documents.metadata["text"][0] == "memories have capacity"
    np.testing.assert_array_equal(retrieval.judgements.toarray(), [[0, 1, 1], [1, 1, 0]])
    assert (retrieval.queries.x @ retrieval.documents.x.T)[0].argmin() == 0


def test_judgements_join_documents_and_queries(install):
    documents = load_corpus("digits")
    with pytest.raises(ShapeError, match=r"judgements of shape \(1797, 1797\); got \(2, 2\)"):
        Retrieval(documents, documents, np.zeros((2, 2)))


@pytest.mark.data
def test_the_real_nfcorpus(data_home):
    retrieval = load_retrieval("nfcorpus", "test")
    assert (len(retrieval.documents), len(retrieval.queries), retrieval.judgements.nnz) == (3_633, 325, 12_334)
    assert (np.diff(retrieval.judgements.indptr) == 0).sum() == 2, "queries without a judgement"
    assert retrieval.documents.metadata["stemmed_only"].sum() == 238
    assert _by_words(retrieval) == pytest.approx(0.308, abs=0.002)
    meaning = _ndcg(retrieval.queries.x @ retrieval.documents.x.T, retrieval.judgements)
    assert 0.2 < meaning < 0.4
    table = load_corpus("nfcorpus", "queries")
    np.testing.assert_array_equal(table.x, retrieval.queries.x)
    assert table.x.shape[1] == load_corpus("nfcorpus").x.shape[1] == 384


@pytest.mark.data
@pytest.mark.slow
def test_the_other_queries_of_the_real_nfcorpus(data_home):
    whole = load_retrieval("nfcorpus")
    splits = whole.queries.metadata["split"]
    counts = {
        name: (int((splits == name).sum()), int(whole.judgements[np.flatnonzero(splits == name)].nnz))
        for name in ("train", "dev", "test")
    }
    assert counts == {"train": (2_594, 110_575), "dev": (325, 11_385), "test": (325, 12_334)}
    assert set(whole.judgements.data.tolist()) == {1, 2}
    assert whole.queries.name == "nfcorpus:queries (latent semantic analysis)"


@pytest.fixture(scope="module")
def cranfield(data_home):
    """The prepared collection."""
    return load_retrieval("cranfield")


@pytest.mark.data
def test_the_real_cranfield(cranfield):
    retrieval = cranfield
    assert (len(retrieval.documents), len(retrieval.queries)) == (1_398, 225)
    assert retrieval.judgements.nnz == 1_612 - 1, "one judgement names an empty abstract"
    assert not {"471", "995"} & set(retrieval.documents.ids.tolist())
    assert _by_words(retrieval) == pytest.approx(0.347, abs=0.012)
    assert _ndcg(retrieval.queries.x @ retrieval.documents.x.T, retrieval.judgements) > 0.35


@pytest.mark.data
def test_the_real_cranfield_is_read_as_it_was_prepared(data_home, cranfield, install, tarred):
    """The prepared rows, written in the published layout, are read back as the same collection."""
    folder = data_home / "retrieval" / "cranfield"
    documents, queries = (
        [json.loads(line) for line in gzip.decompress((folder / name).read_bytes()).decode().splitlines()]
        for name in ("corpus.jsonl.gz", "queries.jsonl.gz")
    )
    members = {
        "cran.all.1400": "".join(
            f".I {d['_id']}\n.T\n{d['title']}\n.A\n{d['author']}\n.B\n.W\n{d['text']}\n" for d in documents
        ),
        "cran.qry": "".join(f".I {q['orig_id']}\n.W\n{q['text']}\n" for q in queries),
        "cranqrel": (folder / "cranqrel_raw.txt").read_text(),
    }
    archive = tarred({name: text.encode() for name, text in members.items()})
    install("cranfield", "published", {"cran.tar.gz": archive})
    published = load_retrieval("cranfield")
    assert (published.judgements != cranfield.judgements).nnz == 0
    assert published.documents.fingerprint == cranfield.documents.fingerprint
    assert published.queries.fingerprint == cranfield.queries.fingerprint


@pytest.mark.data
def test_the_real_npl(data_home):
    retrieval = load_retrieval("npl")
    assert (len(retrieval.documents), len(retrieval.queries)) == (11_429, 93)
    assert retrieval.judgements.nnz == 2_083
    assert _by_words(retrieval) == pytest.approx(0.269, abs=0.002)
