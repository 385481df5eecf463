from __future__ import annotations

import gzip

import numpy as np
import pytest

from latentatlas.data import load_corpus, load_hierarchy, load_ratings

MOVIES = 'movieId,title,genres\r\n5,"Toy, A (1995)",Comedy|Drama\r\n7,Nobody (2000),Drama\r\n9,Untitled,Drama\r\n'
RATINGS = "userId,movieId,rating,timestamp\r\n1,5,4.0,1\r\n1,9,2.0,1\r\n2,9,5.0,1\r\n3,5,1.0,1\r\n3,9,3.0,1\r\n"


@pytest.fixture
def tiny_ratings(install, zipped):
    """Three users, and two of three movies that somebody rated."""
    members = {"ml-latest-small/movies.csv": MOVIES.encode(), "ml-latest-small/ratings.csv": RATINGS.encode()}
    install("movielens", "published", {"ml-latest-small.zip": zipped(members)})


def test_ratings_as_they_are_published(tiny_ratings):
    ratings = load_ratings()
    np.testing.assert_array_equal(ratings.matrix.toarray(), [[4, 2], [0, 5], [1, 3]])
    assert (ratings.users.tolist(), ratings.movies.tolist()) == ([1, 2, 3], [5, 9])


def test_factors_by_hand(tiny_ratings):
    """Less the means 3, 5, 2 the ratings are (1, -1), (0, 0), (-1, 1): one factor, √2 for each movie."""
    movies, users = load_corpus("movielens"), load_corpus("movielens", "users")
    sign = np.sign(movies.x[0, 0])
    np.testing.assert_allclose(sign * movies.x, [[np.sqrt(2)], [-np.sqrt(2)]], rtol=1e-6)
    np.testing.assert_allclose(sign * users.x, [[np.sqrt(2)], [0], [-np.sqrt(2)]], atol=1e-6)
    assert (movies.ids.tolist(), movies.label.tolist()) == ([5, 9], ["Comedy", "Drama"])
    assert movies.metadata["title"].tolist() == ["Toy, A (1995)", "Untitled"]
    assert movies.metadata["year"].tolist() == [1995, 0]
    assert movies.metadata["ratings"].tolist() == [2, 3]
    assert users.metadata["mean_rating"].tolist() == [3, 5, 2]


@pytest.mark.data
def test_the_real_ratings(data_home):
    ratings = load_ratings()
    assert (ratings.matrix.shape, ratings.matrix.nnz) == ((610, 9_724), 100_836)
    assert np.diff(ratings.matrix.indptr).min() >= 20
    assert set(ratings.matrix.data.tolist()) == {half / 2 for half in range(1, 11)}


@pytest.mark.data
def test_the_real_movies(data_home):
    table = load_corpus("movielens")
    unit = table.x / np.maximum(np.linalg.norm(table.x, axis=1, keepdims=True), 1e-9)
    for title, akin in (("Star Wars: Episode IV", "Star Wars: Episode V "), ("Lord of the Rings: The F", "Two Towers")):
        row = next(row for row, name in enumerate(table.metadata["title"]) if name.startswith(title))
        nearest = np.argsort(-unit @ unit[row])[1:4]
        assert any(akin in table.metadata["title"][each] for each in nearest), title
    toy_story = table.metadata["title"].tolist().index("Toy Story (1995)")
    assert (table.metadata["ratings"][toy_story], table.metadata["year"][toy_story]) == (215, 1995)


def test_a_hierarchy_by_hand(install):
    pairs = "lion\tcat\nlion\tmammal\ncat\tmammal\nzebra\tmammal\n"
    install("wordnet_mammals", "published", {"mammal_closure.tsv": pairs.encode()})
    names, numbers = load_hierarchy()
    assert names.tolist() == ["cat", "lion", "mammal", "zebra"]
    assert numbers.tolist() == [[1, 0], [1, 2], [0, 2], [3, 2]]
    table = load_corpus("wordnet_mammals")
    assert table.metadata["depth"].tolist() == [1, 2, 0, 1]
    assert table.metadata["descendants"].tolist() == [1, 0, 3, 0]


@pytest.fixture(scope="module")
def mammals(data_home):
    """The rows of the prepared mammals."""
    return load_corpus("wordnet_mammals")


@pytest.mark.data
def test_the_real_mammals(data_home, mammals):
    names, pairs = load_hierarchy()
    assert (len(names), len(pairs)) == (1_181, 6_541)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    table = mammals
    closure = table.x > 0
    assert ((closure.astype(np.float32) @ closure.astype(np.float32) > 0) == closure).all(), "transitive"
    roots = table.ids[table.metadata["depth"] == 0].tolist()
    assert roots == ["mammal.n.01", "pack_animal.n.01"]
    assert table.metadata["descendants"].max() == table.metadata["descendants"][table.ids == "mammal.n.01"]
    lion = table.x[table.ids == "lion.n.01"][0] > 0
    assert {"lion.n.01", "big_cat.n.01", "feline.n.01", "carnivore.n.01", "mammal.n.01"} < set(table.ids[lion].tolist())


@pytest.mark.data
def test_the_published_mammals_are_what_was_prepared(data_home, mammals, install):
    path = data_home / "wordnet_mammals" / "mammal_closure.tsv.gz"
    install("wordnet_mammals", "published", {"mammal_closure.tsv": gzip.decompress(path.read_bytes())})
    assert load_corpus("wordnet_mammals").fingerprint == mammals.fingerprint
