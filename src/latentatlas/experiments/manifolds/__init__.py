"""Study `manifolds`: surfaces and other sets covered by learned charts, and what their overlaps say."""

from latentatlas.experiments.manifolds.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
