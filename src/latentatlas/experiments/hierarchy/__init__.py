"""Study `hierarchy`: mammals of WordNet embedded in a ball and in flat space, judged by their ancestors."""

from latentatlas.experiments.hierarchy.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
