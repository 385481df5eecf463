"""Synthetic sets as corpora: computed with their default rows and seed, no files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from latentatlas.data.corpora.corpus import Corpus, Edition
from latentatlas.data.download import Files
from latentatlas.data.synthetic import Synthetic, synthetic_sets
from latentatlas.data.table import Table

__all__ = ["COMPUTED"]

_SIZES = {  # rows and features by default, so that a list of corpora need not compute them
    "blobs": (2_000, 8),
    "three_gaussians": (1_200, 32),
    "swiss_roll": (2_000, 3),
    "swiss_roll_hole": (2_000, 3),
    "sphere": (2_000, 3),
    "torus": (2_000, 3),
    "flat_torus": (2_000, 4),
    "three_torus": (4_000, 6),
    "mobius_band": (2_000, 3),
    "klein_bottle": (2_000, 4),
    "flat_klein_bottle": (2_000, 5),
    "projective_plane": (2_000, 5),
    "linked_circles": (1_000, 3),
    "nested_spheres": (10_000, 101),
    "coloured_digits": (1_797, 192),
    "factor_images": (4_096, 1_024),
}


@final
@dataclass(frozen=True)
class _Maker:
    """Reads nothing: computes the rows."""

    make: Callable[..., Synthetic]

    def __call__(self, files: Files, part: str | None) -> Table:
        return self.make().table


def _first_line(make: Callable[..., Synthetic]) -> str:
    return (make.__doc__ or "").partition("\n")[0]


COMPUTED = tuple(
    Corpus(
        name=name,
        kind="synthetic",
        title=re.split("[:,(]", _first_line(make))[0].strip(),
        details=_first_line(make),
        license="none needed",
        citation="see latentatlas.data.synthetic",
        source=f"latentatlas.data.synthetic.{name}",
        editions=(Edition("computed", *_SIZES[name], _Maker(make), exact=False),),
    )
    for name, make in synthetic_sets().items()
)
