"""Study `mnist-charts`: ten charts of two axes with sixteen codes each, in 85,000 numbers and without labels."""

from latentatlas.experiments.mnist_charts.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
