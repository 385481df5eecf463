"""Maps of images under two published protocols: one study, whichever set of images."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from latentatlas.data import Table, read_table
from latentatlas.estimator import Atlas
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps import (
    AtlasMap,
    LDAMap,
    MapMethod,
    Outcome,
    PCAMap,
    RandomMap,
    RowsOnDisk,
    chosen_methods,
    plain_ae,
    remarks,
)
from latentatlas.experiments.maps.collecting import Collected, collect, collected_table, values_of
from latentatlas.experiments.maps.figures import decoded_figure
from latentatlas.experiments.maps.judging import global_figures, separation
from latentatlas.experiments.maps.tables import MISSING, Target, figure, table
from latentatlas.metrics import NeighbourAccuracy, TripletAccuracy, neighbour_ranks

__all__ = ["ImageMapStudy"]

_OURS, _PEER = AtlasMap.title, "umap-learn"
_METHODS = ("latentatlas", "umap-learn", "umap-ae", "ae", "topoae", "mmae", "rtd-lite", "opentsne", "pacmap", "pca")
_ONCE = ("opentsne", "pacmap")
_TIMED = ("latentatlas", "umap-learn", "umap-ae", "pca")
_SEEDS = (0, 1, 2)
_TRAINING, _QUICK_TRAINING, _QUICK_TEST, _QUICK_STEPS = 60_000, 1_500, 500, 40
_FIRST, _K = 10_000, 5
_LEVELS = 255.0
_LOCAL = {
    "trust": "trust",
    "continuity": "continuity",
    "5-NN": "5-NN",
    "V": "V",
    "triplets": "triplets",
    "KL.1": "KL.1",
}
_TOPOLOGICAL = {"KL.1": "KL.1", "lTrust": "lTrust", "lCont": "lCont", "MSE": "MSE"}
_SPEED = {"fit, s": "fit, s", "transform, s": "transform, s", "inverse, s": "inverse, s", "memory, MB": "memory, MB"}
_SIDE = 20
_TURNS = 3


@final
@dataclass(frozen=True)
class ImageMapStudy:
    """Two axes for 70,000 images of 28 × 28 pixels, all methods with their defaults, judged in two ways.

    Attributes:
        corpus: name of the images, 60,000 to train on and 10,000 to test.
        stem: what its files are called.
        targets: bounds for our means, by figure.
        shown: figures of published tables, by method, as they print them.
    """

    corpus: str
    stem: str
    targets: tuple[Target, ...]
    shown: Mapping[str, Mapping[str, float]]

    def run(self, *, quick: bool, log: Callable[[str], None], cells: Cells) -> dict[str, Any]:
        """Quality from fits of the training rows, three seeds; time from fits of all rows. Quick: no peers."""
        train, test = self._rows(quick)
        seeds = _SEEDS[:1] if quick else _SEEDS
        assert train.label is not None
        methods = _methods(train.label, quick=quick)

        def judge(outcome: Outcome) -> dict[str, float]:
            return _judged(outcome, train, test)

        with tempfile.TemporaryDirectory() as folder:
            files = RowsOnDisk.write(Path(folder), train.x, test.x)
            once = [method for method in methods if method.name in _ONCE]
            often = [method for method in methods if method.name not in _ONCE]
            quality = collect(often, files, judge, seeds=seeds, key="quality", cells=cells, log=log)
            quality |= collect(once, files, judge, seeds=seeds[:1], key="quality", cells=cells, log=log)
            files = RowsOnDisk.write(Path(folder), np.concatenate([train.x, test.x]), test.x)
            told = [method for method in methods if method.name in _TIMED]
            pair, others = ([m for m in told if (m.title in (_OURS, _PEER)) is wanted] for wanted in (True, False))
            turns = range(1 if quick else _TURNS)
            speed = _joined(
                [collect(pair, files, _no_figures, seeds=(t,), key="time", cells=cells, log=log) for t in turns]
            )
            speed |= collect(others, files, _no_figures, seeds=(0,), key="time", cells=cells, log=log)
        return {
            "quick": quick,
            "seeds": list(seeds),
            "rows": [len(train), len(test)],
            "quality": quality,
            "speed": speed,
        }

    def to_markdown(self, result: Mapping[str, Any]) -> str:
        """The page of the study."""
        training, testing = result["rows"]
        quality, speed = result["quality"], result["speed"]
        first = min(_FIRST, training)
        decoded = next(iter(values_of(speed, _PEER, "rows decoded")), 0)
        lines = [
            "Two axes, raw pixels in, every method with its own defaults. "
            "Mean ± standard deviation over "
            f"{len(result['seeds'])} seed(s) of methods that learn, one of openTSNE and PaCMAP, which take longest. "
            "“Shown” are "
            "figures that others printed, not run here; every other row was run here.",
            "",
            f"![The map of the {training:,} training rows, by class]({self.stem}.png)",
            "",
            "## Local and global at once",
            "",
            f"The protocol of Parametric UMAP: fitted on {training:,} rows. Trust and continuity: k = {_K}, first "
            f"{first:,} training rows among themselves. 5-NN: test rows, which are only encoded, judged by training "
            "rows. V: k-means with as many clusters as classes, ten initialisations, on training rows. Triplets: first "
            f"{first:,} training rows. KL.1: test rows; lower is better.",
            "",
            self._with_shown(quality, _LOCAL, " (shown)"),
            "",
            *remarks(quality),
            "",
            "Targets, all for one model:" if not result["quick"] else "Targets are for a full run.",
            "",
            *([] if result["quick"] else self._verdicts(quality, speed)),
            "",
            "## The protocol of topological autoencoders",
            "",
            f"The {testing:,} test rows, encoded: KL.1; trust and continuity averaged over k = 10, 20, …, 200, ranks "
            "among the test rows; MSE per pixel with pixels from −1 to 1, as their code scales them (four times that "
            "of pixels from 0 to 1; of umap-learn the first rows only).",
            "",
            self._with_shown(quality, _TOPOLOGICAL, " (shown)"),
            "",
            "## Time",
            "",
            f"A fit of all {training + testing:,} rows in a process of its own, after a warm-up; ours and umap-learn "
            f"in turn, {_TURNS} times (mean ± standard deviation; the ratio is that of the means). Transform of "
            f"{testing:,} rows and inverse of their places (umap-learn: of {decoded:.0f}). Memory: peak of the fit "
            "above the process that holds the data.",
            "",
            collected_table(speed, _SPEED),
            "",
            f"![The same map by trust]({self.stem}_trust.png)",
            "",
            f"![Decoded places]({self.stem}_decoded.png)",
        ]
        return "\n".join(lines)

    def pictures(self, result: Mapping[str, Any]) -> dict[str, bytes]:
        """Three PNG images of the fit with seed 0, done again: by class, by trust, decoded places."""
        from latentatlas.plots import map_figure, png_bytes

        train, _ = self._rows(result["quick"])
        atlas = Atlas(dim=2, steps=_QUICK_STEPS if result["quick"] else None).fit(train)
        trust = atlas.points()["trust"]
        name = f"{self.corpus.replace('_', '-')}, {len(train):,} images"
        figures = {
            self.stem: map_figure(atlas.map_, colour=train.label, title=name),
            f"{self.stem}_trust": map_figure(
                atlas.map_, colour=trust, title="Trust", colour_name="share of true neighbours"
            ),
            f"{self.stem}_decoded": decoded_figure(_grid(atlas), title="Decoded places"),
        }
        return {key: png_bytes(made) for key, made in figures.items()}

    def _rows(self, quick: bool) -> tuple[Table, Table]:
        rows = read_table(self.corpus)
        order = np.arange(len(rows))
        train, test = order[:_TRAINING], order[_TRAINING:]
        return rows.take(train[:_QUICK_TRAINING] if quick else train), rows.take(test[:_QUICK_TEST] if quick else test)

    def _with_shown(self, quality: Collected, columns: Mapping[str, str], mark: str) -> str:
        """Our table with the published rows below it."""
        rows = {
            f"{name}{mark}": [figure(values[column]) if column in values else MISSING for column in columns]
            for name, values in self.shown.items()
            if any(column in values for column in columns)
        }
        return collected_table(quality, columns) + "\n" + "\n".join(table(list(columns), rows).split("\n")[2:])

    def _verdicts(self, quality: Collected, speed: Collected) -> list[str]:
        lines = []
        for target in self.targets:
            values = values_of(quality, _OURS, target.name) or values_of(speed, _OURS, target.name)
            if target.name == "fit of all rows ÷ umap-learn":
                ours, theirs = (values_of(speed, title, "fit, s") for title in (_OURS, _PEER))
                values = [float(np.mean(ours) / np.mean(theirs))] if ours and theirs else []
            wanted = f"(wanted {target.side} {target.bound:g})"
            lines.append(
                target.verdict(float(np.mean(values))) if values else f"- not measured: {target.name} {wanted}"
            )
        return lines


def _methods(label: np.ndarray, *, quick: bool) -> list[MapMethod]:
    """Peers, simplest rows, and the one that is told the labels."""
    if quick:
        return [AtlasMap(steps=_QUICK_STEPS), plain_ae(steps=_QUICK_STEPS), PCAMap(), LDAMap(label), RandomMap()]
    return [*chosen_methods(_METHODS), LDAMap(label), RandomMap()]


def _no_figures(_: Outcome) -> dict[str, float]:
    return {}


def _joined(turns: Sequence[Collected]) -> Collected:
    """The figures of all turns, one after the other."""
    joined: Collected = {}
    for title in turns[0]:
        entries = [turn[title] for turn in turns]
        names = dict.fromkeys(name for entry in entries for name in entry["figures"])
        figures = {name: [v for entry in entries for v in entry["figures"].get(name, [])] for name in names}
        joined[title] = {"figures": figures, "reason": next((e["reason"] for e in entries if e["reason"]), "")}
    return joined


def _judged(outcome: Outcome, train: Table, test: Table) -> dict[str, float]:
    assert outcome.latent is not None
    assert train.label is not None
    first = slice(min(_FIRST, len(train)))
    ranks = neighbour_ranks(train.x[first], outcome.latent[first], k=_K)
    figures = {
        "trust": float(ranks.trustworthiness().mean()),
        "continuity": float(ranks.continuity().mean()),
        "V": separation(outcome.latent, train.label),
        "triplets": TripletAccuracy()(train.x[first], outcome.latent[first]),
    }
    if outcome.new is not None:
        assert test.label is not None
        voters = NeighbourAccuracy(k=_K)
        figures["5-NN"] = voters.held_out(outcome.latent, train.label, z_test=outcome.new, label_test=test.label)
        figures |= global_figures(test.x, outcome.new)
    if "squared error" in outcome.figures:
        figures["MSE"] = 4 * outcome.figures["squared error"] / _LEVELS**2
    return figures


def _grid(atlas: Atlas) -> np.ndarray:
    """Decoded images of a square grid over the middle of the map, without the farthest hundredth on each side."""
    low, high = np.quantile(atlas.map_, [0.01, 0.99], axis=0)
    across, up = np.meshgrid(np.linspace(low[0], high[0], _SIDE), np.linspace(low[1], high[1], _SIDE))
    places = np.column_stack([across.ravel(), up.ravel()]).astype(np.float32)
    images = atlas.inverse_transform(places)
    side = round(images.shape[1] ** 0.5)
    return np.clip(images, 0, None).reshape(_SIDE, _SIDE, side, side)
