"""Study `generate`: new digits from each basin, and whether they are copies of training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.energies.digits import SEEDS, atlas_of_digits, digits, labels_of
from latentatlas.experiments.energies.generating import COLUMNS, MAKERS, PER_BASIN, judge, judged, named_basins
from latentatlas.experiments.maps.tables import spread, table
from latentatlas.graph.exact import brute_force

__all__ = ["pictures", "run", "to_markdown"]

_QUICK_PER_BASIN = 5
_DRAWN = 6


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Figures of every maker's images, for three atlases."""
    cells = cells or Cells()
    seeds = SEEDS[:1] if quick else SEEDS
    each = _QUICK_PER_BASIN if quick else PER_BASIN
    found: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        for title, maker in MAKERS.items():
            log(f"seed {seed}, {title.replace('*', '')}")

            def figures(maker: Any = maker, seed: int = seed) -> dict[str, float]:
                return judged(maker(seed, each=each, quick=quick), seed, quick=quick)

            for name, value in cells.of(f"{title} {seed}", figures).items():
                found.setdefault(title, {}).setdefault(name, []).append(value)
    rows = [len(part) for part in digits(quick=quick)]
    return {
        "quick": quick,
        "seeds": list(seeds),
        "rows": rows,
        "each": each,
        "judge": cells.of("judge", lambda: _judge_accuracy(quick)),
        "methods": found,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/generate.md."""
    training, _ = result["rows"]
    rows = {name: [spread(found[column]) for column in COLUMNS] for name, found in result["methods"].items()}
    lines = [
        f"{result['each']} images from every basin of atlases of {training:,} rows of MNIST, two axes, ten basins, no "
        f"label; mean ± standard deviation over {len(result['seeds'])} atlas(es).",
        "",
        "- *right digit*: share to which a perceptron on pixels, told the labels of the training rows (accuracy on "
        f"test rows {result['judge']:.4f}), gives the digit of their basin, which most of its training rows show.",
        "- *nearest row*: distance in pixels to the nearest training row, over that of the median test row: 0 is a "
        "copy, 1 as new as a test row. The median, and what 5 % fall below.",
        "- *variety*: mean distance between two images of a basin, over that between two test rows of it.",
        "",
        table(COLUMNS, rows),
        "",
        "![Samples of each basin, each with its nearest training row on its right](generate.png)",
    ]
    return "\n".join(lines)


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image, from the atlas of seed 0."""
    from latentatlas.plots import exemplars_figure, png_bytes

    quick = result["quick"]
    atlas, train = atlas_of_digits(SEEDS[0], quick=quick), digits(quick=quick).train
    assert train.item_shape is not None
    pairs = []
    for basin in range(atlas.n_basins_):
        made = atlas.sample(_DRAWN, basin=basin, random_state=SEEDS[0])
        nearest = train.x[brute_force(made, train.x, 1)[1][:, 0]]
        both = np.stack([made.clip(0, 1), nearest], axis=1)
        pairs.append(both.reshape(2 * _DRAWN, *train.item_shape))
    names = [f"basin {basin} ({digit})" for basin, digit in enumerate(named_basins(atlas, labels_of(train)))]
    title = "Samples, and right of each its nearest training row"
    return {"generate": png_bytes(exemplars_figure(pairs, labels=names, title=title))}


def _judge_accuracy(quick: bool) -> float:
    test = digits(quick=quick).test
    return float((judge(quick=quick)(test.x) == labels_of(test)).mean())
