from __future__ import annotations

import numpy as np
import pytest

from latentatlas.store import RunContents

ROWS, FEATURES, DIM, K = 40, 6, 3, 5


def _graph(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "indices": rng.integers(0, ROWS, (ROWS, K)).astype(np.int32),
        "distances": rng.random((ROWS, K), dtype=np.float32),
    }


@pytest.fixture
def contents(rng) -> RunContents:
    latent = rng.normal(size=(ROWS, DIM)).astype(np.float32)
    return RunContents(
        spec={"type": "models.AutoEncoder", "dim": DIM, "seed": 0, "note": "Grüße"},
        weights={"w": rng.normal(size=(4, 3)).astype(np.float32), "steps": np.array(7)},
        points={
            "id": np.arange(ROWS),
            "x": latent[:, 0],
            "latent": latent,
            "label": np.array([f"class {i % 3}" for i in range(ROWS)]),
            "kept": np.arange(ROWS) % 2 == 0,
        },
        graph={"input": _graph(rng), "latent": _graph(rng)},
        sampled=np.arange(ROWS),
        history={"step": np.arange(4), "loss": np.array([4.0, 3.0, 2.0, 1.0])},
        verdicts=[{"name": "collapse", "status": "pass", "value": 2.5, "threshold": 1.5, "reason": "r", "remedy": ""}],
        metrics={"trustworthiness": 0.98, "purity": float("nan")},
        basins=[
            {"number": 0, "name": "all", "given": True, "size": ROWS, "share": 1.0, "exemplars": [3], "borders": []}
        ],
        charts={"charts": [{"number": 0, "size": ROWS, "entropy": 0.5, "codes": []}], "transitions": []},
        patterns=rng.random((ROWS, FEATURES)),
        vectors=latent,
        landscape={
            "minima": {"id": np.array([3, 9]), "prominence": np.array([np.inf, 0.5])},
            "barriers": np.array([[0.0, np.inf], [np.inf, 1.0]]),
        },
        report="<!doctype html><title>r</title>",
        picture=b"\x89PNG fake",
    )
