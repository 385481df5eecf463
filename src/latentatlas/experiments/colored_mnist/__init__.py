"""Study `colored-mnist`: digits whose colour predicts the label better than their shape does, until it does not."""

from latentatlas.experiments.colored_mnist.study import run, to_markdown

__all__ = ["run", "to_markdown"]
