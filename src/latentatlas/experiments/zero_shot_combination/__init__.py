"""Study `zero-shot-combination`: shapes in colours that were never seen together, told and decoded."""

from latentatlas.experiments.zero_shot_combination.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
