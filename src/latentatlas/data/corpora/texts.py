"""Texts: news, product reviews, questions to a bank, known vulnerabilities. The text itself is kept as metadata."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.core import DataError
from latentatlas.data.corpora.archives import csv_rows, json_lines, read_text
from latentatlas.data.corpora.corpus import Corpus, Edition, as_text
from latentatlas.data.corpora.semantic import SEMANTIC_DIM, fit_semantic_space
from latentatlas.data.download import CorpusFile, Files
from latentatlas.data.table import Table

__all__ = ["TEXTS", "sentence_vectors"]

_SPLITS = ("train", "test")
_TOPICS = np.array(["World", "Sports", "Business", "Sci/Tech"])
_MINILM_DIM = 384
_SEMANTIC = "latent semantic analysis"


def sentence_vectors(path: Path, **expected: Sequence[Any]) -> np.ndarray:
    """Prepared sentence embeddings as float32, after a check that they belong to these rows.

    Args:
        path: a `.npz` file with `embedding` and what is known of each row.
        expected: values by name that the file must hold too, in this order.

    Raises:
        DataError: if a column differs: the vectors belong to other rows.
    """
    with np.load(path, allow_pickle=False) as arrays:
        for name, values in expected.items():
            if not np.array_equal(arrays[name], np.asarray(values)):
                raise DataError(f"{path} wants the rows of its texts; {name!r} differs. Get texts and vectors anew.")
        return arrays["embedding"].astype(np.float32)


def _read_news_sample(files: Files, part: str | None) -> Table:
    """5,000 rows of the training split and the whole test split."""
    train = _lines(files["ag_news_train_subset5000.jsonl.gz"])
    test = _lines(files["ag_news_test.jsonl.gz"])
    texts = [row["text"] for row in train] + [f"{row['title']} {row['description']}" for row in test]
    x = [
        sentence_vectors(files[f"ag_news_{name}_minilm.npz"], label=[row["label"] for row in rows])
        for name, rows in (("train5000", train), ("test", test))
    ]
    codes = [row["label"] for row in (*train, *test)]
    return _news_table(np.concatenate(x), texts, codes, [len(train), len(test)])


def _read_news(files: Files, part: str | None) -> Table:
    rows = {split: csv_rows(read_text(files[f"{split}.csv"])) for split in _SPLITS}
    texts = [f"{title} {description}" for split in _SPLITS for _, title, description in rows[split]]
    codes = [int(code) - 1 for split in _SPLITS for code, _, _ in rows[split]]
    counts = [len(rows[split]) for split in _SPLITS]
    x = fit_semantic_space(texts[: counts[0]])(texts)
    return _news_table(x, texts, codes, counts)


def _news_table(x: np.ndarray, texts: list[str], codes: list[int], counts: list[int]) -> Table:
    metadata = {"text": as_text(texts), "split": np.repeat(_SPLITS, counts)}
    return Table(x, label=_TOPICS[codes], metadata=metadata)


def _read_reviews(files: Files, part: str | None) -> Table:
    rows = _lines(files["amazon_multidomain.jsonl.gz"])
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    known = {name: columns[name] for name in ("label", "domain", "reviewer_id")}
    return Table(
        sentence_vectors(files["amazon_reviews_minilm.npz"], **known),
        label=np.array(["negative", "positive"])[columns["label"]],
        metadata={
            **{name: as_text(columns[name]) for name in ("domain", "asin", "product_name", "date", "title", "text")},
            "helpful": as_text(columns["helpful"]),
            "rating": np.array(columns["rating"], np.float64),
            "reviewer_id": np.array(columns["reviewer_id"], np.int64),
        },
    )


def _read_intents(files: Files, part: str | None) -> Table:
    rows = _lines(files["banking77.jsonl.gz"])
    return _intents_table(*([row[name] for row in rows] for name in ("text", "category", "split")))


def _read_intents_csv(files: Files, part: str | None) -> Table:
    rows = [(*row, split) for split in _SPLITS for row in csv_rows(read_text(files[f"{split}.csv"]))[1:]]
    return _intents_table(*(list(column) for column in zip(*rows, strict=True)))


def _intents_table(texts: list[str], intents: list[str], splits: list[str]) -> Table:
    space = fit_semantic_space([text for text, split in zip(texts, splits, strict=True) if split == "train"])
    return Table(space(texts), label=np.array(intents), metadata={"text": as_text(texts), "split": np.array(splits)})


def _read_vulnerabilities(files: Files, part: str | None) -> Table:
    rows = _lines(files["cisa_kev.jsonl.gz"])
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    names = {
        "vendor": "vendorProject",
        "product": "product",
        "name": "vulnerabilityName",
        "date_added": "dateAdded",
        "ransomware_use": "knownRansomwareCampaignUse",
        "weaknesses": "cwes",
        "text": "shortDescription",
    }
    return Table(
        fit_semantic_space(columns["shortDescription"])(columns["shortDescription"]),
        ids=np.array(columns["cveID"]),
        metadata={ours: as_text(columns[theirs]) for ours, theirs in names.items()},
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return json_lines(read_text(path), where=path)


_NEWS_SAMPLE = (
    CorpusFile(
        "ag_news/ag_news_train_subset5000.jsonl.gz",
        "sha256:c5f07d0905021269b8a4463c9acfcf7334f4b3aeb9a4a5fbf9ece9e2783a62b9",
        512_850,
    ),
    CorpusFile(
        "ag_news/ag_news_test.jsonl.gz",
        "sha256:0f6057cd7a1bc296de5e8df792a97dce7b8724c6c237becd7549b988f1b72181",
        772_684,
    ),
    CorpusFile(
        "embeddings/ag_news_train5000_minilm.npz",
        "sha256:7dfc9d59f3a8c737ab0b57cb3c4716cec0af9350fe36501a9c3a9c48baa3f3b5",
        3_546_675,
    ),
    CorpusFile(
        "embeddings/ag_news_test_minilm.npz",
        "sha256:5376049b818faad300b7622d908a60409286a7c069fb0e1bab82442a31501e34",
        5_391_048,
    ),
)

# Checksums of the published AG News and Banking77: huggingface/datasets, dataset_infos.json. The first address is the
# one they were published for; the second is the commit from which the prepared files were made.
_NEWS_URL = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/{}/data/ag_news_csv/"
_NEWS_COMMITS = ("master", "555590db4219b1243abb1918effd6a7425a2d75f")
_BANKING_URL = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/{}/banking_data/"
_BANKING_COMMITS = ("master", "57ec275d8078af65b7731c2a98be812d844a6d6b")


def _at_commits(name: str, sha256: str, size: int, *, url: str, commits: tuple[str, ...]) -> CorpusFile:
    short_name = name.rpartition("/")[2]
    return CorpusFile(name, f"sha256:{sha256}", size, tuple(url.format(commit) + short_name for commit in commits))


_NEWS_FILES = tuple(
    _at_commits(f"ag_news/{name}", sha256, size, url=_NEWS_URL, commits=_NEWS_COMMITS)
    for name, sha256, size in (
        ("train.csv", "76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e", 29_470_338),
        ("test.csv", "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699", 1_857_427),
    )
)
_BANKING_FILES = tuple(
    _at_commits(f"banking77/{name}", sha256, size, url=_BANKING_URL, commits=_BANKING_COMMITS)
    for name, sha256, size in (
        ("train.csv", "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b", 839_073),
        ("test.csv", "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d", 239_961),
    )
)
_BANKING_PREPARED = CorpusFile(
    "banking77/banking77.jsonl.gz",
    "sha256:b222aa4392ddae5451bfc96780121c4e579a485ea39a3d322f12b44ca6c08f73",
    218_569,
)
_REVIEW_FILES = (
    CorpusFile(
        "amazon_reviews/amazon_multidomain.jsonl.gz",
        "sha256:fcbabc9f080ce64099d504269c6c2533802a0ff7ac55a12616d2e5066835de3d",
        3_154_302,
    ),
    CorpusFile(
        "embeddings/amazon_reviews_minilm.npz",
        "sha256:9df927e0ffc3a1559196b17c9e07ea984be5eb60b22978f9a534ba1c29245622",
        5_677_103,
    ),
)
_VULNERABILITY_FILE = CorpusFile(
    "cisa_kev/cisa_kev.jsonl.gz", "sha256:cbd4506afa6537f65eaea87857afaa5d701786db77aac44ddae9c4a2b4e5d0ff", 94_517
)

TEXTS = (
    Corpus(
        name="ag_news",
        kind="texts",
        title="News in four topics",
        details="Prepared: a sample of 5,000 of the 120,000 training rows and all 7,600 test rows, as MiniLM sentence"
        " embeddings; no result on it is one on AG News. Published: all rows, as latent semantic vectors "
        "fitted on the training rows.",
        license="Research, non-commercial use",
        citation="X. Zhang, J. Zhao, Y. LeCun, Character-level Convolutional Networks for Text Classification, "
        "NIPS 2015; A. Gulli's AG corpus",
        source="https://github.com/mhjabreel/CharCnn_Keras",
        editions=(
            Edition("prepared", 12_600, _MINILM_DIM, _read_news_sample, _NEWS_SAMPLE, "5,000-row training sample"),
            Edition("published", 127_600, SEMANTIC_DIM, _read_news, _NEWS_FILES, _SEMANTIC, exact=False),
        ),
        splits=_SPLITS,
    ),
    Corpus(
        name="amazon_reviews",
        kind="texts",
        title="Product reviews, half of them positive",
        details="Four domains of 2,000 labelled reviews each, as MiniLM sentence embeddings, with ids of reviewers "
        "(-1: unknown). 147 texts occur more than once.",
        license="No explicit licence; research",
        citation="J. Blitzer, M. Dredze, F. Pereira, Biographies, Bollywood, Boom-boxes and Blenders, ACL 2007",
        source="https://www.cs.jhu.edu/~mdredze/datasets/sentiment/",
        editions=(Edition("prepared", 8_000, _MINILM_DIM, _read_reviews, _REVIEW_FILES, "labelled reviews only"),),
    ),
    Corpus(
        name="banking77",
        kind="texts",
        title="Questions to a bank in 77 intents",
        details="Latent semantic vectors fitted on the training rows.",
        license="CC BY 4.0",
        citation="I. Casanueva et al., Efficient Intent Detection with Dual Sentence Encoders, NLP4ConvAI 2020",
        source="https://github.com/PolyAI-LDN/task-specific-datasets",
        editions=(
            Edition("prepared", 13_083, SEMANTIC_DIM, _read_intents, (_BANKING_PREPARED,), _SEMANTIC, exact=False),
            Edition("published", 13_083, SEMANTIC_DIM, _read_intents_csv, _BANKING_FILES, _SEMANTIC, exact=False),
        ),
        splits=_SPLITS,
    ),
    Corpus(
        name="cisa_kev",
        kind="texts",
        title="Known exploited vulnerabilities",
        details="Descriptions of entries from 2021-11-03 to 2025-08-25 as latent semantic vectors; no labels: for "
        "exploration.",
        license="CC0 1.0; no use of CISA marks",
        citation="Cybersecurity and Infrastructure Security Agency, Known Exploited Vulnerabilities Catalog, 2025",
        source="https://github.com/cisagov/kev-data",
        editions=(
            Edition(
                "prepared", 1_404, SEMANTIC_DIM, _read_vulnerabilities, (_VULNERABILITY_FILE,), _SEMANTIC, exact=False
            ),
        ),
    ),
)
