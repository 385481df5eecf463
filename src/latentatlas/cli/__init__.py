"""The command line: one module per verb."""

import os

# Threads that spin while they wait halve the speed of everything as soon as the machine is not idle. OpenMP reads this
# once, when torch is loaded, which is after this line.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from latentatlas.cli.app import main

__all__ = ["main"]
