"""Study `elastic`: how many charts and groups are found, how stable, and at what cost."""

from latentatlas.experiments.elastic.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
