"""What the studies of partition share: changed images, ways to train, and judges of blocks."""

from latentatlas.experiments.partitions.changes import Changes
from latentatlas.experiments.partitions.judging import COLUMNS, Seen, judged
from latentatlas.experiments.partitions.methods import METHODS, ORACLE, Budget, Trained, trained
from latentatlas.experiments.partitions.pictures import Pictures

__all__ = ["COLUMNS", "METHODS", "ORACLE", "Budget", "Changes", "Pictures", "Seen", "Trained", "judged", "trained"]
