"""All metrics of an atlas, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from latentatlas.checks import (
    ChartCollapse,
    ChartRouting,
    ChartsAtRest,
    Check,
    CodeUse,
    Evidence,
    TreeLikeness,
    Verdict,
    chart_checks,
    default_checks,
    run_checks,
    view_checks,
)
from latentatlas.estimator.charting import chart_counts
from latentatlas.estimator.coordinates import chart_evidence, chart_metrics
from latentatlas.estimator.curriculum import readable_columns
from latentatlas.estimator.views import Viewing
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.metrics import (
    AdjustedRand,
    ClusteringAccuracy,
    DensityKL,
    EffectiveRank,
    ExplainedVariance,
    MeanSquaredError,
    NeighbourAccuracy,
    NormalizedMutualInfo,
    Purity,
    TripletAccuracy,
    VMeasure,
    is_categorical,
    neighbour_ranks,
)

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["evidence_of", "judged", "measure", "measured"]

_NEIGHBOURS = 15
_DENSITY_ROWS = 2000
_LABEL_ROWS = 10_000
_VIEWED_ROWS = 2000


def evidence_of(atlas: Atlas) -> Evidence:
    """What the checks look at: the rows of the fit in the units in which neighbours were sought."""
    table, model = atlas.table_, atlas.model_
    x = model.preparation(table.x)
    return Evidence(
        x=x,
        z=atlas.latent_,
        recon=model.decode(atlas.latent_),
        label=table.label,
        nuisance=table.nuisance,
        basins=atlas.labels_,
        memberships=model.memberships(atlas.latent_),
        held_out=atlas.held_out_ if atlas.held_out_.any() else None,
        surprise=model.surprise(x, atlas.latent_),
        environment=table.environment,
        geometry=model.geometry,
    )


def judged(atlas: Atlas, checks: Sequence[Check] | None) -> list[Verdict]:
    """The verdicts in order; checks of views and of charts have evidence of their own."""
    rows, views, charts = None, None, None
    verdicts: list[Verdict] = []
    for check in _usual_checks(atlas) if checks is None else checks:
        if "z_view" in check.reads or "prediction_view" in check.reads:
            evidence = views = views or _evidence_of_views(atlas)
        elif (
            isinstance(check, ChartRouting | ChartCollapse | CodeUse | ChartsAtRest)
            and atlas.model_.charted is not None
        ):
            evidence = charts = charts or chart_evidence(atlas)
        else:
            evidence = rows = rows or evidence_of(atlas)
        verdicts += run_checks(evidence, [check])
    return verdicts


def _usual_checks(atlas: Atlas) -> tuple[Check, ...]:
    """The standard certificate, and that of views, charts and a curved space where there are any."""
    of_views = view_checks() if atlas.transformation is not None else ()
    of_charts: tuple[Check, ...] = ()
    of_space = () if isinstance(atlas.model_.geometry, Euclidean) else (TreeLikeness(atlas.dim),)
    if atlas.model_.charted is not None:
        of_charts = chart_checks(chart_counts(atlas.model_.charted)[1] or None)
    if atlas.chart_ledger_ is not None:
        of_charts = (*of_charts, ChartsAtRest())
    return (*default_checks(), *(check for check in of_views if "prediction" not in check.reads), *of_charts, *of_space)


def _evidence_of_views(atlas: Atlas) -> Evidence:
    """At most 2,000 rows with a view each; those that training did not see, where there are enough of them."""
    model = atlas.model_
    viewing = Viewing.of(atlas, atlas.viewed_, model.preparation)
    if viewing is None or not viewing.has_room():
        return Evidence(z=atlas.latent_, layout=atlas.layout)
    unseen = np.flatnonzero(atlas.held_out_)
    numbers = unseen if len(unseen) >= _VIEWED_ROWS // 4 else np.arange(len(atlas.table_))
    order = np.random.default_rng(atlas.random_state).permutation(len(numbers))[:_VIEWED_ROWS]
    chosen = np.sort(numbers[order])
    views, parameters = viewing.rows(chosen, torch.Generator().manual_seed(atlas.random_state))
    return Evidence(
        z=atlas.latent_[chosen],
        z_view=model.encode(views),
        transform=parameters[:, readable_columns(viewing.transformation)].numpy(),
        label=None if atlas.table_.label is None else atlas.table_.label[chosen],
        layout=atlas.layout,
    )


def measured(atlas: Atlas, *, rows: int) -> dict[str, float]:
    """See `Atlas.measure`; with charts what is measured of these comes last."""
    values = measure(evidence_of(atlas), atlas.map_, rows=rows, seed=atlas.random_state)
    if atlas.model_.charted is None:
        return values
    return values | chart_metrics(atlas, atlas.model_.in_charts(atlas.model_.preparation(atlas.table_.x)))


def measure(evidence: Evidence, xy: np.ndarray, *, rows: int, seed: int) -> dict[str, float]:
    """Metrics of the latent and of the map; those that need labels only where there are categorical ones.

    Args:
        evidence: rows, latents, reconstruction, basins, labels.
        xy: (n, 2) map coordinates.
        rows: rows for which ranks are counted, among all; densities are compared on at most 2,000 rows and the
            nearest-neighbour classifier is judged on at most 10,000.
        seed: of the samples.
    """
    x, z, recon = evidence.x, evidence.z, evidence.recon
    assert x is not None
    assert z is not None
    assert recon is not None
    space = evidence.geometry
    values = _structure(x, z, prefix="latent", rows=rows, seed=seed, space=space)
    if z.shape != xy.shape or not np.array_equal(z, xy):
        values |= _structure(x, xy, prefix="map", rows=rows, seed=seed, space=space)
    values["reconstruction.mse"] = MeanSquaredError()(x, recon)
    values["reconstruction.explained_variance"] = ExplainedVariance()(x, recon)
    values["latent.effective_rank"] = EffectiveRank()(evidence.coordinates)
    if evidence.label is not None and is_categorical(evidence.label) and evidence.basins is not None:
        values |= _against_labels(z, evidence.label, evidence.basins, seed=seed, space=space)
    return values


def _structure(
    x: np.ndarray, z: np.ndarray, *, prefix: str, rows: int, seed: int, space: Geometry | None
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    n = len(x)
    if n < 3:
        return {}  # two rows have no ranks
    k = min(_NEIGHBOURS, max(1, (n - 1) // 2))
    chosen = np.sort(rng.choice(n, rows, replace=False)) if rows < n else None
    few = np.sort(rng.choice(n, min(n, _DENSITY_ROWS), replace=False))
    ranks = neighbour_ranks(x, z, k=k, rows=chosen, geometry=space)
    return {
        f"{prefix}.trustworthiness@{k}": float(ranks.trustworthiness().mean()),
        f"{prefix}.continuity@{k}": float(ranks.continuity().mean()),
        f"{prefix}.neighbour_overlap@{k}": float(ranks.overlap().mean()),
        f"{prefix}.density_kl@.1": DensityKL(sigma=0.1, geometry=space)(x[few], z[few]),
        f"{prefix}.triplet_accuracy": TripletAccuracy(seed=seed, geometry=space)(x, z),
    }


def _against_labels(
    z: np.ndarray, label: np.ndarray, basins: np.ndarray, *, seed: int, space: Geometry | None
) -> dict[str, float]:
    few = np.sort(np.random.default_rng(seed).choice(len(z), min(len(z), _LABEL_ROWS), replace=False))
    return {
        "label.neighbour_accuracy@5": NeighbourAccuracy(k=min(5, len(z) - 1), geometry=space)(z[few], label[few]),
        "label.clustering_accuracy": ClusteringAccuracy()(label, basins),
        "label.purity": Purity()(label, basins),
        "label.adjusted_rand": AdjustedRand()(label, basins),
        "label.normalized_mutual_info": NormalizedMutualInfo()(label, basins),
        "label.v_measure": VMeasure()(label, basins),
    }
