"""From a fitted atlas to the plain data of a run folder, and back."""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from latentatlas.checks import Verdict, cross_calibrated
from latentatlas.core import to_spec
from latentatlas.data import Table, corpora, holds_texts
from latentatlas.estimator.chart_pictures import chart_figures, code_table, maps_of_charts
from latentatlas.estimator.chart_summary import chart_summary
from latentatlas.estimator.curving import told
from latentatlas.estimator.naming import Basin, names_of
from latentatlas.estimator.points import all_points
from latentatlas.estimator.rows import shared_neighbours
from latentatlas.geometry import Euclidean, PoincareBall
from latentatlas.graph import knn_graph
from latentatlas.plots import calibration_figure, draw_rim, map_figure, png_bytes, strip_png, training_figure
from latentatlas.report import certificate_html
from latentatlas.store import RunContents

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["contents_of", "map_trust", "report_of"]

_LEADING = 4
_TEXTS = 4
_LONGEST_TEXT = 160


def contents_of(atlas: Atlas) -> RunContents:
    """Everything a run folder holds. Rows of a named corpus are kept as a pointer, all others as they are."""
    points = all_points(atlas)
    verdicts = atlas.check()
    metrics = atlas.measure()
    figures = figures_of(atlas)
    return RunContents(
        spec=spec_of(atlas),
        weights=weights_of(atlas),
        points=points,
        graph={
            name: {"indices": graph.indices, "distances": graph.distances}
            for name, graph in (("input", atlas.graph_), ("latent", atlas.latent_graph_))
        },
        history=atlas.history_,
        verdicts=[verdict.to_dict() for verdict in verdicts],
        metrics=metrics,
        basins=[basin.to_dict(atlas.table_.ids) for basin in atlas.describe_basins()],
        charts={} if atlas.model_.charted is None else chart_summary(atlas),
        patterns=_patterns(atlas.table_),
        sampled=None if atlas.streamed_ is None else atlas.streamed_.rows,
        vectors="latent",
        report=report_of(atlas, verdicts, metrics, figures),
        picture=next(iter(figures.values())),
    )


def _patterns(table: Table) -> np.ndarray | dict[str, Any]:
    if not _is_corpus(table):
        return table.x
    return {
        "pointer": table.pointer,
        "fingerprint": table.fingerprint,
        "rows": len(table),
        "features": table.x.shape[1],
    }


def spec_of(atlas: Atlas) -> dict[str, Any]:
    """Constructor arguments, built objects, versions, seed, threads and the fingerprint of the data."""
    import latentatlas

    table, streamed = atlas.table_, atlas.streamed_
    return {
        "atlas": to_spec(atlas),
        "stem": to_spec(atlas.model_.stem),
        "model": to_spec(atlas.model_.network),
        "objective": to_spec(atlas.objective_),
        "recipes": to_spec(atlas.recipes_),
        "unit_rows": atlas.model_.preparation.unit,
        "data": {
            "name": table.name,
            "pointer": table.pointer,
            "fingerprint": table.fingerprint if streamed is None else streamed.fingerprint,
            "rows": len(table) if streamed is None else streamed.total,
            "sampled": None if streamed is None else len(table),
            "columns": list(table.columns),
            "item_shape": None if table.item_shape is None else list(table.item_shape),
            "item_axes": list(table.item_axes),
            "has_label": table.label is not None,
            "nuisances": list(table.nuisance),
            "has_environment": table.environment is not None,
            "metadata": list(table.metadata),
            "reading": dict(table.reading),
        },
        "graph": {
            "recall": atlas.graph_.recall,
            "exact": atlas.graph_.exact,
            "latent_recall": atlas.latent_graph_.recall,
            "latent_exact": atlas.latent_graph_.exact,
        },
        "rows_seen": atlas.rows_seen_,
        "rows_new": atlas.rows_new_,
        "chart_ledger": None if atlas.chart_ledger_ is None else atlas.chart_ledger_.state_dict(),
        "seed": atlas.random_state,
        "threads": atlas.threads_,
        "seconds": atlas.seconds_,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {
            "latentatlas": latentatlas.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }


def weights_of(atlas: Atlas) -> dict[str, np.ndarray]:
    """Every array that the fitted state needs, by dotted name."""
    model = atlas.model_
    weights = {f"stem.{name}": tensor.numpy() for name, tensor in model.stem.state_dict().items()}
    weights |= {f"model.{name}": tensor.numpy() for name, tensor in model.network.state_dict().items()}
    assert model.usual is not None
    weights |= {f"usual.{name}": array for name, array in model.usual.arrays(model.stem).items()}
    return weights | {"preparation.centre": model.preparation.centre, "preparation.scale": model.preparation.scale}


def map_trust(atlas: Atlas) -> np.ndarray:
    """(n,) share of each training row's nearest rows on the map that are among its nearest rows in the data."""
    on_map = atlas.latent_graph_
    if atlas.dim != 2:
        space = atlas.model_.geometry
        on_map = knn_graph(atlas.map_, atlas.n_neighbors, metric=space, seed=atlas.random_state)
    return shared_neighbours(atlas.graph_, on_map)


def figures_of(atlas: Atlas) -> dict[str, Any]:
    """PNG pictures by caption: the map by label, basin, chart and trust, and the training curves; charts apart.

    "charts" holds pictures by caption again, and rows that stand for codes.
    """
    table = atlas.table_
    figures: dict[str, Any] = {}
    if table.label is not None:
        figures["Map, coloured by label"] = map_figure(atlas.map_, colour=table.label, colour_name="label")
    figures["Map, coloured by basin"] = map_figure(
        atlas.map_, colour=atlas.labels_, colour_name="basin", labels=names_of(atlas)
    )
    if atlas.model_.charted is not None:
        figures |= maps_of_charts(atlas, atlas.model_.in_charts(atlas.model_.preparation(table.x)))
    for name, column in table.nuisance.items():
        figures[f"Map, coloured by nuisance {name}"] = map_figure(atlas.map_, colour=column, colour_name=name)
    figures["Map, coloured by trust: share of a row's neighbours on the map that are neighbours in the data"] = (
        map_figure(atlas.map_, colour=map_trust(atlas), colour_name="trust")
    )
    figures |= _calibration(atlas)
    figures["training"] = training_figure(atlas.history_)
    if isinstance(atlas.model_.geometry, PoincareBall):
        for caption in (name for name in figures if name.startswith("Map")):
            draw_rim(figures[caption], atlas.model_.geometry.curvature**-0.5)
    drawn: dict[str, Any] = {caption: png_bytes(figure) for caption, figure in figures.items()}
    return drawn if atlas.model_.charted is None else drawn | {"charts": _charts(atlas)}


def _charts(atlas: Atlas) -> dict[str, Any]:
    """Pictures of the charts by caption, and the rows that stand for their codes where rows are no images."""
    found = atlas.model_.in_charts(atlas.model_.preparation(atlas.table_.x))
    pictures = {caption: png_bytes(figure) for caption, figure in chart_figures(atlas, found).items()}
    return {"pictures": pictures, "codes": code_table(atlas, found)}


def report_of(atlas: Atlas, verdicts: list[Verdict], metrics: dict[str, float], figures: dict[str, Any]) -> str:
    """The certificate as one HTML page."""
    spec = spec_of(atlas)
    table = atlas.table_
    facts = {
        "data": table.name,
        "rows": len(table)
        if atlas.streamed_ is None
        else f"{atlas.streamed_.total:,}, {len(table):,} of them sampled for the fit",
        "held out": int(atlas.held_out_.sum()),
        "features": table.x.shape[1],
        "latent axes": atlas.dim,
        **_space_of(atlas),
        **_blocks_of(atlas),
        **_charts_of(atlas),
        "basins": atlas.n_basins_,
        "neighbour graph": f"k = {atlas.n_neighbors}, recall {atlas.graph_.recall:.3f}",
        "fit": f"{atlas.seconds_:.1f} s with {atlas.threads_} thread(s), {spec['recipes'][0]['steps']} steps",
        "seed": atlas.random_state,
        **_labels_of(atlas),
        "latentatlas": spec["versions"]["latentatlas"],
        "created": spec["created"],
        "fingerprint": spec["data"]["fingerprint"],
    }
    return certificate_html(
        title=f"Atlas of {table.name}",
        facts=facts,
        verdicts=[verdict.to_dict() for verdict in verdicts],
        metrics=metrics,
        spec=spec["atlas"],
        figures=figures,
        basins=_basins(atlas),
    )


def _space_of(atlas: Atlas) -> dict[str, str]:
    """Where the latent lies, unless it is flat."""
    space = atlas.model_.geometry
    return {} if isinstance(space, Euclidean) else {"latent space": told(space)}


def _charts_of(atlas: Atlas) -> dict[str, str]:
    """How many charts there are, of how many axes and codes, where there are any."""
    network = atlas.model_.charted
    if network is None:
        return {}
    codes = "" if network.codebook is None else f", {network.codebook.codes} codes each"
    return {"charts": f"{network.encoder.heads.charts} of {network.encoder.heads.dim} axes{codes}"}


def _blocks_of(atlas: Atlas) -> dict[str, str]:
    """The blocks of the latent and what they were learned by, where there are any."""
    facts = {} if atlas.layout is None else {"latent blocks": str(atlas.layout)}
    if atlas.transformation is not None:
        facts["transformation"] = type(atlas.transformation).__name__
    return facts


def _labels_of(atlas: Atlas) -> dict[str, str]:
    """Whether labels, where there are any, were trained on."""
    if atlas.table_.label is None:
        return {}
    terms = atlas.objective_.terms.items()
    reading = [name for name, (term, _) in terms if any(entry.field == "label" for entry in term.inputs())]
    return {"labels": f"trained on by the term {', '.join(reading)}" if reading else "not trained on"}


def _calibration(atlas: Atlas) -> dict[str, Any]:
    """The picture of the p-values of each part of the held-out rows, where there are enough of these."""
    if not atlas.held_out_.any():
        return {}
    parts = cross_calibrated(atlas.evidence())
    if not parts:
        return {}
    figure = calibration_figure({part.name: part.p for part in parts}, luck=max(part.luck for part in parts))
    return {"calibration": figure}


def _basins(atlas: Atlas) -> list[dict[str, Any]]:
    """Each basin with its size, its exemplars and what it is made of, largest first."""
    table = atlas.table_
    texts = next((column for column in table.metadata.values() if holds_texts(column)), None)
    entries = []
    for basin in atlas.describe_basins():
        entry: dict[str, Any] = {"name": _title(basin), "size": basin.size, "share": basin.share}
        if table.holds_images and basin.size:
            entry["picture"] = _strip(table, basin.exemplars)
            entry["borders"] = _strip(table, basin.borders)
        elif texts is not None:
            entry["texts"] = [_cut(str(texts[row])) for row in basin.exemplars[:_TEXTS]]
            entry["border_texts"] = [_cut(str(texts[row])) for row in basin.borders[:2]]
        else:
            entry["rows"] = table.ids[basin.exemplars].tolist()
        if table.label is not None and basin.size:
            names, counts = np.unique(table.label[atlas.labels_ == basin.number].astype(str), return_counts=True)
            leading = np.argsort(-counts, kind="stable")[:_LEADING]
            entry["labels"] = {str(names[i]): counts[i] / basin.size for i in leading}
        entries.append(entry)
    return sorted(entries, key=lambda entry: -entry["size"])


def _title(basin: Basin) -> str:
    return f"Basin {basin.number}" if basin.name == f"basin {basin.number}" else f"{basin.number} · {basin.name}"


def _strip(table: Table, rows: np.ndarray) -> bytes:
    return strip_png(table.x[rows].reshape(-1, *(table.item_shape or ())))


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1].rstrip() + "…"


def _is_corpus(table: Table) -> bool:
    return table.pointer is not None and table.pointer.split(":")[0] in corpora()
