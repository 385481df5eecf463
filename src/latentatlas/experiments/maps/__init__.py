"""Maps side by side: our method and its peers behind one contract, each fitted in a process of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from latentatlas.core import SpecError, did_you_mean
from latentatlas.experiments.maps.apart import Outcome, RowsOnDisk, run_apart
from latentatlas.experiments.maps.base import FittedMap, MapMethod
from latentatlas.experiments.maps.networks import AtlasMap, NetworkMap, mmae, plain_ae, rtd_lite, topo_ae, umap_ae
from latentatlas.experiments.maps.peers import OpenTSNEMap, PaCMAPMap, TorchDRMap, UMAPMap
from latentatlas.experiments.maps.references import LDAMap, PCAMap, RandomMap

__all__ = [
    "AtlasMap",
    "FittedMap",
    "LDAMap",
    "MapMethod",
    "NetworkMap",
    "OpenTSNEMap",
    "Outcome",
    "PCAMap",
    "PaCMAPMap",
    "RandomMap",
    "RowsOnDisk",
    "TorchDRMap",
    "UMAPMap",
    "chosen_methods",
    "map_methods",
    "mmae",
    "plain_ae",
    "remarks",
    "rtd_lite",
    "run_apart",
    "topo_ae",
    "umap_ae",
]


def map_methods() -> Mapping[str, MapMethod]:
    """Every method that needs no labels, two axes each, by name: ours first, then peers, then the simplest ones."""
    networks = (umap_ae(), plain_ae(), topo_ae(), mmae(), rtd_lite())
    peers = (OpenTSNEMap(), PaCMAPMap(), TorchDRMap())
    methods = (AtlasMap(), UMAPMap(), *networks, *peers, PCAMap(), RandomMap())
    return {method.name: method for method in methods}


def chosen_methods(names: Sequence[str] | None = None) -> tuple[MapMethod, ...]:
    """The methods with these names, in the order of the table; all for None.

    >>> [method.title for method in chosen_methods(["pca", "ae"])]
    ['AE', 'PCA']

    Raises:
        SpecError: for a name there is none of.
    """
    known = map_methods()
    for name in names or ():
        if name not in known:
            raise SpecError(f"The table of maps has no method {name!r}. {did_you_mean(name, known)}")
    return tuple(method for name, method in known.items() if names is None or name in names)


def remarks(titles: Collection[str]) -> list[str]:
    """What a reader must know of the methods with these titles, one line of Markdown each."""
    return [
        f"- {each.title}: {each.remark}." for each in map_methods().values() if each.remark and each.title in titles
    ]
