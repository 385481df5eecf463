"""Modules `Batch -> Latents`. A model knows no loss."""

from latentatlas.models.arranged import ArrangedDecoder, ArrangedEncoder
from latentatlas.models.autoencoder import Autoencoder, MapHead
from latentatlas.models.charted import ChartDecoder, ChartEncoder
from latentatlas.models.charts import (
    AtlasAutoencoder,
    AtlasEncoder,
    AttentiveRouter,
    AutoencoderJumps,
    ChartCodebook,
    ChartHeads,
    ChartProjectors,
    ChartRenderer,
    FactorizedJumps,
    Gate,
    Jumps,
    LinearKey,
    MLPRouter,
    Placements,
    Reconstructions,
    ResidualFilter,
    Router,
    TiedJumps,
    TopologicalDecoder,
    charted_autoencoder,
)
from latentatlas.models.curved import CurvedDecoder, CurvedEncoder
from latentatlas.models.decoders import Decoder, ImageDecoder, MLPDecoder, SignalDecoder
from latentatlas.models.encoders import Encoder, ImageEncoder, MLPEncoder, SignalEncoder
from latentatlas.models.energies import NeuralEnergy
from latentatlas.models.hopfield import HopfieldEncoder, HopfieldLayer
from latentatlas.models.multimodal import MultimodalDecoder, MultimodalEncoder
from latentatlas.models.predictor import Predictor, TaskHead
from latentatlas.models.signals import ResidualSignalEncoder
from latentatlas.models.stacked import ChartBlock, Peeled, StackedAutoencoder
from latentatlas.models.stems import PCAStem, ScaleStem, Stem
from latentatlas.models.variational import VariationalEncoder

__all__ = [
    "ArrangedDecoder",
    "ArrangedEncoder",
    "AtlasAutoencoder",
    "AtlasEncoder",
    "AttentiveRouter",
    "Autoencoder",
    "AutoencoderJumps",
    "ChartBlock",
    "ChartCodebook",
    "ChartDecoder",
    "ChartEncoder",
    "ChartHeads",
    "ChartProjectors",
    "ChartRenderer",
    "CurvedDecoder",
    "CurvedEncoder",
    "Decoder",
    "Encoder",
    "FactorizedJumps",
    "Gate",
    "HopfieldEncoder",
    "HopfieldLayer",
    "ImageDecoder",
    "ImageEncoder",
    "Jumps",
    "LinearKey",
    "MLPDecoder",
    "MLPEncoder",
    "MLPRouter",
    "MapHead",
    "MultimodalDecoder",
    "MultimodalEncoder",
    "NeuralEnergy",
    "PCAStem",
    "Peeled",
    "Placements",
    "Predictor",
    "Reconstructions",
    "ResidualFilter",
    "ResidualSignalEncoder",
    "Router",
    "ScaleStem",
    "SignalDecoder",
    "SignalEncoder",
    "StackedAutoencoder",
    "Stem",
    "TaskHead",
    "TiedJumps",
    "TopologicalDecoder",
    "VariationalEncoder",
    "charted_autoencoder",
]
