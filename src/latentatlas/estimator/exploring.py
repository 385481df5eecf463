"""What a fitted atlas is asked: energies, anomalies, basins with names, recall, samples, ways, classes, landscapes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from latentatlas.core import AtlasError
from latentatlas.estimator.coordinates import ChartCoordinates, decoded_in_chart, jumped
from latentatlas.estimator.few_shot import FewShot, learn_classes
from latentatlas.estimator.landscape import landscape_of
from latentatlas.estimator.model import AtlasModel
from latentatlas.estimator.naming import Basin, basins_of, given_names
from latentatlas.estimator.passing import Passage, low_passage
from latentatlas.estimator.remembering import Memory, memory_of
from latentatlas.estimator.rows import as_rows
from latentatlas.estimator.sampling import LangevinRefinement, drawn_latents
from latentatlas.landscape import Landscape, PrototypeBank

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["ExploredAtlas"]


class ExploredAtlas(ABC):
    """The part of an `Atlas` that needs no more than its fitted model and the rows of its fit."""

    model_: AtlasModel
    given_names_: dict[int, str]

    @abstractmethod
    def _prepared(self, X: Any) -> np.ndarray:
        """Rows in the space where neighbours were sought."""

    def _encoded(self, X: Any) -> np.ndarray:
        """What `transform` returns before scikit-learn's `set_output` wraps it."""
        x = self._prepared(X)
        return self.model_.encode(x)

    @property
    def _atlas(self) -> Atlas:
        check_is_fitted(self, "model_")
        return cast("Atlas", self)

    def energy(self, X: Any) -> np.ndarray:
        """Energy of each row in the landscape of the prototypes, (n,); low in the middle of basins."""
        z = self._encoded(X)
        return self.model_.energy(z)

    def anomaly_score(self, X: Any) -> np.ndarray:
        """p-value of each row being as usual as the held-out training rows, (n,) in (0, 1]; small is anomalous.

        The rank of how unlike the rows at its place on the map a row is (`estimator.usual.Usual`), among held-out rows:
        at most a share α of usual rows has a score ≤ α. The smallest value is 1/(1 + number of held-out rows).

        Raises:
            AtlasError: if the atlas was fitted without held-out rows.
        """
        x = self._prepared(X)
        if not self.model_.calibrated:
            raise AtlasError(
                "Atlas.anomaly_score wants held-out rows to compare with; there are none. Fit with held_out > 0."
            )
        return self.model_.p_values(x, self.model_.encode(x))

    def describe_basins(self) -> list[Basin]:
        """Every basin by its number: name, size, share, the rows nearest its prototype and rows at its borders."""
        return basins_of(self._atlas)

    def name_basins(self, names: Mapping[int, str] | Sequence[str] | np.ndarray) -> Atlas:
        """Name basins; names are kept by `save` and `partial_fit`, and shown wherever basins are.

        Other basins are named by the leading label, telling words or values beside the features, or the features.

        Args:
            names: number → name; or a text or category for each training row, from which the telling words or values
                of every basin are taken.

        Raises:
            SpecError, DataError, ShapeError: for a basin that does not exist, no name, a column that does not fit.
        """
        atlas = self._atlas
        atlas.given_names_ = {**atlas.given_names_, **given_names(atlas, names)}
        return atlas

    def recall(self, X: Any, *, steps: int = 1, memory: Memory | None = None, noise: float | None = None) -> np.ndarray:
        """Patterns remembered from noisy ones, (n, features): encode, `steps` of retrieval, decode.

        Args:
            X: rows.
            steps: of retrieval in the latent; 0 only encodes and decodes.
            memory: None is the prototypes, one for each basin; `atlas.memory()` are rows; or anything with `retrieve`.
            noise: standard deviation of the noise on every column, in the units of the data (of rows of norm 1, for the
                cosine metric), if it is known. Rows are then replaced by the mean of what they may have been, before
                they are encoded: noise carries latents into other basins, from which no retrieval brings them back.

        Cost: O(n rows dim) for the memory; with noise O(50 n components²), components ≤ 128.

        Raises:
            SpecError: for noise that is not positive.
        """
        x = self._prepared(X)
        z = self.model_.encode(x if noise is None else self.model_.without_noise(x, noise=noise))
        return self.model_.patterns(self.model_.retrieve(z, steps=steps, memory=memory))

    def memory(self, *, rows: int = 2000, random_state: int = 0) -> PrototypeBank:
        """Latents of training rows as a memory for `recall`, as wide as the distance between neighbours.

        Args:
            rows: how many to remember, drawn at random.
            random_state: seed of the draw.
        """
        return memory_of(self._atlas, rows=rows, seed=random_state)

    def interpolate(self, a: Any, b: Any, *, steps: int = 10) -> np.ndarray:
        """Patterns between rows: `steps` points of the straight line between their latents, ends included, decoded.

        Args:
            a: where to start: one row (features,), or n of them (n, features).
            b: where to end, likewise.
            steps: points of each line, ≥ 2.

        Returns:
            (steps, features), or (n, steps, features), in the units of the data. The ends are the decoded rows, not the
            rows themselves. For the way of low energy and its barrier see `passage`.

        Raises:
            ShapeError, SpecError: for other columns, different numbers of rows, fewer than 2 steps.
        """
        ends = [self._encoded(as_rows(end)) for end in (a, b)]
        line = self.model_.line(*ends, steps=steps)
        patterns = self.model_.patterns(line.reshape(-1, line.shape[-1]))
        return patterns.reshape(*(() if np.ndim(a) == 1 else (len(line),)), steps, -1)

    def passage(self, a: Any, b: Any, *, steps: int = 20, field: Callable[[Tensor], Tensor] | None = None) -> Passage:
        """The way of low energy between two rows, with its patterns and its barrier.

        From each row down to its minimum, and between the minima over the lowest pass that is found from the straight
        line (`landscape.minimum_energy_path`); the straight line itself where it climbs no higher.

        Args:
            a: where to start: one row.
            b: where to end: one row.
            steps: points of the way, ≥ 2.
            field: energy of latents, differentiable; None is that of the prototypes.

        Raises:
            ShapeError, SpecError, DataError: for more rows than one, fewer than 2 steps, a field that is not finite.
        """
        return low_passage(self._atlas, a, b, steps=steps, field=field)

    def sample(
        self,
        n: int = 1,
        *,
        basin: int | None = None,
        refinement: LangevinRefinement | None = None,
        random_state: int = 0,
    ) -> np.ndarray:
        """New patterns, (n, features), decoded from latents drawn from exp(−β E), an exact mixture of Gaussians.

        Args:
            n: how many.
            basin: from one basin only; None draws basins in proportion to their training rows.
            refinement: moves the latents by Langevin dynamics in another energy, each inside its basin.
            random_state: seed of the draw.

        Raises:
            SpecError: for n < 1, or a basin that does not exist or has no rows.
        """
        drawn = drawn_latents(self._atlas, n, basin=basin, refinement=refinement, seed=random_state)
        return self.model_.patterns(drawn)

    def predict_chart(self, X: Any) -> np.ndarray:
        """Number of the likeliest chart of each row, (n,) int64.

        Raises:
            SpecError: if the atlas has no charts.
        """
        return self.chart_coordinates(X).chart

    def chart_coordinates(self, X: Any) -> ChartCoordinates:
        """Chart, memberships, coordinates in every chart and codes of each row.

        Raises:
            SpecError: if the atlas has no charts.
        """
        x = self._prepared(X)
        return self.model_.in_charts(x)

    def jump(self, X: Any, chart: Any) -> np.ndarray:
        """Coordinates of rows in another chart, (n, axes of a chart), reached by the jump from their own.

        Args:
            X: rows.
            chart: number of the chart to jump to, or one for each row.

        For rows that lie in both charts they should equal those of `chart_coordinates`: the certificate tells how
        nearly they do. Jumps go through the common frame, unless the atlas was fitted with others.

        Raises:
            SpecError: if the atlas has no charts, or not this one.
        """
        return jumped(self._atlas, X, chart)

    def decode_chart(self, local: Any, chart: Any) -> np.ndarray:
        """Patterns of coordinates in a chart as it alone decodes them, (n, features), in the units of the data.

        Args:
            local: (n, axes of a chart).
            chart: number of the chart, or one for each row.

        Raises:
            SpecError: if the atlas has no charts, or not this one.
            ShapeError: for another number of axes.
        """
        return decoded_in_chart(self._atlas, local, chart)

    def few_shot(self, X: Any, y: Any) -> FewShot:
        """A classifier from labelled examples, one a class or more; the rows of the fit help, without their labels.

        Raises:
            ShapeError, DataError: for no examples, other columns, or a label that is missing.
        """
        return learn_classes(self._atlas, X, y)

    def landscape(
        self, field: Callable[[Tensor], Tensor] | None = None, *, min_prominence: float | None = None
    ) -> Landscape:
        """Minima, basins and barriers of an energy over the latents of the training rows; None is their density.

        See `landscape.survey`. `field` is any callable, (n, dim) → (n,): a `models.NeuralEnergy`, for example.
        """
        return landscape_of(self._atlas, field, min_prominence=min_prominence)
