"""The encoder alone, in a format that other runtimes read."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor, nn

from latentatlas.core import AtlasError, SpecError, did_you_mean, require_extra
from latentatlas.estimator.model import AtlasModel

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["Exported", "export_encoder"]

_KINDS = ("onnx",)
_ROWS = 1_000
_TOLERANCE = 1e-4


@final
@dataclass(frozen=True, eq=False)
class Exported:
    """An exported encoder.

    Attributes:
        content: the file.
        difference: largest difference from the atlas on its own rows, in units of the spread (the standard deviation
            of the latent, or of the map); None where onnxruntime is not installed and nothing was compared.
    """

    content: bytes
    difference: float | None


def export_encoder(atlas: Atlas, kind: str) -> Exported:
    """The encoder of a fitted atlas; see `Atlas.export`."""
    if kind not in _KINDS:
        raise SpecError(f"Atlas.export has no format {kind!r}. {did_you_mean(kind, _KINDS)}")
    import latentatlas

    table = atlas.table_
    content = _onnx(
        _EncoderOnly(atlas.model_).eval(),
        torch.from_numpy(np.array(table.x[:2])),
        {
            "latentatlas": latentatlas.__version__,
            "fingerprint": table.fingerprint,
            "features": json.dumps(list(table.columns), ensure_ascii=False),
        },
    )
    if importlib.util.find_spec("onnxruntime") is None:
        return Exported(content, None)
    rows = np.linspace(0, len(table) - 1, min(len(table), _ROWS)).astype(np.int64)
    return Exported(content, _compared(content, np.array(table.x[rows]), atlas.model_))


@final
class _EncoderOnly(nn.Module):
    """Rows in the units of the data to latent and map."""

    centre: Tensor
    scale: Tensor

    def __init__(self, model: AtlasModel):
        super().__init__()
        self.unit = model.preparation.unit
        self.register_buffer("centre", torch.from_numpy(model.preparation.centre))
        self.register_buffer("scale", torch.from_numpy(model.preparation.scale))
        self.stem = model.stem
        self.network = model.network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = (x - self.centre) / self.scale
        if self.unit:
            x = x / torch.linalg.vector_norm(x, dim=1, keepdim=True)
        z = self.network.encode(self.stem(x))
        return z, self.network.map(z)


def _onnx(encoder: _EncoderOnly, sample: Tensor, properties: dict[str, str]) -> bytes:
    for package in ("onnx", "onnxscript"):
        require_extra(package, "onnx", who="Atlas.export")
    with _quiet():
        program: Any = torch.onnx.export(
            encoder,
            (sample,),
            dynamo=True,
            verbose=False,
            input_names=["x"],
            output_names=["latent", "map"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
        )
    proto = program.model_proto
    if not proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise SpecError(
            f"Atlas.export wants an encoder for any number of rows; {type(encoder.network.encoder).__name__} fixes it. "
            "In its forward write x.shape[0] for len(x), and no conditions on values."
        )
    for name, value in properties.items():
        proto.metadata_props.add(key=name, value=value)
    return proto.SerializeToString()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the notes of PyTorch's exporter on optional packages and on its own future."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _compared(content: bytes, x: np.ndarray, model: AtlasModel) -> float:
    """Largest difference, in units of the spread, for batches of one row, of seven and of the rest."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    parts = [session.run(["latent", "map"], {"x": part}) for part in np.split(x, [1, 8]) if len(part)]
    z = model.encode(model.preparation(x))
    worst = 0.0
    for ours, theirs in zip((z, model.map(z)), zip(*parts, strict=True), strict=True):
        spread = float(ours.std()) or 1.0
        worst = max(worst, float(np.abs(np.concatenate(theirs) - ours).max()) / spread)
    if not worst <= _TOLERANCE:
        raise AtlasError(
            f"Atlas.export wants onnxruntime to agree with the atlas; they differ by {worst:.1e} of the spread of the "
            "latent. An operation of the encoder is exported wrongly: use another one."
        )
    return worst
