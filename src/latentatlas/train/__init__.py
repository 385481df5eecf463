"""Training: batches by index, one loop on Lightning Fabric, callbacks."""

from latentatlas.train.batches import BatchSource, EdgeBatches, RowBatches
from latentatlas.train.callbacks import At, Callback, EarlyStop, History, Never, Progress, Silent
from latentatlas.train.fit import Recipe, fit

__all__ = [
    "At",
    "BatchSource",
    "Callback",
    "EarlyStop",
    "EdgeBatches",
    "History",
    "Never",
    "Progress",
    "Recipe",
    "RowBatches",
    "Silent",
    "fit",
]
