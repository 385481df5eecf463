"""Images, texts, events and Arrow files on the command line, and rows that are read like those of the fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from latentatlas.store import Run

KINDS = ("apple", "pear", "plum")


class _Model:
    """In the place of a sentence-transformers model: words as random directions."""

    max_seq_length = 256

    def encode(self, texts, **_):
        words = {word: np.random.default_rng(sum(map(ord, word))).normal(size=12) for t in texts for word in t.split()}
        vectors = np.array([np.mean([words[word] for word in text.split()], axis=0) for text in texts])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def quickly(no_pictures: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fits draw nothing, and the models that are asked for are not loaded; their names are kept."""
    asked = []
    monkeypatch.setattr("latentatlas.data.text._loaded", lambda model, _: asked.append(model) or _Model())
    return asked


@pytest.fixture
def photos(tmp_path: Path, rng) -> Path:
    """Forty-five images of 4 × 4 in three folders."""
    for number, kind in enumerate(KINDS):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for index in range(15):
            pixels = rng.normal(50 + 70 * number, 20, (4, 4)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{index:02}.png")
    return tmp_path / "photos"


@pytest.fixture
def news(tmp_path: Path, rng) -> Path:
    """Forty-five titles of three subjects, as JSON lines."""
    words = {"apple": "red sweet round", "pear": "green soft long", "plum": "blue small sour"}
    lines = [
        {"title": " ".join([kind, *rng.permutation(words[kind].split())[:2], str(i)]), "kind": kind}
        for i in range(15)
        for kind in KINDS
    ]
    path = tmp_path / "news.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_folder_of_images(latentatlas, photos, tmp_path, quick):
    run, target = tmp_path / "run", tmp_path / "z.parquet"
    outcome = latentatlas("fit", photos, "--out", run, *quick)
    assert outcome.code == 0, outcome
    assert "photos: 45 rows × 16 features" in outcome.err
    assert "Decoding images" in outcome.err
    points = Run(run).points()
    assert points["label"].tolist() == [kind for kind in KINDS for _ in range(15)]

    big = tmp_path / "big.png"  # another size and colours: brought to what the fit saw
    Image.open(photos / "pear" / "03.png").resize((8, 8), Image.Resampling.NEAREST).convert("RGB").save(big)
    assert latentatlas("transform", run, photos, "--out", target).code == 0
    np.testing.assert_array_equal(pandas.read_parquet(target)["x"], points["x"])
    found = latentatlas("search", run, "--file", big, "-k", 3, "--json").json["results"]
    assert (found[0]["query"], {hit["label"] for hit in found[0]["hits"]}) == ("big.png", {"pear"})


def test_images_of_several_sizes(latentatlas, photos, tmp_path, quick):
    Image.new("L", (6, 5)).save(photos / "plum" / "zz.png")
    outcome = latentatlas("fit", photos, "--out", tmp_path / "run", *quick)
    assert outcome.code == 2
    assert "apple/00.png is 4 × 4, plum/zz.png is 5 × 6" in outcome.message
    assert "--image-size 64" in outcome.message
    assert latentatlas("fit", photos, "--out", tmp_path / "run", "--image-size", "3x2", *quick, "--json").code == 0
    assert Run(tmp_path / "run").spec["data"]["reading"]["reader"]["size"] == [3, 2]


def test_texts(latentatlas, news, tmp_path, quick, quickly):
    run, target, folder = tmp_path / "run", tmp_path / "z.parquet", tmp_path / "model"
    folder.mkdir()
    options = ("--text", "title", "--embedder", folder, "--label", "kind")
    outcome = latentatlas("fit", news, "--out", run, *options, *quick)
    assert outcome.code == 0, outcome
    assert "Embedding texts" in outcome.err
    assert Run(run).spec["data"]["reading"] == {
        "roles": {"vector": None, "label": "kind", "nuisance": [], "environment": None, "id_column": None},
        "reader": {
            "type": "data.Texts",
            "column": "title",
            "embedder": {
                "type": "data.SentenceEncoder",
                "model": str(folder.resolve()),
                "batch": 64,
                "device": "cpu",
                "max_tokens": None,
            },
        },
    }
    pandas.read_json(news, lines=True)[["title"]].to_csv(tmp_path / "new.csv", index=False)
    assert latentatlas("transform", run, tmp_path / "new.csv", "--out", target).code == 0
    np.testing.assert_allclose(pandas.read_parquet(target)["x"], Run(run).points()["x"], atol=1e-4)
    hits = latentatlas("search", run, "pear green soft", "-k", 5, "--json").json["results"][0]["hits"]
    assert {hit["label"] for hit in hits} == {"pear"}
    assert set(quickly) == {str(folder.resolve())}
    assert latentatlas("search", run, "pear", "--embedder", "other/model").code == 0
    assert quickly[-1] == "other/model"


def test_texts_embedded_by_a_stranger(latentatlas, news, tmp_path, quick):
    assert latentatlas("fit", news, "--out", tmp_path / "run", "--text", "title", *quick, "--json").code == 0
    spec = json.loads((tmp_path / "run" / "spec.json").read_text())
    spec["data"]["reading"]["reader"]["embedder"] = "mine"
    from latentatlas.cli.rows import reader_of
    from latentatlas.core import SpecError

    class Opened:
        path = "run"

    Opened.spec = spec
    with pytest.raises(SpecError, match=r"embedded by 'mine', which is not part of latentatlas.* load"):
        reader_of(Opened())


def test_events(latentatlas, tmp_path, quick, rng):
    film = rng.integers(0, 40, 3000)
    events = pandas.DataFrame({"film": film, "user": 2 * rng.integers(0, 20, 3000) + film % 2, "stars": 3})
    events.assign(parity=film % 2).to_csv(tmp_path / "events.csv", index=False)
    options = ("--rows", "film", "--by", "user", "--value", "stars", "--components", 4, "--label", "parity")
    outcome = latentatlas("fit", tmp_path / "events.csv", "--out", tmp_path / "run", *options, *quick)
    assert outcome.code == 0, outcome
    assert "events: 40 rows × 4 features" in outcome.err
    hits = latentatlas("search", tmp_path / "run", "--row", 3, "-k", 5, "--json").json["results"][0]["hits"]
    assert {hit["label"] for hit in hits} == {1}
    outcome = latentatlas("transform", tmp_path / "run", tmp_path / "events.csv", "--out", tmp_path / "z.parquet")
    assert outcome.code == 2
    assert "was fitted from interactions; where a row lies depends on all events" in outcome.message


def test_the_vector_of_the_fit_is_taken_again(latentatlas, frame, tmp_path, quick):
    vectors = frame[[f"f{i}" for i in range(6)]].to_numpy()
    np.savez(tmp_path / "rows.npz", first=vectors, second=vectors[::-1] + 9)
    run, target = tmp_path / "run", tmp_path / "z.parquet"
    assert latentatlas("fit", tmp_path / "rows.npz", "--vector", "first", "--out", run, *quick, "--json").code == 0
    assert latentatlas("transform", run, tmp_path / "rows.npz", "--out", target).code == 0
    np.testing.assert_array_equal(pandas.read_parquet(target)["x"], Run(run).points()["x"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--text", "kind", "--image-size", "8"), "reads a source in one way; got --text and --image-size."),
        (("--text", "kind", "--rows", "a", "--by", "b"), "reads a source in one way; got --text and --rows."),
        (("--embedder", "m"), "fit wants --text with --embedder; got --embedder alone. Name the column of text"),
        (("--rows", "name"), "fit wants --rows and --by for interactions; one is missing."),
        (("--value", "scale"), "fit wants --rows and --by for interactions; one is missing."),
        (("--rows", "name", "--by", "name"), "wants two columns; got 'name' as rows and as by."),
        (("--image-size", "big"), "wants --image-size as PIXELS or HEIGHTxWIDTH; got 'big'. Write 64, or 48x64."),
        (("--image-size", "8"), "Images wants a folder of images, or one image;"),
        (("--stride", "5"), "fit wants --window for records; it is missing."),
        (("--window", "5"), "wants a rate; the file tells none. Pass it in Hz"),
        (("--window", "5", "--text", "kind"), "reads a source in one way; got --text and --window."),
        (("--text", "knid"), "has no column 'knid' (asked for as text). Did you mean 'kind'?"),
        (("--text", "scale"), "wants text in 'scale'; it holds int64 values."),
        (("--rows", "nam", "--by", "kind"), "has no column 'nam' (asked for as rows). Did you mean 'name'?"),
        (("--rows", "name", "--by", "kind"), "has only 3 independent directions. Pass components=3 (--components 3)"),
    ],
)
def test_sources_that_cannot_be(latentatlas, csv, tmp_path, options, message):
    outcome = latentatlas("fit", csv, "--out", tmp_path / "run", *options)
    assert outcome.code == 2
    assert message in outcome.message
    assert not (tmp_path / "run").exists()


def test_records(latentatlas, tmp_path, quick, rng):
    """Windows of an array; those of another record are cut as the first were."""
    time = np.arange(4000) / 50
    np.save(tmp_path / "walk.npy", np.sin(2 * np.pi * time)[None] + 0.1 * rng.normal(size=(2, 4000)))
    np.save(tmp_path / "new.npy", np.sin(2 * np.pi * time[:500])[None] + 0.1 * rng.normal(size=(2, 500)))
    run, target = tmp_path / "run", tmp_path / "z.parquet"
    outcome = latentatlas(
        "fit", tmp_path / "walk.npy", "--out", run, "--window", 50, "--stride", 25, "--rate", 50, *quick
    )
    assert outcome.code == 0, outcome
    assert "walk: 159 rows × 100 features" in outcome.err
    assert "Reading records" in outcome.err
    assert Run(run).points()["id"][1] == "walk:25"
    assert latentatlas("transform", run, tmp_path / "new.npy", "--out", target).code == 0
    assert len(pandas.read_parquet(target)) == 19
