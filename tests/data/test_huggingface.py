"""Data sets that are made and saved here; nothing is downloaded."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data import Images, Texts, read_table


def test_the_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SpecError, match=r"hf:name wants the package datasets; .*pip install 'latentatlas\[hf\]'"):
        read_table("hf:name")


@pytest.mark.parametrize("source", ["hf:", "hf:a:b:c:d"])
def test_names_that_are_none(source):
    with pytest.raises(DataError, match=r"wants hf:NAME, hf:NAME:SPLIT or hf:NAME:CONFIGURATION:SPLIT"):
        read_table(source)


@pytest.fixture(scope="module")
def datasets():
    library = pytest.importorskip("datasets")
    library.disable_progress_bars()
    return library


@pytest.fixture(scope="module")
def vectors(datasets, tmp_path_factory) -> Path:
    """A dictionary of two splits with vectors, texts and class labels."""
    kinds = datasets.ClassLabel(names=["apple", "pear"])
    features = datasets.Features(
        {"emb": datasets.List(datasets.Value("float32"), length=2), "text": datasets.Value("string"), "kind": kinds}
    )
    rows = {"emb": [[1, 2], [3, 4], [5, 6]], "text": ["a", "bb", "ccc"], "kind": [0, 1, 1]}
    made = datasets.Dataset.from_dict(rows, features=features)
    folder = tmp_path_factory.mktemp("hf") / "fruit"
    datasets.DatasetDict({"train": made, "test": made.select([2, 0])}).save_to_disk(folder)
    return folder


def test_a_split_of_a_saved_data_set(vectors):
    table = read_table(f"hf:{vectors}:test", label="kind")
    assert table.x.tolist() == [[5, 6], [1, 2]], "the selection is obeyed"
    assert table.label.tolist() == ["pear", "apple"]
    assert table.metadata["text"].tolist() == ["ccc", "a"]
    assert (table.name, table.pointer) == ("fruit", str(vectors))


def test_splits_that_are_not_there(vectors):
    with pytest.raises(DataError, match=r"has several splits: train, test. Name one: hf:.*fruit:train"):
        read_table(f"hf:{vectors}")
    with pytest.raises(DataError, match=r"no split 'trian'. Did you mean 'train'"):
        read_table(f"hf:{vectors}:trian")
    with pytest.raises(DataError, match=r"one data set without splits. Leave out ':train'"):
        read_table(f"hf:{vectors / 'train'}:train")
    with pytest.raises(DataError, match=r"no column 'knid'.* Did you mean 'kind'"):
        read_table(f"hf:{vectors / 'train'}", label="knid")


def test_texts_of_a_data_set(vectors):
    class Lengths:
        name = "lengths"

        def __call__(self, texts):
            return np.array([[len(text)] for text in texts], np.float32)

    assert read_table(f"hf:{vectors}:train", Texts("text", Lengths())).x.tolist() == [[1], [2], [3]]


def test_a_class_that_is_missing(datasets, tmp_path):
    features = datasets.Features({"a": datasets.Value("float32"), "kind": datasets.ClassLabel(names=["p", "q"])})
    datasets.Dataset.from_dict({"a": [1, 2, 3], "kind": [0, -1, None]}, features=features).save_to_disk(tmp_path / "d")
    assert read_table(f"hf:{tmp_path / 'd'}").metadata["kind"].tolist() == ["p", None, None]


def test_images_are_decoded(datasets, tmp_path, rng):
    from PIL import Image

    pixels = rng.integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)
    features = datasets.Features({"image": datasets.Image(), "kind": datasets.ClassLabel(names=["p", "q"])})
    rows = {"image": [Image.fromarray(each) for each in pixels], "kind": [0, 1, 0]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "d")
    table = read_table(f"hf:{tmp_path / 'd'}", label="kind")
    np.testing.assert_array_equal(table.x.reshape(pixels.shape), pixels)
    assert (table.item_shape, table.label.tolist()) == ((4, 6, 3), ["p", "q", "p"])
    assert table.reading["reader"] == {"type": "data.Images", "size": [4, 6], "colour": True}
    assert read_table(f"hf:{tmp_path / 'd'}", Images(2)).item_shape == (2, 2, 3)
    rows["image"] = [Image.new("L", (2, 2)), Image.new("L", (3, 3)), None]
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "e")
    with pytest.raises(DataError, match=r"wants an image in every row of 'image'; row 2 has none. Drop such rows"):
        read_table(f"hf:{tmp_path / 'e'}")
    datasets.Dataset.from_dict(rows, features=features).select([0, 1]).save_to_disk(tmp_path / "f")
    with pytest.raises(ShapeError, match=r"image of row 0 is 2 × 2, image of row 1 is 3 × 3"):
        read_table(f"hf:{tmp_path / 'f'}")


def test_a_folder_that_is_none(datasets, tmp_path):
    (tmp_path / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match=r"wants a folder that datasets can read; .* save_to_disk\(folder\)"):
        read_table(f"hf:{tmp_path}")


def test_without_network(datasets, monkeypatch):
    def unreachable(*_):
        raise ConnectionError("Couldn't reach 'some/set' on the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    message = r"'some/set' of the Hugging Face hub; it is not to be had \(Couldn't reach.*save_to_disk\('folder'\)"
    with pytest.raises(DataError, match=message):
        read_table("hf:some/set:train")
