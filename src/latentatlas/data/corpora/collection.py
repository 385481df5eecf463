"""Retrieval sets as they are published and prepared: documents, queries, and who judged what relevant."""

from __future__ import annotations

from typing import Any, NamedTuple

from latentatlas.data.corpora.archives import json_lines, read_text, tar_members, zip_members
from latentatlas.data.download import Files

__all__ = ["Collection", "read_beir", "read_cranfield", "read_npl", "read_prepared", "read_prepared_nfcorpus"]

_QUERY_SPLITS = ("train", "dev", "test")
_NO_INTEREST = "-1"


class Collection(NamedTuple):
    """Documents and queries as rows with `_id` and `text`, and judgements as (query id, document id, score)."""

    documents: list[dict[str, Any]]
    queries: list[dict[str, Any]]
    judgements: list[tuple[str, str, int]]


def read_prepared(files: Files) -> Collection:
    """Cranfield and NPL as prepared: two files of JSON lines and one of judgements."""
    documents, queries = (
        json_lines(read_text(files[name]), where=files[name]) for name in ("corpus.jsonl.gz", "queries.jsonl.gz")
    )
    return Collection(documents, queries, _judgements(read_text(files["qrels.tsv"])))


def read_prepared_nfcorpus(files: Files) -> Collection:
    """NFCorpus as prepared: queries and judgements of each split in files of their own."""
    path = files["corpus.jsonl.gz"]
    queries, judgements = [], []
    for split in _QUERY_SPLITS:
        lines = files[f"queries_{split}.jsonl.gz"]
        queries += [{**row, "split": split} for row in json_lines(read_text(lines), where=lines)]
        judgements += _judgements(read_text(files[f"qrels_{split}.tsv{'.gz' if split == 'train' else ''}"]))
    return Collection(json_lines(read_text(path), where=path), queries, judgements)


def read_beir(files: Files) -> Collection:
    """NFCorpus as BEIR publishes it; a query belongs to the split in which it is judged."""
    path = files["nfcorpus.zip"]
    names = ["corpus.jsonl", "queries.jsonl", *(f"qrels/{split}.tsv" for split in _QUERY_SPLITS)]
    documents, queries, *judged = (
        content.decode("utf-8") for content in zip_members(path, *(f"nfcorpus/{name}" for name in names))
    )
    by_split = dict(zip(_QUERY_SPLITS, map(_judgements, judged), strict=True))
    split_of = {query: split for split, rows in by_split.items() for query, _, _ in rows}
    return Collection(
        json_lines(documents, where=path),
        [{**row, "split": split_of[row["_id"]]} for row in json_lines(queries, where=path) if row["_id"] in split_of],
        [row for rows in by_split.values() for row in rows],
    )


def read_cranfield(files: Files) -> Collection:
    """Cranfield as the Glasgow collections publish it; score = 5 - code, and lines with code -1 are left out.

    The judgements count queries from 1 in their order in the file, whatever number stands beside them there.
    """
    contents = tar_members(files["cran.tar.gz"], "cran.all.1400", "cran.qry", "cranqrel")
    documents, queries, judged = (content.decode("utf-8") for content in contents)
    lines = [line.split() for line in judged.splitlines() if line.strip()]
    return Collection(
        _smart_records(documents),
        [{**row, "_id": str(number)} for number, row in enumerate(_smart_records(queries), 1)],
        [(query, document, 5 - int(code)) for query, document, code in lines if code != _NO_INTEREST],
    )


def read_npl(files: Files) -> Collection:
    """NPL (Vaswani) as the Glasgow collections publish it: blocks that end with a line of one slash."""
    contents = tar_members(files["npl.tar.gz"], "doc-text", "query-text", "rlv-ass")
    documents, queries, judged = (_blocks(content.decode("utf-8")) for content in contents)
    return Collection(
        [{"_id": number, "text": " ".join(words)} for number, *words in documents],
        [{"_id": number, "text": " ".join(words)} for number, *words in queries],
        [(query, document, 1) for query, *relevant in judged for document in relevant],
    )


def _judgements(text: str) -> list[tuple[str, str, int]]:
    """Query, document and score of a BEIR-like table with a line of names."""
    rows = [line.split("\t") for line in text.splitlines()[1:] if line.strip()]
    return [(query, document, int(score)) for query, document, score in rows]


def _smart_records(text: str) -> list[dict[str, Any]]:
    """Records of the SMART format: `.I` number, then `.T` title, `.A` author, `.B` source and `.W` text."""
    fields = {".T": "title", ".A": "author", ".B": "source", ".W": "text"}
    records: list[dict[str, Any]] = []
    words: list[str] = []
    for line in text.splitlines():
        if line.startswith(".I "):
            words = []
            records.append({"_id": line.split()[1], "text": words})
        elif line.strip() in fields:
            words = records[-1].setdefault(fields[line.strip()], [])
        else:
            words += line.split()
    return [{name: value if name == "_id" else " ".join(value) for name, value in record.items()} for record in records]


def _blocks(text: str) -> list[list[str]]:
    r"""The words of each block; blocks end with a line that holds a slash only.

    >>> _blocks("1\none two\n   /\n2\nthree\n   /\n")
    [['1', 'one', 'two'], ['2', 'three']]
    """
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip() == "/":
            blocks.append([])
        else:
            blocks[-1] += line.split()
    return [block for block in blocks if block]
