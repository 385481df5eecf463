"""Training: batches by index, one loop on Lightning Fabric, callbacks."""

from latentatlas.train.batches import BatchSource, EdgeBatches, RowBatches
from latentatlas.train.callbacks import At, Callback, EarlyStop, History, Never, Progress, Resumable, Silent
from latentatlas.train.checkpoint import Checkpoint
from latentatlas.train.covering import learn_cover, unroll_charts
from latentatlas.train.elastic import ElasticCharts, ElasticCodes
from latentatlas.train.fit import Recipe, fit
from latentatlas.train.gates import AnnealGate
from latentatlas.train.prototypes import Anneal, MovingAverage
from latentatlas.train.record_file import RecordFile
from latentatlas.train.riemannian import RiemannianAdam
from latentatlas.train.selection import (
    Admission,
    Criterion,
    EqualScores,
    Everyone,
    ExtrapolatedScore,
    LeaveOneEnvironmentOut,
    MeanScore,
    Selection,
    Split,
    Splits,
    WithinEnvironments,
    WorstScore,
    select,
)
from latentatlas.train.stack import BlockReport, StackFit, fit_stack, stack_report
from latentatlas.train.views import ViewBatches, at_rest, with_view

__all__ = [
    "Admission",
    "Anneal",
    "AnnealGate",
    "At",
    "BatchSource",
    "BlockReport",
    "Callback",
    "Checkpoint",
    "Criterion",
    "EarlyStop",
    "EdgeBatches",
    "ElasticCharts",
    "ElasticCodes",
    "EqualScores",
    "Everyone",
    "ExtrapolatedScore",
    "History",
    "LeaveOneEnvironmentOut",
    "MeanScore",
    "MovingAverage",
    "Never",
    "Progress",
    "Recipe",
    "RecordFile",
    "Resumable",
    "RiemannianAdam",
    "RowBatches",
    "Selection",
    "Silent",
    "Split",
    "Splits",
    "StackFit",
    "ViewBatches",
    "WithinEnvironments",
    "WorstScore",
    "at_rest",
    "fit",
    "fit_stack",
    "learn_cover",
    "select",
    "stack_report",
    "unroll_charts",
    "with_view",
]
