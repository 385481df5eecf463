"""Study `stack`: images and heartbeats explained block by block, against one block of equal size."""

from latentatlas.experiments.stack.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
