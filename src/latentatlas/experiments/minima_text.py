"""Study `minima-text`: basins of fields over AG News embeddings, and over an atlas's latent, against the topics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from latentatlas.data import Table, load_corpus
from latentatlas.data.naming import group_words
from latentatlas.estimator import Atlas
from latentatlas.graph import fuzzy_weights, knn_graph
from latentatlas.landscape import (
    density_neighbours,
    find_minima,
    noise_prominence,
    rough_prominence,
    spectral_partition,
    survey,
)
from latentatlas.metrics import ClusteringAccuracy, NormalizedMutualInfo, Purity, contingency
from latentatlas.spectral import diffusion_map, feature_laplacian

__all__ = ["run", "to_markdown"]

_SEEDS = (0, 1, 2)
_STEPS = 800
_QUICK_ROWS, _QUICK_STEPS = 1_500, 30
_NEIGHBOURS = 15
_PERTURBATIONS = 3
_CRUMB = 0.01
_SHOWN, _WORDS = 8, 5
_COLUMNS = ("basins", "coverage", "NMI", "ACC", "purity", "seconds")
_HONEST, _INPUT, _LATENT = "Beside them", "MiniLM embeddings, 384 axes", "Latent of an atlas, 16 axes"
_NAMED = ("density, found", "density, 4 given", "k-means, 4 given")


class Groups(NamedTuple):
    """A way to put rows into groups, what it found, and its seconds."""

    name: str
    groups: np.ndarray
    seconds: float


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Every way to group the rows, on the embeddings and on latents, judged by the topics."""
    table = load_corpus("ag_news")
    if quick:
        table = table.take(np.sort(np.random.default_rng(0).choice(len(table), _QUICK_ROWS, replace=False)))
    assert table.label is not None
    topics, label = np.unique(table.label.astype(str), return_inverse=True)
    seeds, steps = (_SEEDS[:1], _QUICK_STEPS) if quick else (_SEEDS, _STEPS)
    rows: dict[str, dict[str, dict[str, list[float]]]] = {_HONEST: {}, _INPUT: {}, _LATENT: {}}
    names: dict[str, list[dict[str, Any]]] = {}

    def note(space: str, found: Groups, *, named: bool = False) -> None:
        for column, value in (_judged(label, found.groups) | {"seconds": found.seconds}).items():
            rows[space].setdefault(found.name, {}).setdefault(column, []).append(value)
        if named and found.name in _NAMED:
            names[f"{space}: {found.name}"] = _named(table, topics, label, found.groups)

    for seed in seeds:
        log(f"seed {seed}: references")
        for found in _references(table.x, label, seed):
            note(_HONEST, found)
        log(f"seed {seed}: embeddings")
        ways = (*_clusters(table.x, seed), *(_landscapes(table.x) if seed == seeds[0] else ()))
        for found in ways:
            note(_INPUT, found, named=seed == seeds[0])
        log(f"seed {seed}: atlas")
        for found in _of_atlas(table, seed, steps=steps):
            note(_LATENT, found, named=seed == seeds[0])
    return {"quick": quick, "seeds": list(seeds), "count": len(table), "steps": steps, "rows": rows, "names": names}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/minima_text.md."""
    lines = [
        f"{result['count']:,} news texts with four topics, mean ± standard deviation over {len(result['seeds'])} "
        "seed(s) where something is random. Labels are read for judging alone, but for the rows that say so. Energies: "
        "density, −log of the nearest-neighbour density; diffusion, −log of the walk's share of time; λ, the Rayleigh "
        "energy; blend, equal parts of density and λ. Found: minima that stand out by the engine's own rule; 4 given: "
        "merged to four. Coverage: topics that are the commonest in some basin with 1 % of the rows or more, of all "
        "four. ACC: best one-to-one match of basins to topics. Purity is high for many small basins: read it beside "
        "their number. Seconds on a busy machine; those of a latent are without the fit.",
        "",
        f"The atlas: `Atlas(dim=16, metric='cosine', steps={result['steps']})`, other settings as they are.",
    ]
    for space, ways in result["rows"].items():
        lines += ["", f"## {space}", "", "| | " + " | ".join(_COLUMNS) + " |"]
        lines.append("|---" * (len(_COLUMNS) + 1) + "|")
        lines += [f"| {name} | " + " | ".join(_cell(c, ways[name][c]) for c in _COLUMNS) + " |" for name in ways]
    lines += ["", "## Names", "", f"The {_WORDS} words of largest c-TF-IDF of the {_SHOWN} largest basins, first seed."]
    for title, basins in result["names"].items():
        lines += ["", f"{title}:", "", "| rows | commonest topic | its share | words |", "|---|---|---|---|"]
        lines += [f"| {b['rows']:,} | {b['topic']} | {b['share']:.2f} | {', '.join(b['words'])} |" for b in basins]
    return "\n".join(lines)


def _judged(label: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    shared = contingency(label, groups)
    whole = shared[:, shared.sum(axis=0) >= _CRUMB * len(label)]
    return {
        "basins": float(shared.shape[1]),
        "coverage": len(np.unique(whole.argmax(axis=0))) / len(shared),
        "NMI": NormalizedMutualInfo()(label, groups),
        "ACC": ClusteringAccuracy()(label, groups),
        "purity": Purity()(label, groups),
    }


def _references(x: np.ndarray, label: np.ndarray, seed: int) -> Iterator[Groups]:
    yield Groups("oracle: the topics", label, 0.0)
    centres = np.stack([x[label == topic].mean(axis=0) for topic in range(label.max() + 1)])
    nearest = (np.square(centres).sum(axis=1) - 2 * x @ centres.T).argmin(axis=1)
    yield Groups("topics known: nearest mean of a topic", nearest, 0.0)
    yield Groups("random, 4 given", np.random.default_rng(seed).integers(label.max() + 1, size=len(x)), 0.0)
    yield Groups("one basin", np.zeros(len(x), int), 0.0)


def _clusters(x: np.ndarray, seed: int) -> Iterator[Groups]:
    """Ways that are told the number of topics and know no energy."""
    from sklearn.cluster import KMeans

    started = time.perf_counter()
    yield Groups(
        "k-means, 4 given", KMeans(4, n_init=10, random_state=seed).fit_predict(x), time.perf_counter() - started
    )
    started = time.perf_counter()
    weights = fuzzy_weights(knn_graph(x, _NEIGHBOURS))
    cut = spectral_partition(weights, 4, perturbations=_PERTURBATIONS, seed=seed).labels
    yield Groups("spectral partition, 4 given", cut, time.perf_counter() - started)


def _landscapes(x: np.ndarray) -> Iterator[Groups]:
    """Basins of each field, found and merged to four."""
    started = time.perf_counter()
    density = survey(x, n_neighbors=_NEIGHBOURS, min_prominence=0)
    seconds = time.perf_counter() - started
    near = density.graph
    fields = {"density": (density.energy, seconds), **_other_fields(x, density.energy)}
    chance = noise_prominence(len(x), density_neighbours(len(x), _NEIGHBOURS))
    for name, (energy, seconds) in fields.items():
        started = time.perf_counter()
        whole = find_minima(energy, near)
        least = chance if name == "density" else rough_prominence(energy, np.asarray(near))
        found, four = whole.merged(prominence=least).basins, whole.merged(count=4).basins
        seconds += time.perf_counter() - started
        yield Groups(f"{name}, found", found, seconds)
        yield Groups(f"{name}, 4 given", four, seconds)


def _other_fields(x: np.ndarray, density: np.ndarray) -> dict[str, tuple[np.ndarray, float]]:
    started = time.perf_counter()
    diffusion = -np.log(diffusion_map(x, coordinates=1, neighbours=2 * _NEIGHBOURS).stationary)
    middle = time.perf_counter()
    roughness = feature_laplacian(x)(x).energy
    both = 0.5 * _scaled(density) + 0.5 * _scaled(roughness)
    ended = time.perf_counter()
    return {
        "diffusion": (diffusion, middle - started),
        "λ": (roughness, ended - middle),
        "blend": (both, ended - middle),
    }


def _scaled(energy: np.ndarray) -> np.ndarray:
    return (energy - energy.min()) / np.ptp(energy)


def _of_atlas(table: Table, seed: int, *, steps: int) -> Iterator[Groups]:
    """The atlas's own basins, and every way to find basins in its latent."""
    started = time.perf_counter()
    atlas = Atlas(dim=16, metric="cosine", steps=steps, n_basins=4, random_state=seed).fit(table.x)
    yield Groups("the atlas's own basins, 4 given", atlas.labels_, time.perf_counter() - started)
    yield from _clusters(atlas.latent_, seed)
    yield from _landscapes(atlas.latent_)


def _named(table: Table, topics: np.ndarray, label: np.ndarray, groups: np.ndarray) -> list[dict[str, Any]]:
    """Size, commonest topic and words of the largest basins."""
    groups = np.unique(groups, return_inverse=True)[1].reshape(-1)
    shared = contingency(label, groups)
    words = group_words(list(table.metadata["text"]), groups, count=_WORDS)
    sizes = shared.sum(axis=0)
    return [
        {
            "rows": int(sizes[basin]),
            "topic": str(topics[shared[:, basin].argmax()]),
            "share": float(shared[:, basin].max() / sizes[basin]),
            "words": words[basin],
        }
        for basin in np.argsort(-sizes, kind="stable")[:_SHOWN]
    ]


def _cell(column: str, values: list[float]) -> str:
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    digits = {"basins": 0, "coverage": 2, "seconds": 1}.get(column, 3)
    return f"{mean:.{digits}f}" + (f" ± {spread:.{digits}f}" if spread > 0.5 * 10**-digits else "")
