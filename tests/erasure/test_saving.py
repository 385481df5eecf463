"""A saved eraser: one file, no pickle, the same bits; and what is no such file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from latentatlas.core import StoreError
from latentatlas.erasure import KernelEraser, LinearEraser, load_erasure

NUISANCE = {
    "author": np.array(["ann", "bob", "eve"] * 20),
    "day": np.arange(60) % 4,
    "flag": np.arange(60) % 2 == 0,
    "age": np.linspace(0, 1, 60),
}


@pytest.mark.parametrize("make", [LinearEraser, lambda: KernelEraser(clusters=3, bins=2)], ids=["linear", "kernel"])
def test_the_way_there_and_back(rng: np.random.Generator, tmp_path: Path, make):
    names = ["author", "day", "flag", "age"] if make is LinearEraser else ["flag", "age"]
    nuisance = {name: NUISANCE[name] for name in names}
    x = rng.normal(size=(60, 12))
    eraser = make().fit(x, nuisance)
    path = eraser.save(tmp_path / "new" / "e.safetensors")
    loaded = load_erasure(path)
    assert type(loaded) is type(eraser.erasure)
    assert loaded.features == 12
    np.testing.assert_array_equal(loaded(x, nuisance), eraser.transform(x, nuisance))
    np.testing.assert_array_equal(loaded.transform(x), eraser.transform(x))
    assert loaded.to_plain() == eraser.erasure.to_plain()
    assert [file.name for file in path.parent.iterdir()] == ["e.safetensors"], "nothing is left beside it"
    eraser.save(path)  # replaced whole


def test_what_cannot_be_written(rng: np.random.Generator, tmp_path: Path):
    eraser = LinearEraser().fit(rng.normal(size=(60, 4)), NUISANCE["author"])
    with pytest.raises(StoreError, match=r"wants a name that ends in \.safetensors; got e\.pkl"):
        eraser.save(tmp_path / "e.pkl")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="the system refused"):
        eraser.save(tmp_path / "file" / "e.safetensors")


def test_what_cannot_be_read(rng: np.random.Generator, tmp_path: Path):
    path = LinearEraser().fit(rng.normal(size=(60, 4)), NUISANCE["author"]).save(tmp_path / "e.safetensors")
    with pytest.raises(StoreError, match="wants a file that an eraser has saved"):
        load_erasure(tmp_path / "none.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="is damaged"):
        load_erasure(path)
    path.write_bytes(whole)
    arrays = load_file(path)
    save_file(arrays, path)
    with pytest.raises(StoreError, match="wants a file that an eraser has saved"):
        load_erasure(path)
    for header, message in (
        ({"format": 99, "kind": "LinearErasure", "plain": {}}, "is of format 99"),
        ({"format": 1, "kind": "LinearErasur", "plain": {}}, "Did you mean 'LinearErasure'"),
        ({"format": 1, "kind": "LinearErasure", "plain": {}}, "some are missing"),
    ):
        save_file(arrays, path, metadata={"latentatlas.erasure": json.dumps(header)})
        with pytest.raises(StoreError, match=message):
            load_erasure(path)
