"""`latentatlas data`: list, get and show, and every corpus through them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from latentatlas.data import corpora, load_corpus

WRITTEN = [name for name, corpus in corpora().items() if corpus.kind != "synthetic"]
HEAVY = ("mnist", "npl", "mitbih")
PREPARED = [  # all but fashion_mnist, of which there is no prepared copy
    pytest.param(name, marks=pytest.mark.slow) if name in HEAVY else name for name in WRITTEN if name != "fashion_mnist"
]
TRUTH = {  # from the manifest of the prepared files
    "digits": {"0": 178, "3": 183},
    "mnist": {"1": 7_877, "5": 6_313},
    "cifar10": {"cat": 1_000, "truck": 1_000},
    "ag_news": {"World": 3_110, "Sports": 3_217, "Business": 3_124, "Sci/Tech": 3_149},
    "amazon_reviews": {"negative": 4_000, "positive": 4_000},
    "mitbih": {"Q": 8_040, "F": 802},  # each less those within 128 samples of an end: 3 and 1
    "hapt": {"SITTING": 1_801},
    "movielens": {"Drama": 2_218},
}


def test_list(latentatlas):
    outcome = latentatlas("data", "list")
    assert outcome.code == 0
    for name, corpus in corpora().items():
        assert name in outcome.out
        assert corpus.kind in outcome.out


def test_list_for_programs(latentatlas):
    listed = latentatlas("data", "list", "--json").json
    assert list(listed) == list(corpora())
    assert listed["digits"]["rows"] == 1_797
    assert listed["mnist"]["splits"] == ["train", "test"]
    assert [edition["name"] for edition in listed["ag_news"]["editions"]] == ["prepared", "published"]
    assert listed["ag_news"]["editions"][1]["rows"] == 127_600
    assert listed["hapt"]["editions"][0]["files"][0]["checksum"].startswith("sha256:6f77")


def test_get_what_needs_no_files(latentatlas):
    outcome = latentatlas("data", "get", "digits")
    assert outcome.code == 0
    assert "digits is bundled; there is nothing to download" in outcome.message
    listed = latentatlas("data", "get", "torus", "--json").json
    assert listed == {"corpus": "torus", "edition": "computed", "license": "none needed", "files": []}


def test_get_what_does_not_exist(latentatlas):
    outcome = latentatlas("data", "get", "mnits")
    assert outcome.code == 2
    assert "There is no corpus 'mnits'. Did you mean 'mnist'?" in outcome.message
    assert "no edition 'prepard'" in latentatlas("data", "get", "cifar10", "--edition", "prepard").message


def test_get_without_a_network(latentatlas, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTATLAS_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("pooch.HTTPDownloader.__call__", _no_connection)
    outcome = latentatlas("data", "get", "fashion_mnist")
    assert outcome.code == 2
    assert "no connection" in outcome.message
    assert "The original is at https://physionet.org" in latentatlas("data", "get", "mitbih").message


def _no_connection(*_: object) -> None:
    raise ConnectionError


@pytest.mark.data
def test_get_a_prepared_copy(latentatlas, data_home):
    listed = latentatlas("data", "get", "banking77", "--json").json
    assert listed["files"] == [
        {
            "path": str(data_home / "banking77" / "banking77.jsonl.gz"),
            "bytes": 218_569,
            "checksum": "sha256:b222aa4392ddae5451bfc96780121c4e579a485ea39a3d322f12b44ca6c08f73",
        }
    ]
    outcome = latentatlas("data", "get", "banking77")
    assert "banking77 (prepared), verified" in outcome.out
    assert "Terms: CC BY 4.0. Please cite: I. Casanueva" in outcome.message


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """Three rows with two features, a class, and a column with a gap."""
    path = tmp_path / "rows.csv"
    frame = pandas.DataFrame({"id": ["r1", "r2", "r3"], "a": [1, 2, 3], "b": [0.5, 0.25, 4], "kind": list("xxy")})
    frame.assign(note=["[b]", None, "fine"]).to_csv(path, index=False)
    return path


def test_show_a_file(latentatlas, csv):
    facts = latentatlas("data", "show", csv, "--label", "kind", "--json").json
    assert (facts["rows"], facts["features"], facts["columns"], facts["item_shape"]) == (3, 2, ["a", "b"], None)
    assert facts["x"] == {"min": 0.25, "max": 4, "mean": pytest.approx(10.75 / 6)}
    assert facts["ids"] == {"kind": "text", "first": ["r1", "r2", "r3"]}
    assert facts["labels"] == {"x": 2, "y": 1}
    assert facts["roles"] == {"label": {"kind": "text", "missing": 0, "distinct": 2}}
    assert facts["metadata"] == {"note": {"kind": "text", "missing": 1, "distinct": 3}}
    assert len(facts["fingerprint"]) == 64
    assert "corpus" not in facts


def test_show_a_file_for_people(latentatlas, csv):
    outcome = latentatlas("data", "show", csv, "--nuisance", "kind", "--vector", "b", "--id", "id")
    assert outcome.code == 0
    for part in ("rows", "1: b", "text: r1, r2, r3", "0.25 to 4", "kind", "note"):
        assert part in outcome.out


def test_show_names_a_wrong_column(latentatlas, csv):
    outcome = latentatlas("data", "show", csv, "--label", "knid")
    assert outcome.code == 2
    assert "Did you mean 'kind'?" in outcome.message


def test_show_a_synthetic_set(latentatlas):
    facts = latentatlas("data", "show", "coloured_digits", "--json").json
    assert facts["item_shape"] == [8, 8, 3]
    assert "environment" in facts["roles"]


@pytest.mark.data
@pytest.mark.parametrize("name", PREPARED)
def test_every_corpus_shows_its_truth(latentatlas, data_home, name):
    facts = latentatlas("data", "show", name, "--json").json
    corpus = corpora()[name]
    edition = corpus.edition()
    assert (facts["rows"], facts["features"]) == (edition.rows, edition.features)
    assert facts["corpus"]["license"] == corpus.license
    assert {label: facts["labels"][label] for label in TRUTH.get(name, {})} == TRUTH.get(name, {})
    assert facts["name"] == (f"{name} ({edition.note})" if edition.note else name)


@pytest.mark.data
def test_show_a_corpus_for_people(latentatlas, data_home):
    outcome = latentatlas("data", "show", "hapt:test")
    assert outcome.code == 0
    for part in ("3,162", "items of 6 × 128", "CC BY 4.0", "train, test", "10 largest of 12", "STANDING"):
        assert part in outcome.out


@pytest.mark.data
def test_a_split_and_a_view_as_sources(latentatlas, data_home):
    facts = latentatlas("data", "show", "pbmc:harmony", "--label", "donor", "--json").json
    assert facts["labels"] == {"B": 2_000, "C": 1_000, "A": 500}
    assert facts["fingerprint"] != load_corpus("pbmc").fingerprint
    assert np.isclose(facts["x"]["mean"], load_corpus("pbmc", "harmony").x.mean(), atol=1e-6)
