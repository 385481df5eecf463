"""Study `spectral-search`: does λ beside the cosine find more that is relevant? Judged queries, by τ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from latentatlas.data import Retrieval, load_retrieval
from latentatlas.graph import CosineDistance, fuzzy_weights, knn_graph
from latentatlas.metrics import NDCG, MeanReciprocalRank, MRRTop0, topology_factors
from latentatlas.spectral import (
    DispersionLambda,
    Lambda,
    RayleighLambda,
    SpectralIndex,
    SyntheticLambda,
    spectral_index,
)

__all__ = ["run", "to_markdown"]

_TAUS = tuple(round(0.1 * step, 1) for step in range(11))
_HITS = 100
_LAMBDAS: Mapping[str, Lambda] = {
    "Rayleigh": RayleighLambda(),
    "dispersion": DispersionLambda(),
    "arrowspace": SyntheticLambda(),
}
_CONTROL = "shuffled Rayleigh"
_SHUFFLES = 5
_RESAMPLES = 2000


class _Setting(NamedTuple):
    """A corpus, the split that decides its space, and the queries to choose τ with."""

    corpus: str
    split: str | None
    choice: tuple[str, ...]


_SETTINGS = {
    "NFCorpus, MiniLM": _Setting("nfcorpus", "test", ()),
    "NFCorpus, latent semantic": _Setting("nfcorpus", None, ("train", "dev")),
    "Cranfield, latent semantic": _Setting("cranfield", None, ()),
    "NPL, latent semantic": _Setting("npl", None, ()),
}


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Every collection with every λ at every τ; τ = 1 is cosine."""
    taus = (0.0, 0.5, 0.9, 1.0) if quick else _TAUS
    collections = {}
    for name, setting in list(_SETTINGS.items())[:1] if quick else _SETTINGS.items():
        log(name)
        collections[name] = _collection(setting, taus, log)
    return {"quick": quick, "taus": list(taus), "collections": collections}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/spectral-search.md."""
    taus = result["taus"]
    lines = [
        "Score of a document: τ·cos + (1 − τ)(1 − |Δλ|), all documents compared. τ = 1 is plain cosine search, the "
        f"same for every λ. *{_CONTROL}*: each document has the λ of another one, drawn at random (mean of {_SHUFFLES} "
        "draws): what a number without meaning does. The feature graph has 8 edges per column of the documents.",
    ]
    for name, figures in result["collections"].items():
        counts = f"{figures['documents']:,} documents, {figures['queries']:,} judged queries."
        if figures["mute"]:
            counts += f" {figures['mute']} more share no word with the documents and are left out."
        lines += ["", f"## {name}", "", counts, ""]
        for metric in ("nDCG@10", "MRR@100"):
            lines += [f"{metric} by τ:", "", "| λ | " + " | ".join(f"{tau:g}" for tau in taus[:-1]) + " | 1: cosine |"]
            lines.append("|---" * (len(taus) + 1) + "|")
            for kind, values in figures["figures"].items():
                lines.append(f"| {kind} | " + " | ".join(f"{value:.4f}" for value in values[metric]) + " |")
            lines.append("")
        lines += _verdicts(figures)
    return "\n".join(lines).rstrip()


def _verdicts(figures: Mapping[str, Any]) -> list[str]:
    lines = [
        "Against cosine, nDCG@10, paired by query with a 95 % bootstrap interval. The best τ < 1 is picked on these "
        "very queries, so its difference is too high:",
        "",
    ]
    for kind, best in figures["best"].items():
        lines.append(f"- {kind}, best τ = {best['tau']:g}: {_interval(best)}")
    for kind, chosen in figures["chosen"].items():
        lines.append(
            f"- {kind}, chosen on the training and development queries: τ = {chosen['tau']:g}: {_interval(chosen)}"
        )
    top = figures["topology"]
    lines += [
        "",
        "MRR-Top0@10, which pays for hits that sit together in the graph of documents, with and without T:",
        "",
    ]
    lines += ["| | T = 1 | T |", "|---|---|---|"]
    lines += [f"| {name} | {row['T = 1']:.4f} | {row['T']:.4f} |" for name, row in top.items()]
    return lines


def _interval(row: Mapping[str, float]) -> str:
    if row["tau"] == 1:
        return "that is cosine itself"
    verdict = "more" if row["low"] > 0 else "less" if row["high"] < 0 else "no difference shown"
    return f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}]: {verdict}"


def _collection(setting: _Setting, taus: tuple[float, ...], log: Callable[[str], None]) -> dict[str, Any]:
    everything = load_retrieval(setting.corpus, setting.split)
    split = everything.queries.metadata.get("split", np.full(len(everything.queries), "test"))
    asked = _Queries.of(everything, split == "test")
    result: dict[str, Any] = {"documents": len(everything.documents), "queries": len(asked.x), "mute": asked.mute}
    figures, best, chosen, rankings = {}, {}, {}, {}
    for kind, lam in _LAMBDAS.items():
        log(f"  {kind}")
        index = spectral_index(everything.documents.x, lam=lam)
        found = {tau: index.search(asked.x, k=_HITS, tau=tau).rows for tau in taus}
        figures[kind] = _by_tau(found, asked.judged)
        scores = {tau: NDCG(10).per_query(rows, asked.judged) for tau, rows in found.items()}
        top = max(taus[:-1], key=lambda tau: scores[tau].mean())
        best[kind] = _against_cosine(top, scores)
        if setting.choice:
            others = _Queries.of(everything, np.isin(split, setting.choice))
            chosen[kind] = _against_cosine(_chosen(index, others, taus), scores)
        rankings |= {"cosine": found[1.0], f"{kind}, τ = {top:g}": found[top], f"{kind}, τ = 0": found[0.0]}
    control = _shuffled(spectral_index(everything.documents.x), asked, taus)
    topology = _topology(everything.documents.x, asked.judged, rankings)
    return result | {"figures": figures | {_CONTROL: control}, "best": best, "chosen": chosen, "topology": topology}


class _Queries(NamedTuple):
    """Queries that have a relevant document; those without a direction are counted and left out."""

    x: np.ndarray
    judged: Any
    mute: int

    @classmethod
    def of(cls, everything: Retrieval, wanted: np.ndarray) -> _Queries:
        judged = wanted & (np.asarray(everything.judgements.sum(axis=1)).ravel() > 0)
        rows = np.flatnonzero(judged & everything.queries.x.any(axis=1))
        return cls(everything.queries.x[rows], everything.judgements[rows], int(judged.sum()) - len(rows))


def _by_tau(found: Mapping[float, np.ndarray], judged: Any) -> dict[str, list[float]]:
    return {
        "nDCG@10": [NDCG(10)(rows, judged) for rows in found.values()],
        "MRR@100": [MeanReciprocalRank(_HITS)(rows, judged) for rows in found.values()],
    }


def _chosen(index: SpectralIndex, others: _Queries, taus: tuple[float, ...]) -> float:
    """The τ with the highest nDCG@10 of some queries; of equal ones the largest."""
    return max(reversed(taus), key=lambda tau: NDCG(10)(index.search(others.x, k=10, tau=tau).rows, others.judged))


def _shuffled(index: SpectralIndex, asked: _Queries, taus: tuple[float, ...]) -> dict[str, list[float]]:
    """The same search where each document has the λ of another one."""
    draws = []
    for seed in range(_SHUFFLES):
        order = np.random.default_rng(seed).permutation(len(index.lambdas))
        other = replace(index, lambdas=index.lambdas[order])
        draws.append(_by_tau({tau: other.search(asked.x, k=_HITS, tau=tau).rows for tau in taus}, asked.judged))
    return {metric: np.mean([draw[metric] for draw in draws], axis=0).tolist() for metric in draws[0]}


def _against_cosine(tau: float, scores: Mapping[float, np.ndarray]) -> dict[str, float]:
    """Mean difference of nDCG per query, and its interval by resampling queries."""
    gap = scores[tau] - scores[1.0]
    rng = np.random.default_rng(0)
    means = [gap[rng.integers(len(gap), size=len(gap))].mean() for _ in range(_RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return {"tau": tau, "difference": float(gap.mean()), "low": float(low), "high": float(high)}


def _topology(documents: np.ndarray, judged: Any, rankings: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """MRR-Top0@10 on the cosine graph of documents; communities by k-means, anchors the nearest documents."""
    from sklearn.cluster import KMeans

    graph = fuzzy_weights(knn_graph(documents, 15, metric=CosineDistance()))
    unit = documents / np.linalg.norm(documents, axis=1, keepdims=True)
    communities = KMeans(30, n_init=1, random_state=0).fit_predict(unit)
    anchors = rankings["cosine"][:, 0]
    result = {}
    for name, rows in rankings.items():
        factors = topology_factors(rows[:, :10], graph, anchors=anchors, communities=communities)
        top0 = MRRTop0(10)
        result[name] = {"T = 1": top0(rows[:, :10], judged), "T": top0(rows[:, :10], judged, factors)}
    return result
