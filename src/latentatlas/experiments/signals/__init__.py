"""Rows, training and judging that the studies of signals share."""

from latentatlas.experiments.signals.rows import Part, Setting, hearts, movements
from latentatlas.experiments.signals.training import Budget, Method, Terms, Trained, latents, predictions, trained

__all__ = [
    "Budget",
    "Method",
    "Part",
    "Setting",
    "Terms",
    "Trained",
    "hearts",
    "latents",
    "movements",
    "predictions",
    "trained",
]
