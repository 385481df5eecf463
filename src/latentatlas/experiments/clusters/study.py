"""Rows grouped by every method over several seeds, judged by labels that none of them saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from latentatlas.data import Table, read_table
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.clusters.base import ClusterMethod, Grouped
from latentatlas.experiments.clusters.figures import groups_figure
from latentatlas.experiments.maps.tables import Target, spread, table
from latentatlas.metrics import AdjustedRand, ClusteringAccuracy, NormalizedMutualInfo, VMeasure

__all__ = ["ClusterStudy", "Problem", "figures_of"]

_SEEDS = (0, 1, 2)
_COLUMNS = ("ACC", "NMI", "ARI", "V", "groups", "ACC, test rows", "fit, s")


class Problem(NamedTuple):
    """What methods are made for: the training rows, how many labels there are, and whether it is a quick run."""

    train: Table
    classes: int
    quick: bool


@final
@dataclass(frozen=True)
class ClusterStudy:
    """One set of rows, every method, and our targets.

    Attributes:
        corpus: name of the rows.
        stem: what its files are called.
        training: the first so many rows are fitted, the others are test rows; None fits all.
        quick_rows: training rows of a quick run.
        methods: makes all methods, the one drawn first.
        about: what a reader must know, above the table.
        targets: bounds on the mean accuracy on training rows, by the title of the method.
        shown: accuracies that others printed.
    """

    corpus: str
    stem: str
    training: int | None
    quick_rows: int
    methods: Callable[[Problem], Sequence[ClusterMethod]]
    about: str
    targets: Sequence[Target]
    shown: Mapping[str, float]

    def run(self, *, quick: bool, log: Callable[[str], None], cells: Cells) -> dict[str, Any]:
        """Every method over three seeds, one in a quick run; what `cells` holds already is not run again."""
        problem, test = self._rows(quick)
        seeds = _SEEDS[:1] if quick else _SEEDS
        rows: dict[str, dict[str, list[float]]] = {}
        for method in self.methods(problem):
            for seed in seeds if method.learns else seeds[:1]:

                def fitted(method: ClusterMethod = method, seed: int = seed) -> dict[str, float]:
                    log(f"{method.title}, seed {seed}")
                    return _judged(method, problem.train, test, seed)

                for name, value in cells.of(f"{method.title} {seed}", fitted).items():
                    rows.setdefault(method.title, {}).setdefault(name, []).append(value)
        return {"quick": quick, "seeds": list(seeds), "rows": [len(problem.train), len(test)], "methods": rows}

    def to_markdown(self, result: Mapping[str, Any]) -> str:
        """The page of the study."""
        methods = result["methods"]
        training, testing = result["rows"]
        tested = f"; {testing:,} test rows are only put into the groups" if testing else ""
        shown = {f"{name} (shown)": [f"{value:.4f}", *["–"] * 6] for name, value in self.shown.items()}
        lines = [
            self.about,
            "",
            f"{training:,} rows are fitted{tested}. Mean ± standard deviation over {len(result['seeds'])} seed(s). "
            "ACC: share of rows in the group of their label under the best one-to-one match. “Shown” are figures that "
            "others printed, not run here.",
            "",
            table(_COLUMNS, {name: _line(figures) for name, figures in methods.items()} | shown),
            "",
        ]
        if result["quick"]:
            lines += ["Targets are for a full run.", ""]
        elif self.targets:
            verdicts = (_verdict(target, methods) for target in self.targets)
            lines += ["Targets, accuracy on the fitted rows:", "", *verdicts, ""]
        picture = f"![Groups beside labels on one map, and the share of each label in each group]({self.stem}.png)"
        return "\n".join([*lines, picture])

    def pictures(self, result: Mapping[str, Any]) -> dict[str, bytes]:
        """One PNG image of the first method, fitted again with seed 0; without places of its own on a plain layout."""
        from latentatlas.plots import png_bytes

        problem, _ = self._rows(result["quick"])
        method = self.methods(problem)[0]
        found = method.fit(problem.train.x, seed=0)
        assert problem.train.label is not None
        names, label = np.unique(problem.train.label.astype(str), return_inverse=True)
        places = found.places if found.places is not None else _plain_places(problem.train.x)
        title = f"Groups: {method.title.replace('*', '')}"
        drawn = groups_figure(places, label, found.groups, names=names.tolist(), title=title)
        return {self.stem: png_bytes(drawn)}

    def _rows(self, quick: bool) -> tuple[Problem, Table]:
        rows = read_table(self.corpus)
        training = len(rows) if self.training is None else self.training
        order = np.arange(len(rows))
        train, test = order[:training], order[training:]
        if quick:
            rng = np.random.default_rng(0)
            train, test = np.sort(rng.choice(train, self.quick_rows, replace=False)), test[: self.quick_rows // 2]
        fitted = rows.take(train)
        assert fitted.label is not None
        return Problem(fitted, len(np.unique(fitted.label)), quick), rows.take(test)


def figures_of(label: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Accuracy under the best match, agreement in nats and in pairs, and the number of groups.

    >>> figures_of(np.array([0, 0, 1, 1]), np.array([5, 5, 2, 2]))["ACC"]
    1.0
    """
    return {
        "ACC": ClusteringAccuracy()(label, groups),
        "NMI": NormalizedMutualInfo()(label, groups),
        "ARI": AdjustedRand()(label, groups),
        "V": VMeasure()(label, groups),
        "groups": float(len(np.unique(groups))),
    }


def _judged(method: ClusterMethod, train: Table, test: Table, seed: int) -> dict[str, float]:
    start = time.perf_counter()
    found: Grouped = method.fit(train.x, seed=seed)
    seconds = time.perf_counter() - start + found.spared
    assert train.label is not None
    figures = figures_of(train.label, found.groups) | {"fit, s": seconds}
    if len(test) and found.predict is not None:
        assert test.label is not None
        figures["ACC, test rows"] = ClusteringAccuracy()(test.label, found.predict(test.x))
    return figures


def _line(figures: Mapping[str, list[float]]) -> list[str]:
    return [spread(figures.get(name, [])) for name in _COLUMNS]


def _verdict(target: Target, methods: Mapping[str, Mapping[str, list[float]]]) -> str:
    values = methods.get(target.name, {}).get("ACC", [])
    if not values:
        return f"- not measured: {target.name} (wanted {target.side} {target.bound:g})"
    return target.verdict(float(np.mean(values)))


def _plain_places(x: np.ndarray) -> np.ndarray:
    """The layout of rows by their nearest neighbours, for a picture."""
    from latentatlas.graph import fuzzy_weights, knn_graph
    from latentatlas.layout import lay_out, start_of

    centred = x - x.mean(axis=0)
    first = np.linalg.svd(centred, full_matrices=False)[2][:2]
    return lay_out(fuzzy_weights(knn_graph(x, 15)), start_of(centred @ first.T, 2))
