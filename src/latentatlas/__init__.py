"""Maps of high-dimensional patterns with a certificate.

`import latentatlas as la` costs no more than `import torch`: every part is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "Atlas": "latentatlas.estimator",
    "audit": "latentatlas.auditing",
    "explore": "latentatlas.server",
    "load": "latentatlas.build",
    "minima": "latentatlas.estimator",
    "propose_augmentations": "latentatlas.auditing",
    "propose_nuisances": "latentatlas.auditing",
}
_PARTS = {
    "auditing",
    "build",
    "checks",
    "core",
    "data",
    "erasure",
    "estimator",
    "geometry",
    "graph",
    "landscape",
    "layout",
    "metrics",
    "models",
    "plots",
    "report",
    "server",
    "spectral",
    "store",
    "terms",
    "train",
}

__all__ = [
    "Atlas",
    "__version__",
    "audit",
    "explore",
    "load",
    "minima",
    "propose_augmentations",
    "propose_nuisances",
    *sorted(_PARTS),
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    if name in _PARTS:
        return importlib.import_module(f"latentatlas.{name}")
    raise AttributeError(f"module 'latentatlas' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
