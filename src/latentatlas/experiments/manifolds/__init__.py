"""Study `manifolds`: surfaces and other sets covered by charts that were learned, and what is read off their overlaps."""

from latentatlas.experiments.manifolds.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
