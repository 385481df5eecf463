"""Many charts: routing, coordinates and codes within charts, placements in one frame, decoding, and jumps."""

from latentatlas.models.charts.autoencoder import AtlasAutoencoder, Reconstructions, charted_autoencoder
from latentatlas.models.charts.codebook import ChartCodebook
from latentatlas.models.charts.decoder import ChartRenderer, TopologicalDecoder
from latentatlas.models.charts.elastic import (
    ElasticRouter,
    close_chart,
    elastic_autoencoder,
    merge_charts,
    split_chart,
)
from latentatlas.models.charts.elastic_cells import ElasticCells, elastic_cells
from latentatlas.models.charts.elastic_codes import ElasticCodebook
from latentatlas.models.charts.encoder import AtlasEncoder
from latentatlas.models.charts.heads import ChartHeads, ChartProjectors
from latentatlas.models.charts.jump import FactorizedJumps, Jumps, TiedJumps
from latentatlas.models.charts.ledger import ElasticEvent, Ledger, PartUse
from latentatlas.models.charts.parsimony import Parsimony, code_length, patch_residuals
from latentatlas.models.charts.placements import Placements
from latentatlas.models.charts.reencoding import AutoencoderJumps
from latentatlas.models.charts.residual import ResidualFilter
from latentatlas.models.charts.router import AttentiveRouter, Gate, LinearKey, MLPRouter, Router

__all__ = [
    "AtlasAutoencoder",
    "AtlasEncoder",
    "AttentiveRouter",
    "AutoencoderJumps",
    "ChartCodebook",
    "ChartHeads",
    "ChartProjectors",
    "ChartRenderer",
    "ElasticCells",
    "ElasticCodebook",
    "ElasticEvent",
    "ElasticRouter",
    "FactorizedJumps",
    "Gate",
    "Jumps",
    "Ledger",
    "LinearKey",
    "MLPRouter",
    "Parsimony",
    "PartUse",
    "Placements",
    "Reconstructions",
    "ResidualFilter",
    "Router",
    "TiedJumps",
    "TopologicalDecoder",
    "charted_autoencoder",
    "close_chart",
    "code_length",
    "elastic_autoencoder",
    "elastic_cells",
    "merge_charts",
    "patch_residuals",
    "split_chart",
]
