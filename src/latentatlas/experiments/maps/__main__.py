"""The process of one fit: `python -m latentatlas.experiments.maps FOLDER`; see `apart.run_apart`."""

from __future__ import annotations

import sys
from pathlib import Path

from latentatlas.experiments.maps.apart import work

if __name__ == "__main__":
    work(Path(sys.argv[1]))
