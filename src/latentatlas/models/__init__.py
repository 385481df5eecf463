"""Modules `Batch -> Latents`. A model knows no loss."""

from latentatlas.models.autoencoder import Autoencoder, MapHead
from latentatlas.models.charted import ChartDecoder, ChartEncoder
from latentatlas.models.decoders import Decoder, ImageDecoder, MLPDecoder, SignalDecoder
from latentatlas.models.encoders import Encoder, ImageEncoder, MLPEncoder, SignalEncoder
from latentatlas.models.stems import PCAStem, ScaleStem, Stem

__all__ = [
    "Autoencoder",
    "ChartDecoder",
    "ChartEncoder",
    "Decoder",
    "Encoder",
    "ImageDecoder",
    "ImageEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "MapHead",
    "PCAStem",
    "ScaleStem",
    "SignalDecoder",
    "SignalEncoder",
    "Stem",
]
