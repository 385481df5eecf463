"""Modules `Batch -> Latents`. A model knows no loss."""

from latentatlas.models.autoencoder import Autoencoder, MapHead
from latentatlas.models.charted import ChartDecoder, ChartEncoder
from latentatlas.models.decoders import Decoder, ImageDecoder, MLPDecoder, SignalDecoder
from latentatlas.models.encoders import Encoder, ImageEncoder, MLPEncoder, SignalEncoder
from latentatlas.models.energies import NeuralEnergy
from latentatlas.models.hopfield import HopfieldEncoder, HopfieldLayer
from latentatlas.models.multimodal import MultimodalDecoder, MultimodalEncoder
from latentatlas.models.predictor import Predictor, TaskHead
from latentatlas.models.signals import ResidualSignalEncoder
from latentatlas.models.stems import PCAStem, ScaleStem, Stem
from latentatlas.models.variational import VariationalEncoder

__all__ = [
    "Autoencoder",
    "ChartDecoder",
    "ChartEncoder",
    "Decoder",
    "Encoder",
    "HopfieldEncoder",
    "HopfieldLayer",
    "ImageDecoder",
    "ImageEncoder",
    "MLPDecoder",
    "MLPEncoder",
    "MapHead",
    "MultimodalDecoder",
    "MultimodalEncoder",
    "NeuralEnergy",
    "PCAStem",
    "Predictor",
    "ResidualSignalEncoder",
    "ScaleStem",
    "SignalDecoder",
    "SignalEncoder",
    "Stem",
    "TaskHead",
    "VariationalEncoder",
]
