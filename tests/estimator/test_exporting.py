"""The encoder as ONNX: the same numbers in another runtime."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from sklearn.exceptions import NotFittedError

import latentatlas
from latentatlas.core import AtlasError, SpecError, StoreError
from latentatlas.data import Table
from latentatlas.estimator import Atlas
from latentatlas.estimator.exporting import export_encoder
from latentatlas.models import Encoder, ImageEncoder, MLPEncoder, SignalEncoder
from latentatlas.models.decoders import MLPDecoder

Maker = Callable[..., Atlas]

pytestmark = pytest.mark.usefixtures("unchecked")  # the exporter traces the signatures' checks else


@pytest.fixture(autouse=True)
def _extra() -> None:
    """The extra `onnx` takes more than 100 MB and is not part of the test extra."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)


def run(content: bytes, x: np.ndarray) -> list[np.ndarray]:
    """Latent and map as onnxruntime computes them."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["x"]
    assert [each.name for each in session.get_outputs()] == ["latent", "map"]
    return session.run(None, {"x": x})


@pytest.mark.parametrize(
    "settings",
    [
        {"dim": 2},
        {"dim": 16, "metric": "cosine"},
        {"dim": 16, "standardize": True},
        {"dim": 2, "encoder": ImageEncoder((1, 8, 8), 2, channels=(4, 8), hidden=16), "metric": "cosine"},
        {"dim": 16, "encoder": SignalEncoder((1, 64), 16, channels=(4, 8), hidden=16), "standardize": True},
    ],
    ids=["2 axes", "16 axes, cosine", "16 axes, standardized", "images", "signals"],
)
def test_onnxruntime_agrees_for_any_number_of_rows(
    quick: Maker,
    digits: Table,
    settings: dict[str, Any],
    recwarn: pytest.WarningsRecorder,
    capfd: pytest.CaptureFixture,
):
    x = np.concatenate([digits.x, digits.x])[:1000]
    atlas = quick(steps=5, **settings).fit(x[:200])
    capfd.readouterr()
    content = atlas.export("onnx")
    assert capfd.readouterr() == ("", "")
    assert not len(recwarn)
    for rows in (1, 7, 1000):
        latent, xy = run(content, x[:rows])
        assert latent.shape == (rows, atlas.dim)
        assert xy.shape == (rows, 2)
        z = atlas.transform(x[:rows])
        np.testing.assert_allclose(latent, z, rtol=0, atol=1e-5 * atlas.latent_.std())
        np.testing.assert_allclose(xy, atlas.map(x[:rows]), rtol=0, atol=1e-5 * atlas.map_.std())


@pytest.fixture(scope="module")
def named(quick: Maker, flowers: Table) -> Atlas:
    return quick(steps=2).fit(pandas.DataFrame(flowers.x, columns=["a", "b", "c", "größe"]))


def test_a_file_says_where_it_comes_from(named: Atlas, tmp_path: Path):
    import onnx

    content = named.export("onnx", tmp_path / "encoder.onnx")
    assert (tmp_path / "encoder.onnx").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["encoder.onnx"]
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["latentatlas"] == latentatlas.__version__
    assert about["fingerprint"] == named.table_.fingerprint
    assert json.loads(about["features"]) == ["a", "b", "c", "größe"]


def test_the_difference_is_told(named: Atlas):
    difference = export_encoder(named, "onnx").difference
    assert difference is not None
    assert 0 <= difference < 1e-5


def test_without_onnxruntime_nothing_is_compared(named: Atlas, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert export_encoder(named, "onnx").difference is None


def test_a_disagreement_is_an_error(named: Atlas, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("latentatlas.estimator.exporting._TOLERANCE", -1.0)
    with pytest.raises(AtlasError, match=r"^Atlas\.export wants onnxruntime to agree with the atlas; they differ by"):
        named.export("onnx")


class Rigid(Encoder):
    """An encoder that cannot take another number of rows once it is traced."""

    def __init__(self, dim: int):
        super().__init__()
        self.dim = dim
        self.linear = torch.nn.Linear(64, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x).reshape(len(x), self.dim)

    def mirror(self) -> MLPDecoder:
        return MLPEncoder(64, self.dim).mirror()


@pytest.mark.filterwarnings("ignore:This atlas can be used but not saved")
def test_an_encoder_that_fixes_the_number_of_rows(quick: Maker, digits: Table):
    atlas = quick(steps=2, encoder=Rigid(2)).fit(digits.x[:100])
    with pytest.raises(SpecError, match=r"^Atlas\.export wants an encoder for any number of rows; Rigid fixes it\."):
        atlas.export("onnx")


def test_bad_input(named: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SpecError, match=r"^Atlas\.export has no format 'onxx'\. Did you mean 'onnx'\?$"):
        named.export("onxx")
    with pytest.raises(NotFittedError):
        Atlas().export("onnx")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"^A file was wanted at .*encoder\.onnx; .*Choose another place\.$"):
        named.export("onnx", tmp_path / "file" / "encoder.onnx")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    message = r"^Atlas\.export wants the package onnxscript; .*Install it: pip install 'latentatlas\[onnx\]'\.$"
    with pytest.raises(SpecError, match=message):
        named.export("onnx")
