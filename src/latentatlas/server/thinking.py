"""What the page asks of the fitted atlas: loaded when the first such question comes, one question at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, final

import numpy as np

from latentatlas.core.errors import DataError, SpecError
from latentatlas.server.patterns import Patterns
from latentatlas.store import Run

if TYPE_CHECKING:
    from latentatlas.estimator import Atlas

__all__ = ["LazyAtlas"]

_MOST_PATTERNS = 64


@final
class LazyAtlas:
    """The atlas of a run, and its answers as plain data.

    Args:
        run: the run.
        patterns: of the run; they tell how decoded rows are drawn.
    """

    def __init__(self, run: Run, patterns: Patterns):
        self.run = run
        self.patterns = patterns
        self._lock = threading.Lock()
        self._atlas: Atlas | None = None

    @property
    def there(self) -> bool:
        """Whether the run holds a fitted atlas; a landscape of given vectors does not."""
        return "atlas" in self.run.spec

    def vector_of_text(self, text: str) -> np.ndarray:
        """The latent of a text, (1, dim), by the sentence model of the fit.

        Raises:
            SpecError: if the run was not fitted from texts, or its sentence model is not to be had.
        """
        if self.patterns.text_column is None:
            raise SpecError(
                f"A text can be placed by a run fitted from texts (fit --text COL); {self.run.path} was not. Look for "
                "the letters in a column instead."
            )
        from latentatlas.build import build

        spec = self.run.spec["data"]["reading"]["reader"]
        if isinstance(spec["embedder"], str):
            raise SpecError(
                f"The texts of {self.run.path} were embedded by {spec['embedder']!r}, which is not part of "
                "latentatlas. Look for the letters in a column instead."
            )
        with self._lock:
            return self._loaded().transform(build(spec["embedder"])([text]))

    def vector_of_pattern(self, values: np.ndarray) -> np.ndarray:
        """The latent of a pattern, (1, dim).

        Raises:
            ShapeError: for another number of features.
        """
        with self._lock:
            return self._loaded().transform(values[None])

    def sample(self, n: int, *, basin: int | None, seed: int) -> dict[str, Any]:
        """New patterns drawn from a basin or from all, and where they lie on the map.

        Raises:
            SpecError: for more than 64 patterns, or a basin that does not exist.
        """
        if not 1 <= n <= _MOST_PATTERNS:
            raise SpecError(f"sample draws 1 to {_MOST_PATTERNS} patterns; got {n}. Choose fewer.")
        with self._lock:
            atlas = self._loaded()
            drawn = atlas.sample(n, basin=basin, random_state=seed)
            return self._answer(atlas, drawn)

    def recall(self, row: int, *, noise: float, seed: int) -> dict[str, Any]:
        """A row with normal noise added, and what is recalled from it: "given", "noisy" and "recalled" in this order.

        Args:
            row: number of the row.
            noise: standard deviation in units of the mean standard deviation of the columns that vary.
            seed: of the noise.

        Raises:
            DataError: if the pattern of the row is not kept.
            SpecError: for noise below 0 or above 10.
        """
        if not 0 <= noise <= 10:
            raise SpecError(f"recall takes noise of 0 to 10 standard deviations; got {noise}. Choose less.")
        given = self.patterns.row(row)
        values = self.patterns.values()
        seen = np.asarray(values[:: max(1, len(values) // 1000)], np.float64).std(axis=0)
        scale = float(seen[seen > 0].mean()) if (seen > 0).any() else 1.0
        noisy = given + noise * scale * np.random.default_rng(seed).standard_normal(len(given)).astype(np.float32)
        with self._lock:
            atlas = self._loaded()
            recalled = atlas.recall(noisy[None].astype(np.float32))[0]
            return self._answer(atlas, np.stack([given, noisy, recalled]).astype(np.float32))

    def path(self, start: int, end: int, *, steps: int) -> dict[str, Any]:
        """The way of low energy between two rows: its patterns, energies, and where it runs on the map.

        Raises:
            DataError: if the pattern of a row is not kept.
            SpecError: unless 2 ≤ steps ≤ 64.
        """
        if not 2 <= steps <= _MOST_PATTERNS:
            raise SpecError(f"path takes 2 to {_MOST_PATTERNS} steps; got {steps}. Choose fewer.")
        ends = [self.patterns.row(row) for row in (start, end)]
        with self._lock:
            atlas = self._loaded()
            way = atlas.passage(*ends, steps=steps)
            return {
                "patterns": self._drawn(way.patterns),
                "xy": atlas.model_.map(way.latent).tolist(),
                "energy": way.energy.tolist(),
                "barrier": way.barrier,
                "straight": way.straight,
            }

    def _answer(self, atlas: Atlas, values: np.ndarray) -> dict[str, Any]:
        latent = atlas.model_.encode(atlas._prepared(values))
        return {
            "patterns": self._drawn(values),
            "xy": atlas.model_.map(latent).tolist(),
            "energy": atlas.model_.energy(latent).tolist(),
            "basin": atlas.model_.basins(latent).tolist(),
        }

    def _drawn(self, values: np.ndarray) -> list[dict[str, Any]]:
        if self.patterns.kind == "text":  # vectors of texts cannot be written out again
            return [{"values": []} for _ in values]
        return self.patterns.drawn(values)

    def _loaded(self) -> Atlas:
        if self._atlas is None:
            if not self.there:
                raise DataError(f"{self.run.path} holds no fitted atlas, so it has no model. Fit one: latentatlas fit.")
            from latentatlas.build import load

            self._atlas = load(self.run)
        return self._atlas
