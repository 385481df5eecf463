from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data import DataWarning, Interactions, interaction_matrix, read_table


@pytest.fixture
def events(rng) -> pd.DataFrame:
    """Two tastes: films of even number are seen by users of even number, and odd by odd."""
    film = rng.integers(0, 20, 600)
    user = 2 * rng.integers(0, 15, 600) + film % 2
    frame = pd.DataFrame({"film": film, "user": user, "stars": rng.integers(1, 6, 600)})
    return frame.assign(title=[f"film {i}" for i in film], kind=np.array(["even", "odd"])[film % 2])


def test_the_matrix_adds_up_events(events):
    made = interaction_matrix(events["film"], events["user"], value=events["stars"])
    wanted = events.pivot_table(index="film", columns="user", values="stars", aggfunc="sum", fill_value=0)
    np.testing.assert_array_equal(made.matrix.toarray(), wanted)
    assert made.rows.tolist() == wanted.index.tolist()
    assert made.columns.tolist() == wanted.columns.tolist()
    assert made.events.tolist() == events.groupby("film").size().tolist()
    counts = interaction_matrix(events["film"], events["user"])
    assert counts.matrix.sum() == len(events)


def test_factors_are_those_of_a_dense_decomposition(events):
    made = interaction_matrix(events["film"], events["user"], value=events["stars"])
    dense = made.matrix.toarray()
    weighted = np.log1p(dense) * (1 + np.log((1 + 20) / (1 + (dense > 0).sum(axis=0))))
    left, strengths, _ = np.linalg.svd(weighted, full_matrices=False)
    wanted = (left * strengths)[:, :3]
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    x = made.factors(3)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x @ x.T, wanted @ wanted.T, atol=1e-3)  # directions have no sign
    np.testing.assert_array_equal(x, made.factors(3))


def test_entities_become_rows(events, tmp_path):
    events.to_csv(tmp_path / "events.csv", index=False)
    reader = Interactions("film", "user", "stars", components=2)
    table = read_table(tmp_path / "events.csv", reader, label="kind", nuisance="events")
    assert table.ids.tolist() == list(range(20))
    assert table.label.tolist() == ["even", "odd"] * 10
    assert table.nuisance["events"].tolist() == events.groupby("film").size().tolist()
    assert list(table.metadata) == ["title"]
    assert table.metadata["title"][3] == "film 3"
    alike = table.x @ table.x.T > 0.5
    np.testing.assert_array_equal(alike, np.equal.outer(table.label, table.label))
    assert table.reading["reader"]["rows"] == "film"
    users = read_table(events, Interactions("user", "film", components=2))
    assert (len(users), list(users.metadata)) == (30, ["events", "kind"])


@pytest.mark.parametrize(
    ("options", "roles", "message"),
    [
        ({"rows": "flim"}, {}, r"no column 'flim' \(asked for as rows\). Did you mean 'film'"),
        ({"by": "usr"}, {}, r"no column 'usr' \(asked for as by\). Did you mean 'user'"),
        ({"value": "star"}, {}, r"no column 'star' \(asked for as value\). Did you mean 'stars'"),
        ({"value": "kind"}, {}, r"wants numbers; column 'kind' holds text"),
        ({}, {"label": "stars"}, r"'stars' \(asked for as label\) has several values for one 'film'"),
        ({}, {"label": "titel"}, r"no column 'titel' \(asked for as label\). Did you mean 'title'"),
        ({}, {"vector": "stars"}, r"mapped by their factors.* Leave them out"),
        ({}, {"id_column": "title"}, r"with the ids of 'film'.* Leave them out"),
        ({"components": 64}, {}, r"20 × 30 has only 20 independent directions. Pass components=20 .--components 20"),
        ({"by": "kind"}, {}, r"20 × 2 has only 2 independent directions"),
    ],
)
def test_columns_that_cannot_be(events, options, roles, message):
    with pytest.raises(DataError, match=message):
        read_table(events, Interactions(**({"rows": "film", "by": "user", "components": 5} | options)), **roles)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": [1, None, 2]}, r"'user' wants a value in every row; 1 of 3 are missing"),
        ({"film": [None, "b", "c"]}, r"'film' wants a value in every row; 1 of 3 are missing"),
        ({"stars": [1, np.nan, 2]}, r"'stars' wants a value in every row; 1 of 3 are missing"),
        ({"stars": [1, -2, 2]}, r"values ≥ 0 in 'stars'; 1 of 3 are negative, the first, -2, in row 1"),
        ({"stars": [0, 0, 0]}, r"values above 0 in 'stars'; all 3 are 0. Leave value out to count events"),
        ({"film": ["a", "a", "a"]}, r"at least two different 'film'; got 1"),
        ({"user": [7, 7, 7]}, r"at least two different 'user'; got 1"),
    ],
)
def test_spoilt_events(change, message):
    events = pd.DataFrame({"film": ["a", "b", "c"], "user": [1, 2, 3], "stars": [1, 2, 3]} | change)
    with pytest.raises(DataError, match=message):
        read_table(events, Interactions("film", "user", "stars", components=1))


def test_text_among_values_names_the_line(tmp_path):
    (tmp_path / "e.csv").write_text("film,user,stars\na,1,3\nb,2,many\n")
    with pytest.raises(DataError, match=r"column 'stars' holds text \('many'\) in line 3"):
        read_table(tmp_path / "e.csv", Interactions("film", "user", "stars", components=1))


def test_rank_below_the_sides():
    same = interaction_matrix(["a", "a", "b", "b", "c", "c"], [1, 2] * 3)
    with pytest.raises(DataError, match=r"want 2 components; the matrix of 3 × 2 has only 1 independent directions"):
        same.factors(2)


def test_nothing_but_zeros_is_told():
    events = pd.DataFrame({"film": list("aabbc"), "user": [1, 2, 2, 3, 1], "stars": [1, 2, 3, 1, 0]})
    with pytest.warns(DataWarning, match=r"1 of 3 rows \('film'\) have only values of 0"):
        table = read_table(events, Interactions("film", "user", "stars", components=2))
    assert (table.x[2] == 0).all()


def test_wrong_settings():
    with pytest.raises(SpecError, match=r"got 'user' as rows and as by. Name who meets whom"):
        Interactions("user", "user")
    with pytest.raises(SpecError, match="components ≥ 1; got 0"):
        Interactions("film", "user", components=0)
    with pytest.raises(ShapeError, match="'by' wants one value for each of the 3 rows; got 2"):
        interaction_matrix(list("abc"), [1, 2])


@pytest.mark.data
def test_films_have_neighbours_of_their_genre(data_home: Path):
    folder = data_home / "movielens_latest_small"
    table = read_table(folder / "ratings.csv.gz", Interactions("movieId", "userId", "rating"))
    assert (table.x.shape, table.metadata["events"].sum()) == ((9724, 64), 100836)
    films = pd.read_csv(folder / "movies.csv.gz").set_index("movieId").loc[table.ids]
    known = np.flatnonzero(table.metadata["events"] >= 20)
    x, genres = table.x[known], films["genres"].iloc[known].str.get_dummies("|").to_numpy(float)
    shared = genres @ genres.T
    jaccard = shared / (genres.sum(1)[:, None] + genres.sum(1) - shared)
    alike = x @ x.T
    np.fill_diagonal(alike, -1)
    nearest = np.argsort(-alike, axis=1)[:, :10]
    chance = jaccard.mean()
    assert np.take_along_axis(jaccard, nearest, axis=1).mean() > 2 * chance
    toy_story = int(np.flatnonzero(table.ids[known] == 1)[0])
    titles = films["title"].iloc[known].to_numpy()[nearest[toy_story]]
    assert "Toy Story 2 (1999)" in titles
