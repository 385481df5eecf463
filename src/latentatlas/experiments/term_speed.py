"""What terms cost in a training step, and spanning trees beside SciPy's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import Batch, Edges, LatentLayout, available_threads
from latentatlas.graph import knn_graph, spanning_tree
from latentatlas.landscape import MixtureDensity
from latentatlas.models import Autoencoder, MLPDecoder, MLPEncoder, NeuralEnergy
from latentatlas.terms import (
    CORAL,
    HSIC,
    MMD,
    Adversarial,
    BetweenBlocks,
    BlockAllocation,
    Concatenation,
    ConditionalHSIC,
    ContrastiveDivergence,
    Covariance,
    CrossEntropy,
    DenoisingScore,
    HardestNegative,
    HardNegatives,
    IRMv1,
    LandmarkGeodesics,
    LocalDistance,
    MeanNegative,
    MemoryBank,
    NeighborContrast,
    NeighborReconstruction,
    NoiseContrast,
    NTXent,
    Partition,
    Prediction,
    ReadableTransformation,
    Reconstruction,
    ReplayBuffer,
    ResidualHSIC,
    RTDLite,
    Signature,
    Stress,
    Term,
    TotalCorrelation,
    Triplet,
    VICReg,
    VREx,
)

__all__ = [
    "generative_term_speed",
    "invariance_term_speed",
    "partition_term_speed",
    "spanning_tree_speed",
    "term_speed",
    "topology_term_speed",
]

_ROWS = 256
_COMPONENTS = 128
_BLOCKS = 30


def topology_term_speed(rows: int = _ROWS) -> dict[str, float]:
    """Milliseconds of forward and backward pass to a latent of two axes: 256 rows of 128 stem coordinates.

    As many edges as half the rows, as a batch of edges has; the decoder is that of `Atlas`.
    """
    fields = _batch(rows)
    terms = {
        "NeighborContrast": NeighborContrast(),
        "NeighborContrast, 16 hard negatives": NeighborContrast(against=HardNegatives()),
        "NeighborContrast, cross-entropy": NeighborContrast(5.0, loss=CrossEntropy()),
        "Triplet": Triplet(),
        "LocalDistance": LocalDistance(),
        "Stress": Stress(),
        "Stress, Sammon": Stress(1.0),
        "Stress, 64 landmarks": Stress(geodesics=_geodesics(fields["x"])),
        "Signature": Signature(),
        "RTDLite": RTDLite(),
        "NeighborReconstruction": NeighborReconstruction(),
    }
    figures = {f"{name}, ms": _step_milliseconds(term, fields) for name, term in terms.items()}
    return figures | {"rows": float(rows), "threads": float(torch.get_num_threads())}


def invariance_term_speed(rows: int = 2 * _ROWS, dim: int = 16) -> dict[str, float]:
    """Milliseconds of forward and backward pass to a latent of 16 axes and logits of two classes: 512 rows.

    Four categories, or numbers, as nuisance; ten labels; four environments. The last two lines have 4,096 rows.
    """
    fields, large = _known_batch(rows, dim), _known_batch(8 * rows, dim)
    numbers = {"nuisance": fields["number"]}
    both = {"nuisance": {"code": fields["nuisance"], "number": fields["number"]}}
    timed: dict[str, tuple[Term, dict[str, Any]]] = {
        "HSIC, categories": (HSIC(), fields),
        "HSIC, numbers": (HSIC(), fields | numbers),
        "HSIC, both at once": (HSIC(), fields | both),
        "ConditionalHSIC": (ConditionalHSIC(), fields),
        "ResidualHSIC": (ResidualHSIC(), fields | {"label": fields["number"], "prediction": fields["guess"]}),
        "MMD": (MMD(), fields),
        "CORAL": (CORAL(), fields),
        "Adversarial": (Adversarial(dim, 4), fields),
        "Prediction": (Prediction(), fields),
        "IRMv1": (IRMv1(), fields),
        "VREx": (VREx(), fields),
        "Covariance": (Covariance(), fields),
        "TotalCorrelation": (TotalCorrelation(10_000), fields),
        f"HSIC, {8 * rows:,} rows, random features": (HSIC(exact_rows=0), large),
        f"HSIC, {8 * rows:,} rows, whole matrices": (HSIC(exact_rows=8 * rows), large),
    }
    figures = {
        f"{name}, ms": _step_milliseconds(term, known, calls=2 if known is large else 5)
        for name, (term, known) in timed.items()
    }
    return figures | {"rows": float(rows), "threads": float(torch.get_num_threads())}


def generative_term_speed(rows: int = 2 * _ROWS, dim: int = 16) -> dict[str, float]:
    """Milliseconds of a whole optimiser step of an autoencoder, alone and with an energy learned beside it.

    Encoder and decoder are those of `Atlas` for 128 stem coordinates, the energy has its defaults. The overhead is what
    a step takes longer, in units of the step of the autoencoder alone.
    """
    terms = {
        "ContrastiveDivergence": ContrastiveDivergence(NeuralEnergy(dim, spread=10.0), ReplayBuffer(2 * rows, dim)),
        "NoiseContrast": NoiseContrast(NeuralEnergy(dim, spread=10.0), MixtureDensity(10, dim)),
        "DenoisingScore": DenoisingScore(NeuralEnergy(dim, spread=10.0), 1.0),
    }
    steps = [_autoencoder_step(rows, dim, term) for term in (None, *terms.values())]
    alone, *beside = _milliseconds_in_turn(steps)
    figures = {"autoencoder step, ms": alone}
    for name, with_it in zip(terms, beside, strict=True):
        figures |= {f"autoencoder + {name}, ms": with_it, f"{name}, overhead": with_it / alone - 1}
    return figures


def partition_term_speed(rows: int = 2 * _ROWS, layout: LatentLayout | None = None) -> dict[str, float]:
    """Milliseconds of forward and backward pass to the latents of rows and views: 512 of each, 128 axes."""
    layout = layout or LatentLayout(invariant=64, variant=32, free=32)
    generator = torch.Generator().manual_seed(0)
    z, z_view = (torch.randn(rows, layout.dim, generator=generator).requires_grad_() for _ in range(2))
    fields = {"z": z, "z_view": z_view, "transform": torch.randn(rows, 6, generator=generator)}
    memory = MemoryBank(8 * rows, layout.invariant)
    timed: dict[str, Term] = {
        "Partition": Partition(layout),
        "Partition, mean": Partition(layout, negatives=MeanNegative()),
        "Partition, hardest": Partition(layout, negatives=HardestNegative()),
        f"Partition, memory of {8 * rows:,}": Partition(layout, negatives=memory),
        "ReadableTransformation": ReadableTransformation(layout, range(6), pairing=Concatenation()),
        "BlockAllocation": BlockAllocation(layout),
        "BetweenBlocks, HSIC": BetweenBlocks(HSIC(), layout, "invariant", "variant"),
        "NTXent": NTXent(),
        "VICReg": VICReg(),
    }
    figures = {f"{name}, ms": _step_milliseconds(term, fields) for name, term in timed.items()}
    return figures | {"rows": float(rows), "threads": float(torch.get_num_threads())}


def term_speed() -> dict[str, float]:
    """All of the above; `rows` is that of the terms on topology."""
    return partition_term_speed() | invariance_term_speed() | topology_term_speed() | generative_term_speed()


def spanning_tree_speed() -> dict[str, float]:
    """Milliseconds of the spanning tree of a full matrix, compiled where numba is installed, and of SciPy's."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    figures = {}
    for n, scipy_repeats in ((256, 3), (1024, 1), (4096, 1)):
        points = torch.from_numpy(np.random.default_rng(0).standard_normal((n, 64)).astype(np.float32))
        distances = torch.cdist(points, points).numpy()
        ours = _least_milliseconds(lambda matrix=distances: spanning_tree(matrix), calls=max(1, 1024 // n))
        started = time.perf_counter()
        for _ in range(scipy_repeats):
            minimum_spanning_tree(distances)
        theirs = 1e3 * (time.perf_counter() - started) / scipy_repeats
        figures |= {f"n = {n}, ms": ours, f"n = {n}, SciPy, ms": theirs, f"n = {n}, ratio": theirs / ours}
    return figures | {"threads": float(available_threads())}


def _batch(rows: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, _COMPONENTS, generator=generator)
    ends = torch.randperm(rows, generator=generator)[: 2 * (rows // 2)].reshape(2, -1)
    known = torch.eye(rows, dtype=torch.bool)
    known[ends[0], ends[1]] = known[ends[1], ends[0]] = True
    decoder = MLPDecoder(2, _COMPONENTS)
    z = torch.randn(rows, 2, generator=generator).requires_grad_()
    return {"x": x, "z": z, "row": torch.arange(rows), "edges": Edges(ends[0], ends[1], known), "decode": decoder}


def _geodesics(x: Tensor) -> LandmarkGeodesics:
    return LandmarkGeodesics(len(x), min(64, len(x))).fit(x.numpy(), knn_graph(x.numpy(), 15))


def _known_batch(rows: int, dim: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def codes(count: int) -> Tensor:
        return torch.randint(count, (rows,), generator=generator)

    return {
        "x": normal(rows, _COMPONENTS),
        "z": normal(rows, dim).requires_grad_(),
        "mean": normal(rows, dim),
        "log_variance": normal(rows, dim),
        "nuisance": codes(4),
        "number": normal(rows),
        "environment": codes(4),
        "label": codes(10),
        "prediction": normal(rows, 10).requires_grad_(),
        "guess": normal(rows).requires_grad_(),
    }


def _step_milliseconds(term: Term, fields: dict[str, Any], *, calls: int = 5) -> float:
    arguments = term.bind(fields)
    leaves = [value for value in arguments.values() if isinstance(value, Tensor) and value.is_leaf]

    def step() -> None:
        for leaf in leaves:
            leaf.grad = None
        term(**arguments).backward()

    return _least_milliseconds(step, calls=calls)


def _autoencoder_step(rows: int, dim: int, term: Term | None) -> Callable[[], None]:
    model, fit_of = Autoencoder(MLPEncoder(_COMPONENTS, dim)), Reconstruction()
    parameters = [*model.parameters(), *(term.parameters() if term else ())]
    optimiser = torch.optim.AdamW(parameters, fused=True)
    x = torch.randn(rows, _COMPONENTS, generator=torch.Generator().manual_seed(0))

    def step() -> None:
        latents = model(Batch(x))
        loss = fit_of(x, latents.recon) + (term(latents.z) if term else 0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _milliseconds_in_turn(actions: list[Callable[[], None]]) -> list[float]:
    """The least of many calls of each, called in turn, so that what else the machine does meets all alike."""
    for action in actions:
        action()
    times = [[_milliseconds(action) for action in actions] for _ in range(2 * _BLOCKS)]
    return [min(of_one) for of_one in zip(*times, strict=True)]


def _milliseconds(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return 1e3 * (time.perf_counter() - started)


def _least_milliseconds(action: Callable[[], object], *, calls: int, blocks: int = _BLOCKS) -> float:
    """Mean of some calls, the least of several such blocks."""
    action()
    times = []
    for _ in range(blocks):
        started = time.perf_counter()
        for _ in range(calls):
            action()
        times.append((time.perf_counter() - started) / calls)
    return 1e3 * min(times)
