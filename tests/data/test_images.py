from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data import DataWarning, Images, images, listening, read_table


def _save(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def _grey(value: int, height: int = 4, width: int = 6) -> np.ndarray:
    return np.full((height, width), value, np.uint8)


@pytest.fixture
def folder(tmp_path: Path, rng) -> Path:
    """Two sub-folders with two colour images of 4 × 6 each."""
    for name in ("cat/b.png", "cat/a.png", "dog/a.png", "dog/deep/c.png"):
        _save(tmp_path / "pets" / name, rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    return tmp_path / "pets"


def test_a_folder_of_images(folder):
    table = read_table(folder)
    assert table.ids.tolist() == ["cat/a.png", "cat/b.png", "dog/a.png", "dog/deep/c.png"]
    assert table.label.tolist() == ["cat", "cat", "dog", "dog"]
    assert (table.item_shape, table.name, table.pointer) == ((4, 6, 3), "pets", str(folder))
    for row, name in enumerate(table.ids):
        np.testing.assert_array_equal(table.x[row].reshape(4, 6, 3), np.asarray(Image.open(folder / name)))
    assert table.reading["reader"] == {"type": "data.Images", "size": [4, 6], "colour": True}
    assert read_table(folder, nuisance="label").nuisance["label"].tolist() == table.label.tolist()
    with pytest.raises(DataError, match=r"no column 'lable'.* Did you mean 'label'"):
        read_table(folder, nuisance="lable")
    with pytest.raises(DataError, match=r"mapped by their pixels; got vector='x'. Leave it out"):
        read_table(folder, vector="x")


def test_one_image(folder):
    table = read_table(folder / "cat" / "b.png")
    np.testing.assert_array_equal(table.x[0], read_table(folder).x[1])
    assert (table.ids.tolist(), table.label, table.name) == (["b.png"], None, "b")


def test_without_sub_folders_there_are_no_labels(tmp_path):
    _save(tmp_path / "a.png", _grey(3))
    table = read_table(tmp_path)
    assert (table.label, table.item_shape) == (None, (4, 6))
    _save(tmp_path / "sub" / "b.png", _grey(4))
    assert read_table(tmp_path).label is None, "not every image has a folder"


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff", "gif", "PNG"])
def test_every_format(tmp_path, suffix):
    _save(tmp_path / f"a.{suffix}", _grey(200))
    np.testing.assert_allclose(read_table(tmp_path).x.mean(), 200, atol=2)


def test_hidden_files_are_not_read_and_others_are_counted(folder):
    _save(folder / ".thumbs" / "t.png", _grey(0, 2, 2))
    (folder / ".DS_Store").write_text("x")
    assert len(read_table(folder)) == 4
    (folder / "notes.txt").write_text("x")
    (folder / "cat" / "more.csv").write_text("x")
    with pytest.warns(DataWarning, match=r"holds 4 images; what else is there is ignored \(2\): cat/more\.csv, …"):
        read_table(folder)


def test_mixed_sizes_name_the_first_two_and_the_cure(folder):
    _save(folder / "cat" / "c.png", _grey(0, 5, 7))
    _save(folder / "dog" / "b.png", _grey(0, 9, 9))
    message = r"3 sizes: cat/a.png is 4 × 6, cat/c.png is 5 × 7 .* Images\(size=\(64, 64\)\), --image-size 64"
    with pytest.raises(ShapeError, match=message):
        read_table(folder)
    assert read_table(folder, Images((3, 5))).item_shape == (3, 5, 3)


def test_resizing_cuts_the_middle_and_smooths(tmp_path):
    wide = np.zeros((4, 12), np.uint8)
    wide[:, 4:8] = 200
    wide[:, 4:8:2] = 100
    _save(tmp_path / "wide.png", wide)
    assert read_table(tmp_path, Images(4)).x.tolist() == [[100, 200] * 8], "the middle, untouched"
    stripes = np.tile(np.array([0, 200], np.uint8), (8, 4))
    _save(tmp_path / "wide.png", stripes)
    np.testing.assert_allclose(read_table(tmp_path, Images(2)).x, 100, atol=15)


def test_grey_and_colour_together_are_colour(tmp_path):
    _save(tmp_path / "a.png", _grey(9))
    _save(tmp_path / "b.png", np.zeros((4, 6, 3), np.uint8))
    table = read_table(tmp_path)
    assert table.item_shape == (4, 6, 3)
    assert (table.x[0] == 9).all()
    assert read_table(tmp_path, Images(colour=False)).item_shape == (4, 6)


def test_palettes_and_bits_tell_whether_there_is_colour(tmp_path):
    Image.fromarray(_grey(255)).convert("1").save(tmp_path / "bits.png")
    Image.fromarray(_grey(70)).convert("P").save(tmp_path / "grey.gif")
    assert read_table(tmp_path).x.tolist() == [[255] * 24, [70] * 24]
    Image.new("RGB", (6, 4), "red").convert("P").save(tmp_path / "red.png")
    assert read_table(tmp_path).x[2].tolist() == [255, 0, 0] * 24


def test_sixteen_bits_become_zero_to_255(tmp_path):
    deep = np.linspace(0, 65535, 24).astype(np.uint16).reshape(4, 6)
    for name in ("a.png", "b.tif"):
        _save(tmp_path / name, deep)
    np.testing.assert_allclose(read_table(tmp_path).x, np.tile(deep.reshape(1, 24) / 257, (2, 1)), rtol=1e-6)
    _save(tmp_path / "c.png", np.zeros((4, 6, 3), np.uint8))
    assert read_table(tmp_path).x.max() == 255


def test_numbers_of_unknown_range_are_refused(tmp_path):
    _save(tmp_path / "f.tif", np.ones((4, 6), np.float32))
    with pytest.raises(DataError, match=r"cannot use the image f.tif: .* \(mode F\).* Convert it to 8 or 16 bits"):
        read_table(tmp_path)


def test_transparent_parts_lie_on_white(tmp_path):
    half = np.zeros((4, 6, 4), np.uint8)
    half[:2, :, 3] = 255
    _save(tmp_path / "a.png", half)
    table = read_table(tmp_path)
    assert table.item_shape == (4, 6, 3)
    assert table.x.reshape(4, -1).tolist() == [[0] * 18] * 2 + [[255] * 18] * 2


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_images_are_turned_as_their_exif_says(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    picture = _grey(0)
    picture[:2] = 255  # the upper half comes to the right
    _save(tmp_path / f"a.{suffix}", picture, exif=exif)
    table = read_table(tmp_path)
    assert table.item_shape == (6, 4)
    assert (table.x.reshape(6, 4).round(-2) == [0, 0, 300, 300]).all()


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.fromarray(_grey(value)) for value in (50, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (read_table(tmp_path).x == 50).all()


@pytest.mark.parametrize("content", ["cut", "text", "empty"])
def test_unreadable_images_are_named(folder, content):
    path = folder / "cat" / "b.png"
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-40], "text": b"no image", "empty": b""}[content])
    with pytest.raises(DataError, match=r"cannot read the image cat/b.png: .* Remove it, or write it again"):
        read_table(folder)


def test_a_folder_of_nothing_known(tmp_path):
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(DataError, match=r"folder without images. Known: .png, .jpg"):
        read_table(tmp_path)


def test_readers_of_other_sources(folder, tmp_path):
    with pytest.raises(DataError, match=r"Images wants a folder of images, or one image; read_table is none"):
        read_table(np.ones((3, 2)), Images(8))
    with pytest.raises(DataError, match=r"Table 'digits' has its numbers already; Images reads files and frames"):
        read_table("digits", Images(8))


@pytest.mark.parametrize("size", [0, (3,), (4, 5, 6), (4, -1), "64"])
def test_wrong_sizes(size):
    with pytest.raises(SpecError, match=r"Images wants size as \(height, width\) in pixels"):
        Images(size)


def test_much_memory_is_announced(folder, monkeypatch):
    monkeypatch.setattr(images, "_LARGE", 100)
    with pytest.warns(DataWarning, match=r"4 images of 4 × 6 pixels take .* --image-size 64"):
        read_table(folder)


def test_progress_is_reported(folder):
    heard = []
    with listening(lambda *report: heard.append(report)):
        read_table(folder)
    assert heard == [("Decoding images", done, 4) for done in (1, 2, 3, 4)]
