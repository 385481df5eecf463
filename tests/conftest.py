"""Shapes in signatures are checked in tests only: the import hook must be installed before latentatlas is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import config, install_import_hook

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is loaded: tests share their machine
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
_CHECKED = [
    "core",
    "erasure",
    "geometry",
    "graph",
    "landscape",
    "layout",
    "spectral",
    "models",
    "terms",
    "metrics",
    "train",
]
_TYPECHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
_hook = install_import_hook([f"latentatlas.{part}" for part in _CHECKED], _TYPECHECKER)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Without the checks of signatures, as users run: for what the library itself says about wrong input."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def data_home() -> Path:
    """The folder of prepared data sets; tests that need it are skipped where it is not given."""
    home = os.environ.get("LATENTATLAS_DATA")
    if not home or not Path(home).is_dir():
        pytest.skip("set LATENTATLAS_DATA to the folder of prepared data sets")
    return Path(home)
