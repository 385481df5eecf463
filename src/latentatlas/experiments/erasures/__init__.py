"""What the studies of erasure share: reviews with their splits, probes, neighbours within a group."""

from latentatlas.experiments.erasures.judging import (
    PROBES,
    cross_validated,
    held_out_accuracy,
    same_group_share,
    within_group_overlap,
)
from latentatlas.experiments.erasures.reviews import Reviews, load_reviews

__all__ = [
    "PROBES",
    "Reviews",
    "cross_validated",
    "held_out_accuracy",
    "load_reviews",
    "same_group_share",
    "within_group_overlap",
]
