"""Study `recall`: which digit a noisy row still is, and which it is after recall."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.energies.digits import SEEDS, atlas_of_digits, digits, labels_of, majority
from latentatlas.experiments.energies.recalling import EXEMPLARS, PROTOTYPES, TOLD, WAYS
from latentatlas.experiments.maps.tables import Target, spread, table
from latentatlas.metrics import AdjustedRand

__all__ = ["pictures", "run", "to_markdown"]

_NOISES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_QUICK_NOISES = (0.0, 0.5)
_JUDGED, _TIMED, _VOTERS, _TIMINGS = 1_000, 10_000, 5, 3
_PIXELS, _LATENTS = "noise on pixels", "noise on latents"
_ARI, _SECONDS, _HALF = "ARI of the basins", "10,000 recalls, s", "0.5"
_TARGETS = (
    Target(_ARI, "≥", 0.90),
    Target(f"σ = .5 on pixels, {EXEMPLARS}", "≥", 0.80),
    Target(f"σ = .5 on pixels, {TOLD}", "≥", 0.80),
    Target(f"{_SECONDS}: {PROTOTYPES}", "≤", 1.0),
    Target(f"{_SECONDS}: {EXEMPLARS}", "≤", 1.0),
    Target(f"{_SECONDS}: {TOLD}", "≤", 1.0),
)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Accuracy of every way at every level of both kinds of noise for three atlases, and the time of recalls."""
    cells = cells or Cells()
    seeds = SEEDS[:1] if quick else SEEDS
    accuracy: dict[str, dict[str, dict[str, list[float]]]] = {_PIXELS: {}, _LATENTS: {}}
    for seed in seeds:
        for noise in _QUICK_NOISES if quick else _NOISES:
            log(f"seed {seed}, σ = {noise:g}")
            found = cells.of(f"{seed} {noise:g}", lambda s=seed, n=noise: _accuracies(s, n, quick))
            for kind, by_way in found.items():
                for title, value in by_way.items():
                    accuracy[kind].setdefault(title, {}).setdefault(f"{noise:g}", []).append(value)
    basins = [cells.of(f"{seed} ARI", lambda s=seed: _basins_agree(s, quick)) for seed in seeds]
    return {
        "quick": quick,
        "seeds": list(seeds),
        "rows": [len(digits(quick=quick).train), _judged(quick)],
        "accuracy": accuracy,
        _ARI: basins,
        _SECONDS: cells.of("seconds", lambda: _seconds(quick)),
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/recall.md."""
    training, judged = result["rows"]
    lines = [
        f"Gaussian noise of standard deviation σ on {judged:,} test rows of MNIST: on pixels that go from 0 to 1, or "
        "on the two axes of the latent, in units of their root-mean-square deviation. Accuracy: the five nearest of "
        f"{training:,} clean training rows in the latent name the digit of what is recalled, by their labels; mean ± "
        f"standard deviation over {len(result['seeds'])} atlas(es), which saw no label. “No recall” encodes and leaves "
        "it at that. One way is told σ (`recall(noise=σ)`); the denoising autoencoder was trained on σ from 0 to 1; "
        "the others do not know it.",
    ]
    for kind, by_way in result["accuracy"].items():
        noises = list(next(iter(by_way.values())))
        rows = {title: [spread(found.get(noise, [])) for noise in noises] for title, found in by_way.items()}
        lines += ["", f"## {kind.capitalize()}", "", table([f"σ = {noise}" for noise in noises], rows)]
    seconds = {name: [f"{value:.2f}"] for name, value in result[_SECONDS].items()}
    lines += ["", "## Time", "", "Best of three, from rows in the units of the data to recalled patterns.", ""]
    lines += [table([_SECONDS], seconds), "", "Targets are for a full run." if result["quick"] else "Targets:", ""]
    lines += [] if result["quick"] else _verdicts(result)
    return "\n".join([*lines, "", "![Accuracy against the level of both kinds of noise](recall.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.experiments.energies.figures import lines_figure
    from latentatlas.plots import png_bytes

    panels = {
        kind.capitalize(): {
            title: {float(noise): values for noise, values in found.items()} for title, found in by_way.items()
        }
        for kind, by_way in result["accuracy"].items()
    }
    drawn = lines_figure(panels, across="σ", up="accuracy of the recalled digit", ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
    return {"recall": png_bytes(drawn)}


def _judged(quick: bool) -> int:
    return min(_JUDGED, len(digits(quick=quick).test))


def _accuracies(seed: int, noise: float, quick: bool) -> dict[str, dict[str, float]]:
    """By kind of noise and title of the way."""
    train, test = digits(quick=quick)
    atlas = atlas_of_digits(seed, quick=quick)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(test), _judged(quick), replace=False)
    x, truth = test.x[chosen], labels_of(test)[chosen]
    z = atlas.transform(x)
    spread_of_latents = np.sqrt(np.square(atlas.latent_ - atlas.latent_.mean(axis=0)).mean())
    noisy_x = x + np.float32(noise) * rng.standard_normal(x.shape, np.float32)
    noisy_z = z + np.float32(noise) * spread_of_latents * rng.standard_normal(z.shape, np.float32)

    def right(recalled: np.ndarray) -> float:
        return float((majority(atlas.latent_, labels_of(train), recalled, k=_VOTERS) == truth).mean())

    return {
        _PIXELS: {title: right(way.from_rows(noisy_x, atlas, noise=noise, quick=quick)) for title, way in WAYS.items()},
        _LATENTS: {title: right(way.from_latents(noisy_z, atlas)) for title, way in WAYS.items() if way.rows is None},
    }


def _basins_agree(seed: int, quick: bool) -> float:
    test = digits(quick=quick).test
    return AdjustedRand()(labels_of(test), atlas_of_digits(seed, quick=quick).basins(test.x))


def _seconds(quick: bool) -> dict[str, float]:
    """Best of three, by title of the way."""
    atlas = atlas_of_digits(SEEDS[0], quick=quick)
    x = digits(quick=quick).test.x[:_TIMED]
    memory = atlas.memory()
    calls: dict[str, Callable[[], Any]] = {
        PROTOTYPES: lambda: atlas.recall(x),
        EXEMPLARS: lambda: atlas.recall(x, memory=memory),
        TOLD: lambda: atlas.recall(x, steps=0, noise=0.5),
    }
    return {title: min(_clock(call) for _ in range(_TIMINGS)) for title, call in calls.items()}


def _clock(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    values = {_ARI: float(np.mean(result[_ARI]))}
    values |= {
        f"σ = .5 on pixels, {title}": float(np.mean(found[_HALF]))
        for title, found in result["accuracy"][_PIXELS].items()
    }
    values |= {f"{_SECONDS}: {title}": seconds for title, seconds in result[_SECONDS].items()}
    return [target.verdict(values[target.name]) for target in _TARGETS]
