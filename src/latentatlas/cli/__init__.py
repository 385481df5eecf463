"""The command line: one module per verb."""

from latentatlas.cli.app import main

__all__ = ["main"]
