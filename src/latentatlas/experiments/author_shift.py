"""Study `author-shift`: in training the domain tells the sentiment, in the test it tells the opposite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from latentatlas.erasure import KernelEraser, LinearEraser
from latentatlas.experiments.erasures import Reviews, load_reviews
from latentatlas.experiments.maps.tables import Target, figure, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["balancing_weights", "pictures", "run", "shifted", "to_markdown"]

_SEEDS = tuple(range(5))
_QUICK_ROWS, _QUICK_SEEDS = 1_600, (0, 1)
_SHARE = 0.95
_PRAISED = ("books", "dvd")
_RESAMPLES = 500
_INPUT_SCALE = 10.0  # so large that the penalty hardly touches its coefficients
_PLAIN, _FAIR = "plain", "trained without the shift (oracle)"
_LEACE, _WITHIN = "**ours**, LinearEraser", "**ours**, LinearEraser within the label"
_GIVEN, _GUESSED = "**ours**, KernelEraser, domain given", "**ours**, KernelEraser, domain guessed"
_WEIGHTS, _BOTH = "reweighting", "**ours**, within the label, and reweighting"
_INPUT, _WITH_INPUT = "domain as an input in training only", "**ours**, within the label, and that input"


class _Rows(NamedTuple):
    train: Reviews
    alike: Reviews
    reversed: Reviews
    fair: Reviews


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Every way to train, for every seed; rows that are right are kept for the bootstrap only."""
    reviews = load_reviews(_QUICK_ROWS if quick else None)
    seeds = _QUICK_SEEDS if quick else _SEEDS
    right: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    train, test = 0, 0
    for seed in seeds:
        rows = _sampled(reviews, seed)
        train, test = len(rows.train.x), len(rows.alike.x)
        for name, alike, turned in _judged(rows):
            right.setdefault(name, []).append((alike, turned))
        plain = right[_PLAIN][-1]
        log(f"seed {seed}: plain {plain[0].mean():.3f}, reversed {plain[1].mean():.3f}")
    result = {name: _summary(pairs, right[_PLAIN]) for name, pairs in right.items()}
    return {"quick": quick, "seeds": list(seeds), "train": train, "test": test, "rows": result}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/author_shift.md."""
    lines = [
        "A **semi-synthetic** sampling of real reviews: few reviewers repeat in this corpus, so the domain stands for "
        f"the author. In training {_SHARE:.0%} of the reviews of books and dvd are positive and {_SHARE:.0%} of those "
        "of electronics and kitchen negative; in the reversed test it is the other way round. Training and test rows "
        f"are different reviews, duplicates are dropped first ({result['train']:,} training rows, twice "
        f"{result['test']:,} test rows, {len(result['seeds'])} draws). Logistic regression of 384 MiniLM axes reads "
        "the sentiment.",
        "",
        "*alike*: accuracy on test rows sampled as the training rows are. *reversed*: on rows sampled the other way "
        "round. *drop*: alike − reversed; below 0 the correction went too far, and the model profits from the "
        "reversal. *of the plain drop*: the size of the drop, whatever its sign, as a part of that of the plain "
        "model. In brackets 95 % intervals: draws are resampled, then the rows of each, "
        f"{_RESAMPLES:,} times, the same for both models.",
        "",
        table(
            ("alike", "reversed", "drop", "of the plain drop"),
            {name: [_interval(values[c]) for c in _COLUMNS] for name, values in result["rows"].items()},
        ),
        "",
        f"Targets (the plain drop is {figure(result['rows'][_PLAIN]['drop'][0])}; they count where it is .05 or more):",
        "",
    ]
    lines += [target.verdict(value) for target, value in _targets(result["rows"])]
    return "\n".join([*lines, "", "![Accuracy alike and reversed](author_shift.png)"])


_COLUMNS = ("alike", "reversed", "drop", "ratio")


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    return {"author_shift": _png(_figure(result["rows"]))}


def shifted(
    domain: Shaped[np.ndarray, " n"], sentiment: Shaped[np.ndarray, " n"], *, share: float, rng: np.random.Generator
) -> Int[np.ndarray, " rows"]:
    """Rows such that this share of the first two domains is positive and of the others negative, as many of each.

    >>> domain, sentiment = np.repeat(["books", "kitchen"], 8), np.tile(["negative", "positive"], 8)
    >>> rows = shifted(domain, sentiment, share=0.75, rng=np.random.default_rng(0))
    >>> [(sentiment[rows][domain[rows] == name] == "positive").sum().item() for name in ("books", "kitchen")]
    [3, 1]
    """
    cells = {(d, s): np.flatnonzero((domain == d) & (sentiment == s)) for d in np.unique(domain) for s in _SENTIMENTS}
    size = min(len(rows) for rows in cells.values())
    chosen = []
    for (name, mood), rows in cells.items():
        expected = (name in _PRAISED) == (mood == "positive")
        chosen.append(rng.permutation(rows)[: round(size * (share if expected else 1 - share))])
    return np.concatenate(chosen)


_SENTIMENTS = ("negative", "positive")


def balancing_weights(label: Shaped[np.ndarray, " n"], nuisance: Shaped[np.ndarray, " n"]) -> np.ndarray:
    """p(y) p(v) / p(y, v) of every row: under these weights label and nuisance are independent.

    >>> balancing_weights(np.array([0, 0, 0, 1]), np.array(["a", "a", "b", "b"])).tolist()
    [0.75, 0.75, 1.5, 0.5]
    """
    y, v = (np.unique(values, return_inverse=True)[1] for values in (label, nuisance))
    joint = np.zeros((y.max() + 1, v.max() + 1))
    np.add.at(joint, (y, v), 1 / len(y))
    return (joint.sum(axis=1)[y] * joint.sum(axis=0)[v]) / joint[y, v]


def _sampled(reviews: Reviews, seed: int) -> _Rows:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(reviews.x))
    train, test = (reviews.take(half) for half in np.array_split(order, 2))

    def drawn(rows: Reviews, share: float) -> Reviews:
        return rows.take(shifted(rows.domain, rows.sentiment, share=share, rng=rng))

    return _Rows(drawn(train, _SHARE), drawn(test, _SHARE), drawn(test, 1 - _SHARE), drawn(train, 0.5))


def _judged(rows: _Rows) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, and for each test row whether the model is right: alike and reversed."""
    train = rows.train
    weights = balancing_weights(train.sentiment, train.domain)
    linear = LinearEraser().fit(train.x, train.domain)
    within = LinearEraser().fit(train.x, train.domain, train.sentiment)
    kernel = KernelEraser().fit(train.x, train.domain)
    ways: dict[str, tuple[Callable[[Reviews], np.ndarray], np.ndarray | None]] = {
        _PLAIN: (lambda part: part.x, None),
        _LEACE: (lambda part: linear.transform(part.x), None),
        _WITHIN: (lambda part: within.transform(part.x), None),
        _GIVEN: (lambda part: kernel.transform(part.x, part.domain), None),
        _GUESSED: (lambda part: kernel.transform(part.x), None),
        _WEIGHTS: (lambda part: part.x, weights),
        _BOTH: (lambda part: within.transform(part.x), weights),
    }
    for name, (seen, weight) in ways.items():
        model = _model(seen(train), train.sentiment, weight)
        yield name, *(model.predict(seen(part)) == part.sentiment for part in (rows.alike, rows.reversed))
    for name, seen in ((_INPUT, ways[_PLAIN][0]), (_WITH_INPUT, ways[_WITHIN][0])):
        told = _INPUT_SCALE * seen(train).std(axis=0).mean() * _one_hot(train.domain)
        model = _model(np.hstack([seen(train), told - told.mean(axis=0)]), train.sentiment, None)
        for_new = [
            np.hstack([seen(part), np.zeros((len(part.x), told.shape[1]))]) for part in (rows.alike, rows.reversed)
        ]
        yield (
            name,
            *(model.predict(x) == part.sentiment for x, part in zip(for_new, (rows.alike, rows.reversed), strict=True)),
        )
    model = _model(rows.fair.x, rows.fair.sentiment, None)
    yield _FAIR, *(model.predict(part.x) == part.sentiment for part in (rows.alike, rows.reversed))


def _one_hot(values: np.ndarray) -> np.ndarray:
    return (values[:, None] == np.unique(values)).astype(np.float64)


def _model(x: np.ndarray, label: np.ndarray, weight: np.ndarray | None) -> Any:
    from sklearn.linear_model import LogisticRegression

    scale = x.std(axis=0).mean()
    return _Scaled(LogisticRegression(C=0.1, max_iter=1000).fit(x / scale, label, sample_weight=weight), float(scale))


class _Scaled(NamedTuple):
    """A model of rows in units of their mean deviation."""

    model: Any
    scale: float

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.model.predict(x / self.scale)


def _summary(
    pairs: list[tuple[np.ndarray, np.ndarray]], plain: list[tuple[np.ndarray, np.ndarray]]
) -> dict[str, list[float]]:
    """Each figure with the ends of its interval."""
    rng = np.random.default_rng(0)
    draws: dict[str, list[float]] = {name: [] for name in _COLUMNS}
    for _ in range(_RESAMPLES):
        seeds = rng.integers(0, len(pairs), len(pairs))
        rows = [[rng.integers(0, len(part), len(part)) for part in pairs[seed]] for seed in seeds]
        ours, theirs = (_means(given, seeds, rows) for given in (pairs, plain))
        for name, value in _figures(ours, theirs).items():
            draws[name].append(value)
    every = np.arange(len(pairs))
    whole = [[np.arange(len(part)) for part in pair] for pair in pairs]
    centre = _figures(_means(pairs, every, whole), _means(plain, every, whole))
    return {
        name: [centre[name], *(float(end) for end in np.quantile(draws[name], (0.025, 0.975)))] for name in _COLUMNS
    }


def _means(given: list[tuple[np.ndarray, np.ndarray]], seeds: np.ndarray, rows: list[list[np.ndarray]]) -> np.ndarray:
    parts = [
        [given[seed][side][chosen[side]].mean() for side in (0, 1)] for seed, chosen in zip(seeds, rows, strict=True)
    ]
    return np.mean(parts, axis=0)


def _figures(ours: np.ndarray, plain: np.ndarray) -> dict[str, float]:
    drop, usual = float(ours[0] - ours[1]), float(plain[0] - plain[1])
    ratio = abs(drop) / usual if usual > 0 else float("nan")
    return {"alike": float(ours[0]), "reversed": float(ours[1]), "drop": drop, "ratio": ratio}


def _targets(rows: Mapping[str, Mapping[str, list[float]]]) -> list[tuple[Target, float]]:
    judged = [
        (Target(f"{name}, of the plain drop, upper end", "≤", 0.5), rows[name]["ratio"][2])
        for name in rows
        if "ours" in name or name == _INPUT
    ]
    return [(Target("plain drop", "≥", 0.05), rows[_PLAIN]["drop"][0]), *judged]


def _interval(values: list[float]) -> str:
    return f"{figure(values[0])} [{figure(values[1])}, {figure(values[2])}]"


def _figure(rows: Mapping[str, Mapping[str, list[float]]]) -> Figure:
    from matplotlib.figure import Figure

    from latentatlas.plots.style import CATEGORY_COLOURS, INK

    figure_ = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure_.subplots()
    for number, name in enumerate(rows):
        ends = [rows[name][side] for side in ("alike", "reversed")]
        axes.plot([ends[0][0], ends[1][0]], [number, number], color=INK, linewidth=1)
        for colour, end, label in zip(CATEGORY_COLOURS, ends, ("alike", "reversed"), strict=False):
            axes.errorbar(end[0], number, xerr=[[end[0] - end[1]], [end[2] - end[0]]], fmt="o", color=colour,
                          label=label if number == 0 else None)  # fmt: skip
    axes.set_yticks(range(len(rows)), [name.replace("*", "") for name in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("accuracy of the sentiment, 95 % intervals", fontsize=9, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    return figure_


def _png(figure_: Figure) -> bytes:
    out = BytesIO()
    figure_.savefig(out, format="png", dpi=110)
    return out.getvalue()
