"""What every corpus declares, and which edition is taken."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.data import (
    corpora,
    download_corpus,
    load_corpus,
    load_hierarchy,
    load_ratings,
    load_retrieval,
    read_table,
)

NAMES = (
    "digits mnist fashion_mnist cifar10 ag_news amazon_reviews banking77 cisa_kev nfcorpus cranfield npl mitbih hapt "
    "glove pbmc movielens wordnet_mammals"
)
PUBLISHED = "mnist fashion_mnist cifar10 ag_news banking77 nfcorpus cranfield npl glove pbmc movielens wordnet_mammals"


def test_every_corpus_is_there():
    assert [name for name, corpus in corpora().items() if corpus.kind != "synthetic"] == NAMES.split()
    with pytest.raises(TypeError):
        corpora()["mine"] = None


def test_every_corpus_says_what_it_is():
    for name, corpus in corpora().items():
        assert corpus.name == name
        assert all((corpus.kind, corpus.title, corpus.details, corpus.license, corpus.citation, corpus.source))
        assert len({edition.name for edition in corpus.editions}) == len(corpus.editions)
        assert not set(corpus.splits) & set(corpus.views)


def test_every_file_has_a_checksum_and_a_place_of_its_own():
    files = [file for corpus in corpora().values() for edition in corpus.editions for file in edition.files]
    assert len({file.name for file in files}) == len(files)
    for file in files:
        assert re.fullmatch("sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", file.checksum), file
        assert all(re.match("https?://", url) for url in file.urls)


def test_where_a_published_checksum_is_known_the_original_can_be_downloaded():
    able = {name for name, corpus in corpora().items() for e in corpus.editions if e.files and e.downloadable}
    assert able == set(PUBLISHED.split())


@pytest.mark.data
def test_checksums_and_sizes_are_those_of_the_manifest(data_home):
    rows = re.findall(r"\| `([^`]+)` \| (\d+) \| `([0-9a-f]{64})` \|", (data_home / "MANIFEST.md").read_text())
    manifest = {name: (f"sha256:{sha256}", int(size)) for name, size, sha256 in rows}
    files = {file.name: file for corpus in corpora().values() for e in corpus.editions for file in e.files}
    ours = {name: (file.checksum, file.size) for name, file in files.items() if name in manifest}
    assert ours == {name: manifest[name] for name in ours}
    unused = set(manifest) - set(ours)
    assert {Path(name).name for name in unused} == {
        "README.txt",
        "README_original.txt",
        "cranqrel_raw.txt",
        "cranqrel_readme.txt",
        "links.csv.gz",
        "tags.csv.gz",
    }


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        ("mnits", None, "no corpus 'mnits'. Did you mean 'mnist'"),
        ("mnist", "valid", "There are: train, test"),
        ("pbmc", "harmoni", "Did you mean 'harmony'"),
        ("digits", "train", "no split 'train'. There are none"),
    ],
)
def test_unknown_corpora_and_parts(name, part, message):
    with pytest.raises(DataError, match=message):
        load_corpus(name, part)


def test_unknown_names_elsewhere():
    with pytest.raises(DataError, match="no corpus"):
        download_corpus("nothing")
    with pytest.raises(DataError, match=r"no edition 'publishd'\. Did you mean 'published'"):
        load_corpus("mnist", edition="publishd")
    with pytest.raises(
        DataError, match=r"'mnist' holds no documents and queries\. There are: nfcorpus, cranfield, npl"
    ):
        load_retrieval("mnist")
    with pytest.raises(DataError, match=r"holds no ratings\. There are: movielens"):
        load_ratings("glove")
    with pytest.raises(DataError, match=r"holds no hierarchy\. There are: wordnet_mammals"):
        load_hierarchy("glove")
    with pytest.raises(DataError, match=r"queries of 'npl' have no split 'test'\. There are none"):
        load_retrieval("npl", "test")


MAMMALS = "cat\tmammal\nlion\tcat\nlion\tmammal\n"


def test_the_first_edition_at_hand_is_taken(install, gzipped):
    home = install("wordnet_mammals", "published", {"mammal_closure.tsv": MAMMALS.encode()})
    assert corpora()["wordnet_mammals"].edition().name == "published"
    install("wordnet_mammals", "prepared", {"mammal_closure.tsv.gz": gzipped(MAMMALS)})
    assert corpora()["wordnet_mammals"].edition().name == "prepared"
    (home / "wordnet_mammals" / "mammal_closure.tsv.gz").unlink()
    table = load_corpus("wordnet_mammals")
    assert table.ids.tolist() == ["cat", "lion", "mammal"]
    np.testing.assert_array_equal(table.x, [[1, 0, 1], [1, 1, 1], [0, 0, 1]])
    with pytest.raises(DataError, match=r"mammal_closure\.tsv\.gz .*no address of it is known"):
        load_corpus("wordnet_mammals", edition="prepared")


def test_a_corpus_that_nobody_has_and_nobody_publishes(install):
    with pytest.raises(
        DataError, match=r"'hapt' wants hapt/hapt_raw.npz; looked for .*home.*The original is at https:"
    ):
        load_corpus("hapt")
    with pytest.raises(DataError, match=r"mitbih/100.npz, mitbih/101.npz, mitbih/102.npz and 45 more"):
        download_corpus("mitbih")


def test_titles_say_what_an_edition_is(install):
    names = {(name, e.name): e.note for name, corpus in corpora().items() for e in corpus.editions}
    assert names["ag_news", "prepared"] == "5,000-row training sample"
    assert names["cifar10", "prepared"] == "10,000 of 60,000, from JPEG"
    assert names["glove", "prepared"] == "11,925 common words"
    semantic = {name for name, note in names.items() if note == "latent semantic analysis"}
    assert {name for name, _ in semantic} == {"ag_news", "banking77", "cisa_kev", "nfcorpus", "cranfield", "npl"}


def test_roles_of_a_corpus():
    table = read_table("coloured_digits", nuisance="colour")
    assert set(table.nuisance["colour"].tolist()) == {"green", "red"}
    assert (table.pointer, table.label is None) == (None, False)


def test_the_page_of_corpora_names_every_corpus():
    page = (Path(__file__).parents[3] / "docs" / "corpora.md").read_text(encoding="utf-8")
    for name, corpus in corpora().items():
        assert f"| `{name}` |" in page
        for edition in corpus.editions:
            assert f"{edition.rows:,}" in page
        if corpus.kind != "synthetic":
            assert f"**{name}.** {corpus.details} Terms: {corpus.license}. Cite: {corpus.citation}." in page
