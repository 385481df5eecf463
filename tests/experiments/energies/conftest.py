from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from latentatlas.data import Table
from latentatlas.experiments.energies import classifying, digits, generating, recalling

CACHES = (
    digits.digits,
    digits.edges,
    digits.atlas_of_digits,
    digits.atlas_of_edges,
    classifying._latents,
    classifying._components,
    recalling.denoiser,
    generating.judge,
)


def _forget() -> None:
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture(scope="package", autouse=True)
def rows_at_hand() -> Iterator[None]:
    """Images of 12 × 12 pixels, ten patterns with noise, in place of MNIST: 300 training rows and 200 others."""
    rng = np.random.default_rng(0)
    label = np.arange(500) % 10
    patterns = np.repeat(np.repeat(rng.uniform(0, 255, (10, 4, 4)), 3, axis=1), 3, axis=2).reshape(10, 144)
    x = np.clip(patterns[label] + 20 * rng.standard_normal((500, 144)), 0, 255).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "read_table", lambda corpus: Table(x, label=label.astype(str), item_shape=(12, 12)))
        patch.setattr(digits, "_TRAINING", 300)
        patch.setattr(digits, "_QUICK_TRAINING", 300)
        _forget()
        yield
    _forget()
