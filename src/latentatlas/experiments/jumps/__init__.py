"""Study `jumps`: charts whose coordinates and overlaps are known, and four ways from one to the other."""

from latentatlas.experiments.jumps.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
