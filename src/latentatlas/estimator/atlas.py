"""The scikit-learn face of the system."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, final

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from latentatlas.checks import Check, Evidence, Verdict
from latentatlas.core import LatentLayout, ShapeError, SpecError, Transformation
from latentatlas.data import Shards, Table, as_matrix, match_columns
from latentatlas.estimator.charting import ChartSettings
from latentatlas.estimator.curriculum import Wanted
from latentatlas.estimator.drift import Drift
from latentatlas.estimator.exploring import ExploredAtlas
from latentatlas.estimator.exporting import export_encoder
from latentatlas.estimator.fitting import Problem, fit_problem
from latentatlas.estimator.known import Known, warn_of_dependence
from latentatlas.estimator.measuring import evidence_of, judged, measured
from latentatlas.estimator.model import AtlasModel
from latentatlas.estimator.points import points_of
from latentatlas.estimator.preparation import Preparation
from latentatlas.estimator.resuming import open_checkpoints
from latentatlas.estimator.rows import as_latents, as_table, held_out_rows
from latentatlas.estimator.saving import contents_of
from latentatlas.estimator.settings import check_rows, check_settings
from latentatlas.estimator.updating import Pace, take_in
from latentatlas.estimator.views import Viewing, without_room
from latentatlas.geometry import Geometry
from latentatlas.graph import Neighbours, knn_graph
from latentatlas.metrics import Trustworthiness
from latentatlas.models import AtlasAutoencoder, Encoder
from latentatlas.store import Run, require_writable, write_run, write_whole
from latentatlas.train import Callback, EarlyStop, Progress

__all__ = ["Atlas"]


@final
class Atlas(ExploredAtlas, TransformerMixin, BaseEstimator):
    """A map with a certificate: encoder, decoder, basins and calibrated energy from one `fit`.

    The latent keeps neighbours, decodes back to rows, drops the nuisances named in `fit`, and is cut into basins. By
    default rows are laid out from a graph of all of them and the encoder learns their places; with a nuisance or charts
    it is trained on the edges. Equal seed, threads, machine and library versions give bit-identical results.

    Args:
        dim: latent axes. With 2 the latent is the map; otherwise a map head learns a layout of its own.
        n_neighbors: k of the neighbour graph, smaller than the number of rows.
        metric: "euclidean" or "cosine" (rows are divided by their norms first, and decoded as unit rows).
        standardize: divide every column by its standard deviation first; for tables whose columns have different units.
        n_basins: number of basins; None finds it: the density modes of the map that stand out by more than a factor e.
        encoder: one of `latentatlas.models` with the same `dim`; "auto" is a `ChartEncoder` on principal components.
        neighbour_term: keeps neighbours: "auto" lays the rows out first, with a nuisance or charts as 1.0; else None, a
            factor on the default weight of `NeighborContrast`, a term, or (term, schedule).
        nuisance_term: removes the nuisances given to `fit`: "auto" (`HSIC`, one kernel each), None, a factor, a term,
            or (term, schedule).
        basin_term: deepens the basins at the end of the fit, likewise.
        layout: blocks of the latent, which sum to `dim`; `blocks` returns them. A place on a layout of rows has no
            blocks, so the network is then trained on the edges, as with a nuisance.
        transformation: what the `invariant` block is to ignore and the `variant` one to tell: an object with
            `sample(n, generator)`, the parameters of n changes, and `apply(x, parameters)`, the changed items in the
            units of the data. Wants a layout. For a slide (`WindowSlide`) pass rows cut with room, as a `Table`: the
            atlas is of the windows alone, and views are read from the room.
        partition_term: learns the blocks from rows and their views: "auto" (`Partition`, with a head that reads the
            parameters from `variant`), and None, a factor, a term, or (term, schedule) as above.
        charts: how many charts with coordinates of their own the latent is glued from, or "auto"; `ChartSettings`; or a
            `models.AtlasAutoencoder` on all columns, with a frame of `dim` axes. Wants neither encoder nor layout.
        geometry: where latent and map lie: None is flat space, `PoincareBall()` is for hierarchies. Wants neither
            layout nor charts; the network is then trained on the edges, and distances of latents are those of the ball.
        held_out: share of the rows kept from training, for calibration and the overfit check; at most 10,000 rows.
        steps: optimiser steps; None takes ten passes over the rows, 600 or more for few; a neighbour term 400 to 4,000.
        batch_edges: graph edges, or half the rows, of a step; None takes 256 below 5,000 rows, more above.
        patience: stop when the held-out reconstruction has not improved for so many logs; None never stops early.
        device: "cpu", "auto" (an accelerator where there is one), "cuda", "mps".
        threads: processor threads; None takes all this process may use. Recorded, as results depend on it.
        random_state: seed, an integer ≥ 0.
        verbose: whether to show a progress bar.

    Attributes:
        latent_: (n, dim) of the training rows.
        map_: (n, 2) of the training rows.
        labels_, n_basins_: basin of each training row, and how many there are.
        given_names_: number → name of the basins that `name_basins` named.
        held_out_, history_: True for rows that training did not see; columns of the training log.
        graph_: neighbours of all rows in the input; training used a graph of its own rows alone.
        threads_, seconds_: what the fit used.
        streamed_: the sample of larger `Shards` that the rows above are; else None.
        chart_ledger_: how the charts of `charts="auto"` were counted, with every reason; else None.
        rows_seen_, rows_new_: rows that ever came, and those of the last call.
        drift_: what the last `partial_fit` did to the earlier rows; there after one.
        viewed_: the rows with the room that views are read from; `table_` where they need none. Not saved.

    Cost: O(n^1.3 features) for the graph above 20,000 rows, O(n) for layout and training.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> atlas = Atlas(dim=2, steps=50, n_basins=3, random_state=0).fit(X)
    >>> atlas.transform(X[:5]).shape, sorted(set(atlas.labels_.tolist()))
    ((5, 2), [0, 1, 2])

    References:
        Hui, *Atlasing Pattern Space*; Damrich et al., *From t-SNE to UMAP with contrastive learning*, 2023.
    """

    drift_: Drift

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
        layout: LatentLayout | None = None,
        transformation: Transformation | None = None,
        partition_term: Wanted = "auto",
        charts: int | str | ChartSettings | AtlasAutoencoder | None = None,
        geometry: Geometry | None = None,
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
        self.layout = layout
        self.transformation = transformation
        self.partition_term = partition_term
        self.charts = charts
        self.geometry = geometry
        self.held_out = held_out
        self.steps = steps
        self.batch_edges = batch_edges
        self.patience = patience
        self.device = device
        self.threads = threads
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        nuisance: Any = None,
        environment: Any = None,
        checkpoint: str | PathLike[str] | None = None,
    ) -> Atlas:
        """Learn the atlas of the rows of `X`.

        Args:
            X: (n, features) numbers: NumPy, pandas, polars, torch, SciPy sparse, nested lists, a `data.Table`, or
                `data.Shards`, of which a sample is trained on and all rows are placed when the run is saved.
            y: class of each row; reported against, and trained on only by a term that you pass and that reads `label`,
                such as `nuisance_term=ConditionalHSIC()`.
            nuisance: what must not matter: one column, a dict of columns, or a frame.
            environment: environment of each row; recorded, and read by a term that you pass, such as
                `nuisance_term=MMD()`.
            checkpoint: folder for the state of the training, written every minute. If a fit is interrupted, the same
                call goes on from there, to a result bit-equal to that of an uninterrupted fit.

        Raises:
            DataError: for NaN, text, equal rows, missing values.
            MissingInput: if a term reads a label or environment that is not given.
            ShapeError: for too few rows, or columns of another length.
            SpecError: for a setting out of range.
            ShapeError, DataError: for views of another shape than the items, or that are not finite.
            StoreError: if the checkpoints are those of another fit, or damaged.
        """
        check_settings(self)
        streamed = X.sample(seed=self.random_state) if isinstance(X, Shards) else None
        whole = as_table(X if streamed is None else streamed.table, y, nuisance, environment)
        table = without_room(whole, self.transformation)
        check_rows(self, table)
        held_out = held_out_rows(len(table), self.held_out, seed=self.random_state)
        preparation = Preparation.of(table.x[~held_out], standardize=self.standardize, unit=self.metric == "cosine")
        x = preparation(table.x)
        problem = Problem.of(self)
        if problem.removes_all():
            warn_of_dependence(table)
        fitted = fit_problem(
            problem,
            x,
            np.flatnonzero(~held_out),
            known=Known.of(table, reads=problem.reads()),
            callbacks=self._callbacks(),
            checkpoints=None if checkpoint is None else open_checkpoints(checkpoint, self, table),
            viewing=Viewing.of(self, whole, preparation),
        )
        self._install(AtlasModel(preparation, fitted.stem, fitted.model), table)
        self.viewed_ = whole
        self.streamed_ = streamed if streamed is not None and streamed.total > len(table) else None
        self.rows_seen_ = len(table) if self.streamed_ is None else self.streamed_.total
        self.rows_new_ = len(table) if self.streamed_ is None else 0
        self.__dict__.pop("drift_", None)  # of an update of an earlier fit
        self.given_names_: dict[int, str] = {}
        self.objective_, self.recipes_, self.history_ = fitted.objective, fitted.recipes, fitted.history
        self.threads_, self.seconds_ = fitted.threads, fitted.seconds
        self.chart_ledger_ = fitted.ledger
        self.held_out_ = held_out
        self._place(x, fitted.graph)
        return self

    def partial_fit(self, X: Any, y: Any = None, *, nuisance: Any = None, environment: Any = None) -> Atlas:
        """Take in new rows, one or more; on an atlas that is not fitted, the same as `fit`.

        Training goes on with the new rows and a uniform sample of at most 50,000 of all rows that came before (the
        reservoir), which an `Anchor` keeps in place. Preparation, stem and number of basins stay. Afterwards `table_`
        and all that is said of its rows describe the reservoir and the new rows; `drift_` tells what moved. Takes the
        roles (y, nuisance, environment) that `fit` had. Cost: the graphs and at most .3 of the steps of such a `fit`.

        Raises:
            DataError: for other columns than those of `fit`, other roles, or values of another kind.
            ShapeError: for no rows, another number of columns, or roles of another length.

        Warns:
            DataWarning: if most of ten or more new rows look unlike the earlier ones (p ≤ .05).
        """
        if not hasattr(self, "model_"):
            return self.fit(X, y, nuisance=nuisance, environment=environment)
        check_settings(self)
        take_in(self, as_table(X, y, nuisance, environment, min_rows=1), Pace(), self._callbacks())
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """Trustworthiness of the latent of these rows among themselves, in [0, 1]; higher is better. `y` is not used.

        For selection, as by `GridSearchCV`. k = 15, less below 33 rows; more axes score higher. O(n² features).

        Raises:
            ShapeError: for fewer than 3 rows.
        """
        x = self._prepared(X)
        if len(x) < 3:
            raise ShapeError(f"Atlas.score wants at least 3 rows to compare; got {len(x)}. Pass more rows.")
        judge = Trustworthiness(k=min(15, (len(x) - 1) // 2), geometry=self.model_.geometry)
        return judge(x, self.model_.encode(x))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _callbacks(self) -> list[Callback]:
        stop = [EarlyStop(patience=self.patience)] if self.patience is not None else []
        return [*([Progress()] if self.verbose else []), *stop]

    def _install(self, model: AtlasModel, table: Table) -> None:
        self.model_ = model
        self.table_ = self.viewed_ = table
        self.n_features_in_ = len(table.columns)
        self.n_basins_ = model.bank.count
        self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        if table.columns[0] != "x0":
            self.feature_names_in_ = np.asarray(table.columns, dtype=object)

    def _place(self, x: np.ndarray, graph: Neighbours) -> None:
        """Where the training rows lie, and what is usual for rows that training did not see."""
        self.latent_ = self.model_.encode(x)
        self.model_ = self.model_.acquainted(x, self.latent_, held_out=self.held_out_, seed=self.random_state)
        self.map_ = self.model_.map(self.latent_)
        self.labels_ = self.model_.basins(self.latent_)
        self.graph_ = graph
        space = self.model_.geometry
        self.latent_graph_ = knn_graph(self.latent_, self.n_neighbors, metric=space, seed=self.random_state)

    def transform(self, X: Any) -> np.ndarray:
        """Latent coordinates, (n, dim) float32."""
        return self._encoded(X)

    def map(self, X: Any) -> np.ndarray:
        """Map coordinates, (n, 2) float32; equal to `transform` when `dim` is 2."""
        z = self._encoded(X)
        return self.model_.map(z)

    def blocks(self, X: Any) -> dict[str, np.ndarray]:
        """The blocks of the latent by name, (n, size) each: columns of `transform`; parts of `variant` by themselves.

        Raises:
            SpecError: if the atlas has no layout.
        """
        z = self._encoded(X)
        if self.layout is None:
            raise SpecError("Atlas.blocks wants a layout; the atlas has none. Fit with layout=LatentLayout(...).")
        return self.layout.blocks(z)

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Patterns decoded from latents, (n, features) float32, in the units of the data."""
        check_is_fitted(self, "model_")
        return self.model_.patterns(as_latents(Z, dim=self.dim))

    def basins(self, X: Any) -> np.ndarray:
        """Number of the basin each row falls into, (n,) int64."""
        z = self._encoded(X)
        return self.model_.basins(z)

    def memberships(self, X: Any) -> np.ndarray:
        """Soft memberships in the basins, (n, K); rows sum to 1. For those in charts see `chart_coordinates`."""
        z = self._encoded(X)
        return self.model_.memberships(z)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the latent axes: latent0, latent1, …, or with a layout invariant0, …, variant0, …, free0, …."""
        names = [f"latent{axis}" for axis in range(self.dim)] if self.layout is None else self.layout.axes()
        return np.asarray(names, dtype=object)

    def evidence(self) -> Evidence:
        """What the checks look at: the training rows in the units in which neighbours were sought."""
        check_is_fitted(self, "model_")
        return evidence_of(self)

    def check(self, checks: Sequence[Check] | None = None) -> list[Verdict]:
        """The certificate: every check's value, threshold, verdict and remedy, on the training rows.

        Checks of views, which are there where the atlas has a transformation, look at no more than 2,000 rows.
        """
        check_is_fitted(self, "model_")
        return judged(self, checks)

    def measure(self, *, rows: int = 2000) -> dict[str, float]:
        """Metrics by name; ranks are counted for `rows` sampled rows among all."""
        check_is_fitted(self, "model_")
        return measured(self, rows=rows)

    def describe(self, X: Any) -> dict[str, np.ndarray]:
        """All that the atlas says of each row, from one encoding.

        Columns: `x`, `y` (map), `latent` (n, dim), `basin`, its `membership`, `energy`, `anomaly_p` (NaN if unknown);
        with charts also `chart`, `chart_membership`, `local`, `routing_entropy`, and `code` if there are codes.
        """
        x = self._prepared(X)
        return self.model_.describe(x, self.model_.encode(x))

    def points(self) -> dict[str, np.ndarray]:
        """`describe` of the training rows, with id, trust, held out, and what else is known of each row.

        `trust` is the share of a row's nearest rows in the latent that are also among its nearest rows in the data.
        """
        check_is_fitted(self, "model_")
        return points_of(self)

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> Run:
        """Write the run folder: model, points, graphs, history, certificate, report and picture; atomic.

        Raises:
            StoreError: if the folder is in the way or cannot be written; nothing is changed then.
        """
        check_is_fitted(self, "model_")
        require_writable(path, overwrite=overwrite)
        return write_run(path, contents_of(self), overwrite=overwrite)

    def export(self, kind: str, path: str | PathLike[str] | None = None) -> bytes:
        """The encoder alone, for other runtimes: `kind` "onnx". Written to `path` if there is one; returned.

        The input `x` (n, features) float32 are rows in the units of the data, for any n; the outputs are `latent`
        (n, dim) and `map` (n, 2). Metadata: version, fingerprint of the data, and `features`, a JSON list of names.
        Where onnxruntime is installed it must agree with the atlas. With metric="cosine" a row of zeros gives NaN.
        Needs the extra `onnx`. Cost: seconds, whatever the number of rows.

        Raises:
            SpecError: for another kind, a missing package, or an encoder that fixes the number of rows.
            AtlasError: if onnxruntime disagrees.
            StoreError: if the file cannot be written.
        """
        check_is_fitted(self, "model_")
        content = export_encoder(self, kind).content
        if path is not None:
            write_whole(path, content)
        return content

    def _prepared(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        if isinstance(X, Table) and X.x.shape[1] > self.n_features_in_:
            X = without_room(X, self.transformation)
        x, names = (X.x, X.columns) if isinstance(X, Table) else as_matrix(X, who="Atlas")
        match_columns(names, self.table_.columns, features=x.shape[1])
        return self.model_.preparation(x)
