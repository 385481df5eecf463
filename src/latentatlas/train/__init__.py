"""Training: batches by index, one loop on Lightning Fabric, callbacks."""

from latentatlas.train.batches import BatchSource, EdgeBatches, RowBatches
from latentatlas.train.callbacks import At, Callback, EarlyStop, History, Never, Progress, Resumable, Silent
from latentatlas.train.checkpoint import Checkpoint
from latentatlas.train.fit import Recipe, fit
from latentatlas.train.prototypes import Anneal, MovingAverage

__all__ = [
    "Anneal",
    "At",
    "BatchSource",
    "Callback",
    "Checkpoint",
    "EarlyStop",
    "EdgeBatches",
    "History",
    "MovingAverage",
    "Never",
    "Progress",
    "Recipe",
    "Resumable",
    "RowBatches",
    "Silent",
    "fit",
]
