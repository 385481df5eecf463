"""Retrieval sets: documents as rows, queries in the same space, and judgements that join them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from latentatlas.core import ShapeError
from latentatlas.data.corpora.collection import (
    Collection,
    read_beir,
    read_cranfield,
    read_npl,
    read_prepared,
    read_prepared_nfcorpus,
)
from latentatlas.data.corpora.corpus import Corpus, Edition, as_text
from latentatlas.data.corpora.semantic import SEMANTIC_DIM, fit_semantic_space
from latentatlas.data.corpora.texts import sentence_vectors
from latentatlas.data.download import CorpusFile, Files
from latentatlas.data.table import Table

__all__ = ["RETRIEVAL", "Retrieval", "RetrievalReader", "named"]

_SEMANTIC = "latent semantic analysis"
_MINILM_SPLIT = "test"


@final
@dataclass(frozen=True, eq=False)
class Retrieval:
    """Documents, queries in the same space, and which documents were judged relevant to which query.

    Attributes:
        documents: one row per document.
        queries: one row per query; `metadata["split"]` where the set has splits.
        judgements: sparse (queries, documents): the score of a judged pair; an entry that is not there was not judged.

    Raises:
        ShapeError: if the shape of `judgements` is not (queries, documents).
    """

    documents: Table
    queries: Table
    judgements: Any

    def __post_init__(self) -> None:
        wanted = len(self.queries), len(self.documents)
        if self.judgements.shape != wanted:
            raise ShapeError(f"Retrieval wants judgements of shape {wanted}; got {self.judgements.shape}. Transpose?")


@final
@dataclass(frozen=True)
class RetrievalReader:
    """Reads a retrieval set: as documents, as queries (the view "queries"), or joined by its judgements.

    Args:
        collection: reads documents, queries and judgements.
        minilm: whether sentence embeddings of the documents and of the test queries lie beside them.
    """

    collection: Callable[[Files], Collection]
    minilm: bool = False

    def __call__(self, files: Files, part: str | None) -> Table:
        """The documents, or the view "queries": those in the documents' space (of test, where it is MiniLM)."""
        retrieval = self.joined(files, _MINILM_SPLIT if self.minilm else None)
        return retrieval.documents if part is None else retrieval.queries

    def joined(self, files: Files, split: str | None) -> Retrieval:
        """Documents and the queries of a split (None: all), in one space.

        The space is that of the sentence embeddings where there are some for all these queries (test), else latent
        semantic analysis of the documents. Documents without a word are left out, and judgements that name them.
        """
        documents, queries, judgements = self.collection(files)
        documents = [row for row in documents if row["text"].strip()]
        queries = [row for row in queries if split is None or row.get("split", split) == split]
        if self.minilm and split == _MINILM_SPLIT:
            vectors = [
                sentence_vectors(files[f"nfcorpus_{name}_minilm.npz"], id=[row["_id"] for row in rows])
                for name, rows in (("corpus", documents), ("queries_test", queries))
            ]
            space = "MiniLM"
        else:
            texts = [_whole_text(row) for row in documents]
            place = fit_semantic_space(texts)
            vectors = [place(texts), place([row["text"] for row in queries])]
            space = _SEMANTIC
        matrix = _matrix(judgements, queries, documents)
        return Retrieval(_table(vectors[0], documents, space), _table(vectors[1], queries, space), matrix)


def _whole_text(row: dict[str, Any]) -> str:
    """Title and text, where the text does not begin with the title already."""
    title = row.get("title", "")
    return row["text"] if row["text"].startswith(title) else f"{title} {row['text']}"


def _table(x: np.ndarray, rows: Sequence[dict[str, Any]], space: str) -> Table:
    kept = [name for name in rows[0] if name != "_id" and all(isinstance(row.get(name), str | bool) for row in rows)]
    columns = {name: [row[name] for row in rows] for name in kept}
    return Table(
        x,
        ids=np.array([row["_id"] for row in rows]),
        metadata={name: np.array(v) if isinstance(v[0], bool) else as_text(v) for name, v in columns.items()},
        name=space,
    )


def _matrix(
    judgements: Sequence[tuple[str, str, int]], queries: Sequence[dict[str, Any]], documents: Sequence[dict[str, Any]]
) -> Any:
    from scipy.sparse import csr_array

    query_rows = {row["_id"]: number for number, row in enumerate(queries)}
    document_rows = {row["_id"]: number for number, row in enumerate(documents)}
    known = [(q, d, score) for q, d, score in judgements if q in query_rows and d in document_rows]
    at = [query_rows[q] for q, _, _ in known], [document_rows[d] for _, d, _ in known]
    return csr_array(([score for *_, score in known], at), shape=(len(queries), len(documents)), dtype=np.int64)


def named(retrieval: Retrieval, corpus: str) -> Retrieval:
    """The same with the names that titles show."""
    documents = replace(retrieval.documents, name=f"{corpus} ({retrieval.documents.name})", pointer=None)
    queries = replace(retrieval.queries, name=f"{corpus}:queries ({retrieval.queries.name})", pointer=None)
    return replace(retrieval, documents=documents, queries=queries)


def _prepared(folder: str, *files: tuple[str, str, int]) -> tuple[CorpusFile, ...]:
    return tuple(CorpusFile(f"{folder}/{name}", f"sha256:{sha256}", size) for name, sha256, size in files)


_NFCORPUS_PREPARED = (
    *_prepared(
        "retrieval/nfcorpus",
        ("corpus.jsonl.gz", "eb1755976852106e0d70f7269fc9f4bb64f257b400b85d1854fcb03436f48379", 1_948_690),
        ("queries_train.jsonl.gz", "49558766cfb342e3a53467bb8e9e2e6f8fd612644342a5b8419fc33d92b8017d", 76_381),
        ("queries_dev.jsonl.gz", "1eba703b49a8d2bbbf2148b5e511f166f98e8863ba8164464aeb3e9c2c0071b9", 11_056),
        ("queries_test.jsonl.gz", "89b826a141648b8c197fea865c6a5941dd7898aebbf6ce194a576e9cc125aa70", 10_749),
        ("qrels_train.tsv.gz", "45b079248c0fe70bce39ab0b9ae9368f0f15cd531c364587638c37388368c4c4", 288_817),
        ("qrels_dev.tsv", "e28db4337c8f195b9fda0168759b12de5a051d57e5a08356344a86d730efc8ee", 246_832),
        ("qrels_test.tsv", "680b4cb9f2f3b02a98f4f4f59fc55c57f534fde405335a34e9de2e64ac8a8193", 267_237),
    ),
    *_prepared(
        "embeddings",
        ("nfcorpus_corpus_minilm.npz", "8c0622f37677ed0595209429bb85d51cb9cc8a8b5d53254399abc0d9f155228d", 2_579_533),
        (
            "nfcorpus_queries_test_minilm.npz",
            "fbdcde0401fd6c8e5397c0697b60937db675fd958fd14e828cbfc7e0946de8d9",
            231_926,
        ),
    ),
)
_CRANFIELD_PREPARED = _prepared(
    "retrieval/cranfield",
    ("corpus.jsonl.gz", "44ad85da05b92aeb531589e72fa6a2b290a6faabc0c61452e62d99d8b0e8e73e", 447_900),
    ("queries.jsonl.gz", "b0bb8bf06c37d45a5dcb9a02811a1f4a12691c560acd6d74fbec6cf00943e55c", 9_877),
    ("qrels.tsv", "1eea9d17af5fea31ca3a7a22c78b50fd6a8037484ab4389fe0f201b7d04a0cb5", 15_552),
)
_NPL_PREPARED = _prepared(
    "retrieval/npl",
    ("corpus.jsonl.gz", "765b5050be1bbf74d0f4fec7fe0065f949f41f6e23bad40c727658bb7ac44f69", 990_306),
    ("queries.jsonl.gz", "5b64f3fa377ca57d8975c34927e2f627ac522f8b06a2dd081398a9e36a7b72bb", 3_036),
    ("qrels.tsv", "e4ce1335ba4914ea0d574e6a08264e1c2d3677d93acf2ea699cfef31d19cca88", 20_722),
)

# MD5 is what was published: of nfcorpus by BEIR, of cranfield and npl by ir_datasets.
_NFCORPUS_ARCHIVE = CorpusFile(
    "retrieval/nfcorpus/nfcorpus.zip",
    "md5:a89dba18a62ef92f7d323ec890a0d38d",
    2_448_432,
    ("https://public.ukp.informatik.tu-darmstadt.de/thakur/BEIR/datasets/nfcorpus.zip",),
)
_CRANFIELD_ARCHIVE = CorpusFile(
    "retrieval/cranfield/cran.tar.gz",
    "md5:1730f7be572d95a5a4b56c59a7b900a5",
    506_960,
    ("http://ir.dcs.gla.ac.uk/resources/test_collections/cran/cran.tar.gz",),
)
_NPL_ARCHIVE = CorpusFile(
    "retrieval/npl/npl.tar.gz",
    "md5:23e5607081191b153738e81fbd834680",
    2_125_168,
    ("http://ir.dcs.gla.ac.uk/resources/test_collections/npl/npl.tar.gz",),
)

_PREPARED_NFCORPUS = RetrievalReader(read_prepared_nfcorpus, minilm=True)
_PREPARED = RetrievalReader(read_prepared)

RETRIEVAL = (
    Corpus(
        name="nfcorpus",
        kind="retrieval",
        title="Medical abstracts with judged queries",
        details="Prepared: stop words removed by its authors, documents and the 325 test queries as MiniLM sentence "
        "embeddings. Published: as latent semantic vectors. The view `queries` lies in the space of the "
        "documents.",
        license="Academic use",
        citation="V. Boteva, D. Gholipour, A. Sokolov, S. Riezler, A Full-Text Learning to Rank Dataset for Medical "
        "Information Retrieval, ECIR 2016",
        source="https://www.cl.uni-heidelberg.de/statnlpgroup/nfcorpus/",
        editions=(
            Edition("prepared", 3_633, 384, _PREPARED_NFCORPUS, _NFCORPUS_PREPARED, "stop words removed"),
            Edition(
                "published",
                3_633,
                SEMANTIC_DIM,
                RetrievalReader(read_beir),
                (_NFCORPUS_ARCHIVE,),
                _SEMANTIC,
                exact=False,
            ),
        ),
        views=("queries",),
    ),
    Corpus(
        name="cranfield",
        kind="retrieval",
        title="Abstracts on aerodynamics with queries",
        details="Latent semantic vectors fitted on the documents. The abstracts 471 and 995 are empty and left out, "
        "with the one judgement that names 995.",
        license="No explicit licence; public",
        citation="C. Cleverdon, The Cranfield tests on index language devices, 1967",
        source="http://ir.dcs.gla.ac.uk/resources/test_collections/cran/",
        editions=(
            Edition("prepared", 1_398, SEMANTIC_DIM, _PREPARED, _CRANFIELD_PREPARED, _SEMANTIC, exact=False),
            Edition(
                "published",
                1_398,
                SEMANTIC_DIM,
                RetrievalReader(read_cranfield),
                (_CRANFIELD_ARCHIVE,),
                _SEMANTIC,
                exact=False,
            ),
        ),
        views=("queries",),
    ),
    Corpus(
        name="npl",
        kind="retrieval",
        title="Abstracts on physics with queries",
        details="Latent semantic vectors fitted on the documents; also known as Vaswani.",
        license="No explicit licence; public",
        citation="P. K. T. Vaswani, J. B. Cameron, The National Physical Laboratory experiments in statistical word "
        "associations and their use in document indexing and retrieval, 1970",
        source="http://ir.dcs.gla.ac.uk/resources/test_collections/npl/",
        editions=(
            Edition("prepared", 11_429, SEMANTIC_DIM, _PREPARED, _NPL_PREPARED, _SEMANTIC, exact=False),
            Edition(
                "published", 11_429, SEMANTIC_DIM, RetrievalReader(read_npl), (_NPL_ARCHIVE,), _SEMANTIC, exact=False
            ),
        ),
        views=("queries",),
    ),
)
