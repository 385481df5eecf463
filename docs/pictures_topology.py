"""The pictures of the terms on neighbours and distances; `pictures.py` draws them with the others."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from matplotlib.figure import Figure
from picture_parts import BLUE, GREY, RED, bare, join, row_of_panels, solid

from latentatlas.core import Edges
from latentatlas.graph import knn_graph, spanning_tree_of_points
from latentatlas.terms import (
    FixedScale,
    LandmarkGeodesics,
    LinearExpansion,
    LocalDistance,
    NeighborContrast,
    NeighborReconstruction,
    QuadraticExpansion,
    RTDLite,
    Signature,
    Stress,
    Triplet,
)


def neighbor_contrast() -> Figure:
    """A ring of 48 rows, each joined to the next, from a random start: the ring comes back."""
    n, source = 48, torch.arange(48)
    target = (source + 1) % n
    known = torch.eye(n, dtype=torch.bool)
    known[source, target] = known[target, source] = True
    edges, term = Edges(source, target, known), NeighborContrast(negatives=8.0)
    z = (0.02 * torch.randn(n, 2)).requires_grad_()
    start, values = z.detach().clone(), []
    optimiser = torch.optim.Adam([z], lr=0.1)
    for _ in range(1500):
        loss = term(z, edges)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(float(loss.detach()))
    figure, panels = row_of_panels(3)
    for panel, rows, title in ((panels[0], start, "random start"), (panels[1], z.detach(), "after 1,500 steps")):
        join(panel, rows, rows[target], colour=GREY)
        panel.scatter(*rows.T, s=14, c=source, cmap="twilight")
        panel.set_title(title)
        panel.set_aspect("equal", adjustable="datalim")
        bare(panel)
    panels[2].axhline(math.log(9), color=GREY, linestyle=":", linewidth=1)
    panels[2].text(1500, math.log(9), "log(1 + m): all rows in one place ", ha="right", va="bottom")
    panels[2].plot(values, color=BLUE)
    panels[2].set(xlabel="step", title="value", ylim=(0, 2.6))
    return figure


def triplet() -> Figure:
    """Value of one edge against the place of a stranger, and two pairs that start mixed."""
    figure, panels = row_of_panels(3)
    known = torch.eye(3, dtype=torch.bool)
    known[0, 1] = known[1, 0] = True
    edge = Edges(torch.tensor([0]), torch.tensor([1]), known)
    places = torch.linspace(-5, 6, 221)
    values = [float(Triplet(1.0)(torch.tensor([[0.0], [1.0], [float(place)]]), edge)) for place in places]
    panels[0].plot(places, values, color=BLUE)
    panels[0].scatter([0, 1], [0, 0], s=20, color=RED, zorder=3)
    panels[0].set(title="neighbours at 0 and 1, margin 1", xlabel="place of the stranger", ylabel="value")
    n, source = 24, torch.arange(24)
    group = source // 12
    target = 12 * group + (source + 1) % 12
    edges = Edges(source, target, group[:, None] == group[None, :])
    start = torch.randn(n, 2)
    stop = _descended(lambda z: Triplet(1.0)(z, edges), start)
    for panel, z, title in ((panels[1], start, "start"), (panels[2], stop, "after 500 steps")):
        panel.scatter(*z.T, s=14, c=group, cmap="coolwarm")
        panel.set_title(f"{title}: {float(Triplet(1.0)(z, edges)):.2f}")
        panel.set_aspect("equal", adjustable="datalim")
        bare(panel)
    return figure


def local_distance() -> Figure:
    """A strip, rolled up in the data: from a squeezed start the distances to neighbours make it flat and even."""
    along, across = torch.meshgrid(torch.arange(24.0), torch.arange(5.0), indexing="ij")
    flat = torch.stack([along.ravel(), across.ravel()], dim=1)
    turn = flat[:, 0] / 4
    rolled = torch.stack([4 * turn.cos(), 4 * turn.sin(), flat[:, 1]], dim=1)
    apart = torch.cdist(flat, flat)
    source, target = torch.nonzero(torch.triu((apart > 0) & (apart < 2.3)), as_tuple=True)
    edges, term = Edges(source, target), LocalDistance()
    start = flat * torch.tensor([0.6, 1.0]) + 0.2 * torch.randn(len(flat), 2)
    stop = _descended(lambda z: term(z, rolled, edges), start, rate=0.05, steps=1500)
    figure = Figure(figsize=(7.6, 2.5), layout="constrained")
    solid(figure, 1, rolled.numpy(), flat[:, 0].numpy(), "viridis", shape=(1, 3), size=8).set_title("data, rolled up")
    for place, z, title in ((2, start, "start"), (3, stop, "after 1,500 steps")):
        panel = figure.add_subplot(1, 3, place)
        join(panel, z[source], z[target], colour="#d5d8dc")
        panel.scatter(*z.T, s=8, c=flat[:, 0], cmap="viridis")
        panel.set_title(f"{title}: {float(term(z, rolled, edges)):.3f}")
        panel.set_aspect("equal", adjustable="datalim")
        bare(panel)
    return figure


def stress() -> Figure:
    """Three quarters of a circle: straight distances keep the bend, distances along the data straighten it."""
    angle = torch.linspace(0, 1.5 * math.pi, 60)
    arc = torch.stack([angle.cos(), angle.sin()], dim=1)
    arc = arc + 0.04 * torch.randn(60, 2)
    row = torch.arange(60)
    along = LandmarkGeodesics(60, 16).fit(arc.numpy(), knn_graph(arc.numpy(), 4))
    start = 0.1 * torch.randn(60, 2)
    figure, panels = row_of_panels(4)
    shown = {"data": (None, arc)}
    for name, term in {
        "plain": Stress(),
        "Sammon": Stress(1.0),
        "geodesic": Stress(geodesics=along),
    }.items():
        shown[name] = (term, _descended(lambda z, term=term: term(z, arc, row), start, rate=0.02, steps=800))
    for panel, (name, (term, z)) in zip(panels, shown.items(), strict=True):
        panel.scatter(*z.T, s=10, c=row, cmap="viridis")
        panel.set_title(name if term is None else f"{name}: {float(term(z, arc, row)):.3f}")
        panel.set_aspect("equal", adjustable="datalim")
        bare(panel)
    return figure


def signature() -> Figure:
    """Three clusters, squeezed: the lengths of the tree become those of the data, and with them the gaps."""
    x, group = _three_clusters()
    start = x * torch.tensor([0.4, 1.0]) + 0.2 * torch.randn(60, 2)
    term = Signature(scale=FixedScale())
    stop = _descended(lambda z: term(z, x), start, rate=0.02, steps=1500)
    return _trees({"data": x, "start": start, "after 1,500 steps": stop}, group, lambda z: term(z, x))


def rtd_lite() -> Figure:
    """The same three clusters with their rows exchanged: the trees are alike, and yet the value is far from 0."""
    x, group = _three_clusters()
    exchanged, term = x[torch.randperm(60)], RTDLite()
    assert math.isclose(_tree_length(x), _tree_length(exchanged), rel_tol=1e-4)
    start = x * torch.tensor([0.4, 1.0]) + 0.2 * torch.randn(60, 2)
    stop = _descended(lambda z: term(z, x), start, rate=0.02, steps=1500)
    shown = {"rows exchanged": exchanged, "squeezed": start, "after 1,500 steps": stop}
    return _trees(shown, group, lambda z: term(z, x))


def neighbor_reconstruction() -> Figure:
    """A parabola decoded exactly: the tangent at a row misses its neighbour, the quadratic expansion does not."""
    line = torch.linspace(-1, 1, 9)[:, None]

    def decode(z: torch.Tensor) -> torch.Tensor:
        return torch.cat([z, z.square()], dim=1)

    def wavy(z: torch.Tensor) -> torch.Tensor:
        return torch.cat([z, z.square() + 0.25 * (4 * math.pi * z).sin()], dim=1)

    edges = Edges(torch.arange(8), torch.arange(1, 9))
    x, fine = decode(line), torch.linspace(-1.1, 1.1, 300)[:, None]
    figure, panels = row_of_panels(3)
    cases = (
        ("tangents", decode, LinearExpansion()),
        ("folded decoder, tangents", wavy, LinearExpansion()),
        ("quadratic", decode, QuadraticExpansion()),
    )
    for panel, (name, g, expansion) in zip(panels, cases, strict=True):
        panel.plot(*g(fine).T, color=GREY, linewidth=1)
        for z in line:
            reach = z[None] + torch.linspace(-0.25, 0.25, 21)[:, None]
            near = expansion(g, z.repeat(21, 1), reach - z[None])
            panel.plot(*near.T, color=BLUE, linewidth=1)
        panel.scatter(*x.T, s=14, color=RED, zorder=3)
        value = float(NeighborReconstruction(expansion)(line, x, edges, g))
        panel.set(title=f"{name}: {value:.3f}", ylim=(-0.45, 1.5))
        bare(panel)
    return figure


def _descended(
    loss: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, *, rate: float = 0.05, steps: int = 500
) -> torch.Tensor:
    """Where gradient steps of the loss lead from a start."""
    z = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([z], lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(z).backward()
        optimiser.step()
    return z.detach()


def _three_clusters() -> tuple[torch.Tensor, torch.Tensor]:
    group = torch.arange(60) % 3
    return torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])[group] + 0.4 * torch.randn(60, 2), group


def _tree_length(z: torch.Tensor) -> float:
    return float(spanning_tree_of_points(z.numpy()).lengths.sum())


def _trees(shown: dict[str, torch.Tensor], group: torch.Tensor, loss: Callable[[torch.Tensor], torch.Tensor]) -> Figure:
    """Clouds with their minimum spanning trees, each with its value."""
    figure, panels = row_of_panels(3)
    for panel, (name, z) in zip(panels, shown.items(), strict=True):
        for first, second in spanning_tree_of_points(z.numpy()).edges:
            panel.plot(*z[[first, second]].T, color=GREY, linewidth=0.7, zorder=1)
        panel.scatter(*z.T, s=12, c=group, cmap="viridis")
        panel.set_title(f"{name}: {float(loss(z)):.3f}")
        panel.set_aspect("equal", adjustable="datalim")
        bare(panel)
    return figure
