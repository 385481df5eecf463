"""The scikit-learn face of the system."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, final

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from latentatlas.checks import Check, Evidence, Verdict, run_checks
from latentatlas.core import AtlasError, ShapeError, SpecError
from latentatlas.data import (
    Table,
    as_matrix,
    match_columns,
    require_variation,
    warn_of_scales,
)
from latentatlas.estimator.fitting import Problem, Wanted, fit_problem
from latentatlas.estimator.measuring import measure
from latentatlas.estimator.model import AtlasModel
from latentatlas.estimator.preparation import Preparation
from latentatlas.estimator.rows import as_table, held_out_rows, shared_neighbours
from latentatlas.estimator.saving import contents_of, point_column
from latentatlas.estimator.settings import check_settings
from latentatlas.graph import Neighbours, knn_graph
from latentatlas.models import Encoder
from latentatlas.store import Run, require_writable, write_run
from latentatlas.train import Callback, EarlyStop, Progress

__all__ = ["Atlas"]


@final
class Atlas(TransformerMixin, BaseEstimator):
    """A map with a certificate: encoder, decoder, basins and calibrated energy from one `fit`.

    The latent keeps the neighbours of the rows (a contrastive term over a graph of ALL training rows), decodes back to
    them, drops the nuisances named in `fit`, and is cut into basins around prototypes. New rows take
    microseconds each. Equal seed, threads, machine and library versions give bit-identical results.

    Args:
        dim: latent axes. With 2 the latent is the map; otherwise a 2-D map head is trained beside it.
        n_neighbors: k of the neighbour graph, smaller than the number of rows.
        metric: "euclidean" or "cosine" (rows are divided by their norms first, and decoded as unit rows).
        standardize: divide every column by its standard deviation first; for tables whose columns have different units.
        n_basins: number of basins; None finds it: the density modes of the map that stand out by more than a factor e.
        encoder: an encoder of `latentatlas.models` with the same `dim`; "auto" is a perceptron on principal components.
        neighbour_term: keeps neighbours: "auto", None, a factor on the default weight, a term, or (term, schedule).
        nuisance_term: removes the nuisances given to `fit`, likewise.
        basin_term: deepens the basins at the end of the fit, likewise.
        held_out: share of the rows kept from training, for calibration and the overfit check; at most 10,000 rows.
        steps: optimiser steps; None takes 400 to 4,000 by the number of rows.
        batch_edges: graph edges per step; None takes 256 below 5,000 rows and 512 above.
        patience: stop when the held-out reconstruction has not improved for so many logs; None never stops early.
        device: "cpu", "auto" (an accelerator where there is one), "cuda", "mps".
        threads: processor threads; None takes all this process may use. Recorded, as results depend on it.
        random_state: seed, an integer ≥ 0.
        verbose: whether to show a progress bar.

    Attributes:
        latent_: (n, dim) of the training rows.
        map_: (n, 2) of the training rows.
        labels_: basin of each training row.
        n_basins_: number of basins.
        held_out_: True for rows that training did not see.
        history_: columns of the training log.
        graph_: neighbours of all rows of the fit in the input; training used a graph of its own rows alone.
        threads_, seconds_: what the fit used.

    Cost: O(n^1.5 features) for the graph above 20,000 rows, O(steps · batch_edges²) for training.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> atlas = Atlas(dim=2, steps=50, n_basins=3, random_state=0).fit(X)
    >>> atlas.transform(X[:5]).shape, sorted(set(atlas.labels_.tolist()))
    ((5, 2), [0, 1, 2])

    References:
        Hui, *Atlasing Pattern Space*; Damrich et al., *From t-SNE to UMAP with contrastive learning*, 2023.
    """

    def __init__(
        self,
        dim: int = 16,
        *,
        n_neighbors: int = 15,
        metric: str = "euclidean",
        standardize: bool = False,
        n_basins: int | None = None,
        encoder: str | Encoder = "auto",
        neighbour_term: Wanted = "auto",
        nuisance_term: Wanted = "auto",
        basin_term: Wanted = "auto",
        held_out: float = 0.1,
        steps: int | None = None,
        batch_edges: int | None = None,
        patience: int | None = None,
        device: str = "cpu",
        threads: int | None = None,
        random_state: int = 0,
        verbose: bool = False,
    ):
        self.dim = dim
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.standardize = standardize
        self.n_basins = n_basins
        self.encoder = encoder
        self.neighbour_term = neighbour_term
        self.nuisance_term = nuisance_term
        self.basin_term = basin_term
        self.held_out = held_out
        self.steps = steps
        self.batch_edges = batch_edges
        self.patience = patience
        self.device = device
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, *, nuisance: Any = None, environment: Any = None) -> Atlas:
        """Learn the atlas of the rows of `X`.

        Args:
            X: (n, features) numbers: NumPy, pandas, polars, torch, SciPy sparse, nested lists, or a `data.Table`.
            y: class of each row; never trained on, only reported against.
            nuisance: what must not matter: one column, a dict of columns, or a frame.
            environment: environment of each row; recorded.

        Raises:
            DataError: for NaN, text, equal rows, missing values.
            ShapeError: for too few rows, or columns of another length.
            SpecError: for a setting out of range.
        """
        check_settings(self)
        table = as_table(X, y, nuisance, environment)
        n = len(table)
        if n <= self.n_neighbors:
            cure = f"Pass n_neighbors ≤ {n - 1} or more rows." if n > 1 else "Pass more rows."
            raise ShapeError(f"Atlas wants more rows than n_neighbors={self.n_neighbors}; got {n}. {cure}")
        require_variation(table.x)
        if not self.standardize:
            warn_of_scales(table.x, table.columns)
        held_out = held_out_rows(n, self.held_out, seed=self.random_state)
        preparation = Preparation.of(table.x[~held_out], standardize=self.standardize, unit=self.metric == "cosine")
        x = preparation(table.x)
        if self.patience is not None and not held_out.any():
            raise SpecError(
                f"Atlas wants held-out rows to stop early by; held_out={self.held_out} leaves none of {n}. "
                "Raise held_out, or leave patience out."
            )
        fitted = fit_problem(
            Problem.of(self),
            x,
            np.flatnonzero(~held_out),
            nuisance=table.nuisance,
            environment=table.environment,
            callbacks=self._callbacks(),
        )
        self._install(AtlasModel(preparation, fitted.stem, fitted.model), table)
        self.objective_ = fitted.objective
        self.recipes_ = fitted.recipes
        self.history_ = fitted.history
        self.threads_ = fitted.threads
        self.seconds_ = fitted.seconds
        self.held_out_ = held_out
        self._place(x)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _callbacks(self) -> list[Callback]:
        progress = [Progress()] if self.verbose else []
        stop = [EarlyStop(patience=self.patience)] if self.patience is not None else []
        return [*progress, *stop]

    def _install(self, model: AtlasModel, table: Table) -> None:
        self.model_ = model
        self.table_ = table
        self.n_features_in_ = len(table.columns)
        self.n_basins_ = model.bank.count
        self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        if table.columns[0] != "x0":
            self.feature_names_in_ = np.asarray(table.columns, dtype=object)

    def _place(self, x: np.ndarray) -> None:
        """Where the training rows lie, and what is usual for rows that training did not see."""
        self.model_ = self.model_.calibrate(x[self.held_out_])
        self.latent_ = self.model_.encode(x)
        self.map_ = self.model_.map(self.latent_)
        self.labels_ = self.model_.basins(self.latent_)
        self.graph_: Neighbours = knn_graph(x, self.n_neighbors, seed=self.random_state)
        self.latent_graph_ = knn_graph(self.latent_, self.n_neighbors, seed=self.random_state)

    def transform(self, X: Any) -> np.ndarray:
        """Latent coordinates, (n, dim) float32."""
        return self._encoded(X)

    def map(self, X: Any) -> np.ndarray:
        """Map coordinates, (n, 2) float32; equal to `transform` when `dim` is 2."""
        z = self._encoded(X)
        return self.model_.map(z)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Patterns decoded from latents, (n, features) float32, in the units of the data."""
        z = self._latents(Z)
        return self.model_.patterns(z)

    def basins(self, X: Any) -> np.ndarray:
        """Number of the basin each row falls into, (n,) int64."""
        z = self._encoded(X)
        return self.model_.basins(z)

    def charts(self, X: Any) -> np.ndarray:
        """Soft memberships in the basins, (n, K); rows sum to 1."""
        z = self._encoded(X)
        return self.model_.memberships(z)

    def energy(self, X: Any) -> np.ndarray:
        """Energy of each row in the landscape of the prototypes, (n,); low in the middle of basins."""
        z = self._encoded(X)
        return self.model_.energy(z)

    def anomaly_score(self, X: Any) -> np.ndarray:
        """p-value of each row being as usual as the held-out training rows, (n,) in (0, 1]; small is anomalous.

        The smaller of two p-values, of the energy and of the reconstruction error, doubled (Bonferroni): at most a
        share α of usual rows has a score ≤ α. The smallest value is 2/(1 + number of held-out rows).

        Raises:
            AtlasError: if the atlas was fitted without held-out rows.
        """
        x = self._prepared(X)
        if not self.model_.calibrated:
            raise AtlasError(
                "Atlas.anomaly_score wants held-out rows to compare with; there are none. Fit with held_out > 0."
            )
        return self.model_.p_values(x, self.model_.encode(x))

    def recall(self, X: Any, *, steps: int = 1) -> np.ndarray:
        """Patterns remembered from noisy ones, (n, features): encode, `steps` of retrieval from the bank, decode."""
        z = self._encoded(X)
        return self.model_.patterns(self.model_.retrieve(z, steps=steps))

    def sample(self, n: int = 1, *, basin: int | None = None, random_state: int = 0) -> np.ndarray:
        """New patterns, (n, features), decoded from latents drawn from exp(−β E), an exact mixture of Gaussians.

        Args:
            n: how many.
            basin: from one basin only; None draws basins in proportion to their training rows.
            random_state: seed of the draw.
        """
        check_is_fitted(self, "model_")
        sizes = np.bincount(self.labels_, minlength=self.n_basins_)
        return self.model_.patterns(self.model_.draw(n, sizes, basin=basin, seed=random_state))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the latent axes: latent0, latent1, …."""
        return np.asarray([f"latent{axis}" for axis in range(self.dim)], dtype=object)

    def evidence(self) -> Evidence:
        """What the checks look at: the training rows in the units in which neighbours were sought."""
        check_is_fitted(self, "model_")
        return Evidence(
            x=self.model_.preparation(self.table_.x),
            z=self.latent_,
            recon=self.model_.decode(self.latent_),
            label=self.table_.label,
            nuisance=self.table_.nuisance,
            basins=self.labels_,
            memberships=self.model_.memberships(self.latent_),
            held_out=self.held_out_ if self.held_out_.any() else None,
            energy=self.model_.energy(self.latent_),
        )

    def check(self, checks: Sequence[Check] | None = None) -> list[Verdict]:
        """The certificate: every check's value, threshold, verdict and remedy, on the training rows."""
        return run_checks(self.evidence(), checks)

    def measure(self, *, rows: int = 2000) -> dict[str, float]:
        """Metrics by name; ranks are counted for `rows` sampled rows among all."""
        return measure(self.evidence(), self.map_, rows=rows, seed=self.random_state)

    def describe(self, X: Any) -> dict[str, np.ndarray]:
        """All that the atlas says of each row, from one encoding.

        Columns: `x`, `y` (map), `latent` (n, dim), `basin`, `membership` (of that basin), `energy`, `anomaly_p` (NaN
        without held-out rows).
        """
        x = self._prepared(X)
        return self.model_.describe(x, self.model_.encode(x))

    def points(self) -> dict[str, np.ndarray]:
        """`describe` of the training rows, with id, trust, held out, and what else is known of each row.

        `trust` is the share of a row's nearest rows in the latent that are also among its nearest rows in the data.
        """
        check_is_fitted(self, "model_")
        columns = {
            "id": self.table_.ids,
            **self.model_.describe(self.model_.preparation(self.table_.x), self.latent_),
            "trust": shared_neighbours(self.graph_, self.latent_graph_),
            "held_out": self.held_out_,
        }
        roles = {"label": self.table_.label, "environment": self.table_.environment}
        columns |= {role: column for role, column in roles.items() if column is not None}
        others = {**self.table_.metadata, **self.table_.nuisance}
        return columns | {point_column(name): column for name, column in others.items()}

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> Run:
        """Write the run folder: model, points, graphs, history, certificate, report and picture; atomic.

        Raises:
            StoreError: if the folder is in the way or cannot be written; nothing is changed then.
        """
        check_is_fitted(self, "model_")
        require_writable(path, overwrite=overwrite)
        return write_run(path, contents_of(self), overwrite=overwrite)

    def _prepared(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        x, names = (X.x, X.columns) if isinstance(X, Table) else as_matrix(X, who="Atlas")
        match_columns(names, self.table_.columns, features=x.shape[1])
        return self.model_.preparation(x)

    def _encoded(self, X: Any) -> np.ndarray:
        """What `transform` returns before scikit-learn's `set_output` wraps it."""
        x = self._prepared(X)
        return self.model_.encode(x)

    def _latents(self, Z: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        z, _ = as_matrix(Z, who="Atlas.inverse_transform")
        if z.shape[1] != self.dim:
            raise ShapeError(
                f"Atlas wants latents with {self.dim} axes; got {z.shape[1]}. Pass the result of transform."
            )
        return z
