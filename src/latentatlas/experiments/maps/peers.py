"""Maps of other libraries, behind our contract. All are in the extra `bench`; each runs with its own defaults."""

from __future__ import annotations

from typing import Any, final

from latentatlas.core import available_threads
from latentatlas.core.errors import require_extra
from latentatlas.experiments.maps.base import FittedMap, MapMethod, Rows

__all__ = ["OpenTSNEMap", "PaCMAPMap", "TorchDRMap", "UMAPMap"]


@final
class UMAPMap(MapMethod):
    """umap-learn. Without a fixed seed, as by default, since a seed would hold it to one thread.

    Args:
        dim: axes.
        decoded: how many rows are decoded; a second each.
    """

    name: str = "umap-learn"
    title: str = "umap-learn"
    remark: str = "defaults: all threads, no fixed seed; `inverse_transform` of few rows, since it is slow"

    def __init__(self, dim: int = 2, *, decoded: int = 20):
        self.dim = dim
        self.decoded = decoded

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """`UMAP(n_components=dim).fit(x)`."""
        umap: Any = require_extra("umap", "bench", who="umap-learn")
        fitted = umap.UMAP(n_components=self.dim).fit(x)
        return FittedMap(fitted.embedding_, fitted.transform, fitted.inverse_transform)

    def warm_up(self, x: Rows) -> None:
        """Compile the approximate search too, which few rows do not need."""
        umap: Any = require_extra("umap", "bench", who="umap-learn")
        fitted = umap.UMAP(n_components=self.dim, n_epochs=30, force_approximation_algorithm=True).fit(x[:500])
        fitted.transform(x[:2])


@final
class OpenTSNEMap(MapMethod):
    """openTSNE with its approximation of forces by interpolation on a grid.

    Args:
        dim: axes, 1 or 2.
    """

    name: str = "opentsne"
    title: str = "openTSNE"

    def __init__(self, dim: int = 2):
        self.dim = dim

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """`TSNE(negative_gradient_method="fft").fit(x)`."""
        opentsne: Any = require_extra("openTSNE", "bench", who="openTSNE")
        threads = available_threads()
        tsne = opentsne.TSNE(self.dim, negative_gradient_method="fft", n_jobs=threads, random_state=seed)
        fitted = tsne.fit(x)
        return FittedMap(fitted, fitted.transform)


@final
class PaCMAPMap(MapMethod):
    """PaCMAP.

    Args:
        dim: axes.
    """

    name: str = "pacmap"
    title: str = "PaCMAP"

    def __init__(self, dim: int = 2):
        self.dim = dim

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """`PaCMAP(n_components=dim).fit_transform(x)`."""
        pacmap: Any = require_extra("pacmap", "bench", who="PaCMAP")
        fitted = pacmap.PaCMAP(n_components=self.dim, random_state=seed)
        return FittedMap(fitted.fit_transform(x).copy(), lambda new: fitted.transform(new, basis=x))


@final
class TorchDRMap(MapMethod):
    """The UMAP of TorchDR, on the processor.

    Args:
        dim: axes.
    """

    name: str = "torchdr"
    title: str = "TorchDR UMAP"
    remark: str = "on the processor, neighbours by faiss"

    def __init__(self, dim: int = 2):
        self.dim = dim

    def fit(self, x: Rows, *, seed: int) -> FittedMap:
        """`UMAP(device="cpu", backend="faiss").fit_transform(x)`."""
        torchdr: Any = require_extra("torchdr", "bench", who="TorchDR")
        fitted = torchdr.UMAP(n_components=self.dim, device="cpu", backend="faiss", random_state=seed)
        fitted = torchdr.UMAP(n_components=self.dim, device="cpu", backend="faiss", random_state=seed)
        return FittedMap(fitted.fit_transform(x), lambda new: fitted.transform(new, X_train=x))
