"""Study `colored-mnist`: digits whose colour predicts the label better than their shape does, until it does not."""

from latentatlas.experiments.colored_mnist.study import pictures, run, to_markdown

__all__ = ["pictures", "run", "to_markdown"]
