"""The pictures of the terms on prototypes and charts; `pictures.py` draws them with the others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from picture_parts import BLUE, GREY, RED, bare, row_of_panels

from latentatlas.core import Charts
from latentatlas.landscape import DistanceScore, PrototypeBank
from latentatlas.terms import (
    BalancedAssignment,
    ChartSmoothness,
    MutualInformation,
    PrototypeEnergy,
    PrototypeSeparation,
    Sharpening,
    SwappedAssignment,
    UsageBand,
    VirtualAdversary,
    balanced,
)

LIGHT = "#9ecae1"


def prototype_separation() -> Figure:
    """Prototypes of wide basins fall into the mean of the rows; with the term each keeps to a group."""
    rows = torch.tensor([[-4.0, 0.0], [4.0, 0.0], [0.0, 5.0]]).repeat(40, 1) + 0.5 * torch.randn(120, 2)
    figure, panels = row_of_panels(3)
    for panel, margin in zip(panels[:2], (None, 5.0), strict=True):
        bank = PrototypeBank.at(rows[:3], score=DistanceScore(4.0))
        _descend(
            lambda bank=bank, margin=margin: (
                PrototypeEnergy()(rows, bank.energy)
                + (0.0 if margin is None else PrototypeSeparation(margin)(bank.prototypes))
            ),
            list(bank.parameters()),
            rate=0.1,
        )
        panel.scatter(*rows.T, s=6, color=GREY)
        panel.scatter(*bank.prototypes.detach().T, s=70, marker="*", color=RED)
        value = float(PrototypeSeparation(5.0)(bank.prototypes.detach()))
        panel.set_title(f"{'energy alone' if margin is None else 'with separation'}: {value:.2f}")
        bare(panel)
    apart = torch.linspace(0, 8, 200)
    pairs = torch.stack([torch.zeros(200), apart], dim=1)[:, :, None]
    panels[2].plot(apart, [float(PrototypeSeparation(5.0)(pair)) for pair in pairs], color=BLUE)
    panels[2].set(title="value of two, margin 5", xlabel="distance")
    return figure


def usage_band() -> Figure:
    """The value for a share; a prototype far from all rows stays there, or is brought back."""
    figure, panels = row_of_panels(3)
    shares = torch.linspace(0.002, 0.998, 300)
    for low, colour in ((0.5, BLUE), (0.1, LIGHT)):
        values = [float(UsageBand(low, 1.6)(Charts(torch.stack([s, 1 - s])[None]))) for s in shares]
        panels[0].plot(shares, values, color=colour, label=f"low {low:g}, high 1.6")
    panels[0].set(title="two charts", xlabel="share of one", ylabel="value", ylim=(-0.05, 2.5))
    panels[0].legend(frameon=False)
    rows = torch.tensor([[-3.0], [3.0]]).repeat(30, 1) + 0.4 * torch.randn(60, 1)
    for panel, weight in zip(panels[1:], (0.0, 1.0), strict=True):
        bank = PrototypeBank.at(torch.tensor([[0.0], [12.0]]), score=DistanceScore(1.0))
        path = _descend(
            lambda bank=bank, weight=weight: (
                PrototypeEnergy()(rows, bank.energy) + weight * UsageBand()(Charts(bank.weights(rows)))
            ),
            list(bank.parameters()),
            rate=0.1,
        )
        panel.scatter(torch.zeros(60), rows, s=6, color=GREY)
        panel.plot(path[:, :, 0], color=RED)
        panel.set_title("with the band" if weight else "energy alone")
        panel.set_xlabel("step")
    panels[1].set_ylabel("place of rows and prototypes")
    return figure


def sharpening() -> Figure:
    """The target of a membership, and memberships of three groups before and after."""
    figure, panels = row_of_panels(3)
    w = torch.linspace(0, 1, 200)
    for share, colour in ((0.5, BLUE), (0.8, LIGHT)):
        p = w**2 / share / (w**2 / share + (1 - w) ** 2 / (1 - share))
        panels[0].plot(w, p, color=colour, label=f"chart has {share:.0%}")
    panels[0].plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    panels[0].set(title="target of a membership", xlabel="membership", ylabel="target")
    panels[0].legend(frameon=False)
    _two_routers(panels[1:], lambda charts: Sharpening()(charts))
    return figure


def balanced_assignment() -> Figure:
    """Memberships of nine rows that all lean to one chart, their balanced form, and a harder one."""
    weights = (torch.tensor([1.5, 0.0, 0.0]) + torch.randn(9, 3)).softmax(dim=1)
    figure, panels = row_of_panels(4)
    shown = {"memberships": weights} | {f"balanced, ε = {e:g}": balanced(weights, epsilon=e) for e in (1.0, 0.5, 0.1)}
    for panel, (name, values) in zip(panels, shown.items(), strict=True):
        panel.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        panel.set_title(name)
        panel.set_xlabel("sums " + " ".join(f"{float(s):.1f}" for s in values.sum(dim=0)))
        bare(panel)
    value = float(BalancedAssignment()(Charts(weights)))
    panels[0].set_ylabel(f"nine rows; value {value:.2f}")
    return figure


def swapped_assignment() -> Figure:
    """Rows and their second views from a random router, and after descent: views agree and charts are even."""
    rows = 3 * torch.eye(3)[torch.arange(90) % 3][:, :2] + 0.35 * torch.randn(90, 2)
    view = rows + 0.35 * torch.randn(90, 2)
    linear = torch.nn.Linear(2, 3)

    def route(x: torch.Tensor) -> torch.Tensor:
        return linear(x).softmax(dim=1)

    def loss() -> torch.Tensor:
        return SwappedAssignment()(Charts(route(rows)), view, route)

    figure, panels = row_of_panels(2)
    for number, panel in enumerate(panels):
        if number:
            _descend(loss, list(linear.parameters()))
        with torch.no_grad():
            chart, other, value = route(rows).argmax(dim=1), route(view).argmax(dim=1), float(loss())
        panel.plot(*torch.stack([rows.T, view.T], dim=1), color="#d5d8dc", linewidth=0.7, zorder=1)
        panel.scatter(*rows.T, s=12, c=chart, cmap="viridis", vmin=0, vmax=2)
        panel.scatter(*view.T, s=12, c=other, cmap="viridis", vmin=0, vmax=2, marker="s")
        agree, counts = float((chart == other).float().mean()), chart.bincount(minlength=3).tolist()
        panel.set_title(f"value {value:.2f}, views agree {agree:.0%}, charts {counts}")
        bare(panel)
    return figure


def mutual_information() -> Figure:
    """Three routers of one value of H(w̄) or of mean H(w), and only one that tells rows apart."""
    side = torch.linspace(-1, 1, 60)[:, None]
    figure, panels = row_of_panels(3)
    cases = {"all undecided": 0.0 * side, "all in one": 8 + 0.0 * side, "a cut": 12 * side}
    for panel, (name, logit) in zip(panels, cases.items(), strict=True):
        weights = torch.cat([torch.sigmoid(logit), torch.sigmoid(-logit)], dim=1)
        panel.plot(side, weights[:, 0], color=BLUE)
        panel.plot(side, weights[:, 1], color=LIGHT)
        panel.set(title=f"{name}: {float(MutualInformation()(Charts(weights))):.2f}", ylim=(-0.05, 1.05), xlabel="row")
    panels[0].set_ylabel("membership")
    return figure


def chart_smoothness() -> Figure:
    """A border through a large group stays there on information alone, and moves to the gap with the term."""
    large = -2 + 0.5 * torch.randn(300, 1)
    rows = torch.cat([large, 2 + 0.3 * torch.randn(100, 1)])
    figure, panels = row_of_panels(3, sharex=True)
    line = torch.linspace(-4, 3.5, 400)[:, None]
    cases = {"start": None, "information alone": 0.0, "with it": 0.5}
    smooth = ChartSmoothness(VirtualAdversary(1.0))
    for panel, (name, weight) in zip(panels, cases.items(), strict=True):
        border = torch.tensor([20.0, -34.0], requires_grad=True)

        def route(x: torch.Tensor, border: torch.Tensor = border) -> torch.Tensor:
            side = border[0] * x[:, 0] - border[1]
            return torch.stack([torch.sigmoid(-side), torch.sigmoid(side)], dim=1)

        def loss(route: Callable = route, weight: float | None = weight) -> torch.Tensor:
            charts = Charts(route(rows))
            return MutualInformation()(charts) + (weight or 0.0) * smooth(charts, rows, route)

        if weight is not None:
            _descend(loss, [border], rate=0.1)
        panel.hist(rows[:, 0], bins=50, color=GREY, density=True)
        panel.plot(line, route(line).detach()[:, 1], color=RED)
        panel.set_title(f"{name}: {float(smooth(Charts(route(rows)), rows, route).detach()):.2f}")
        panel.set_yticks([])
    return figure


def _two_routers(panels: list[Axes], loss: Callable[[Charts], torch.Tensor]) -> None:
    """Memberships in three prototypes near three groups, before and after descent of the places of the rows."""
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [1.5, 2.6]])
    rows = (corners.repeat(40, 1) + 0.7 * torch.randn(120, 2)).requires_grad_()
    bank = PrototypeBank.at(corners, score=DistanceScore(1.2))
    for number, panel in enumerate(panels):
        if number:
            _descend(lambda: loss(Charts(bank.weights(rows))), [rows], steps=60)
        weights = bank.weights(rows).detach()
        panel.scatter(*rows.detach().T, s=12, c=weights.numpy() * 0.85)
        panel.scatter(*bank.prototypes.detach().T, s=60, marker="*", color=RED)
        panel.set_title(f"{'after 60 steps' if number else 'start'}: {float(loss(Charts(weights))):.2f}")
        bare(panel)


def _descend(
    loss: Callable[[], torch.Tensor], parameters: list[torch.Tensor], *, rate: float = 0.05, steps: int = 300
) -> torch.Tensor:
    """Gradient steps; returns the places of the first parameter on the way."""
    optimiser, path = torch.optim.Adam(parameters, lr=rate), []
    for _ in range(steps):
        path.append(parameters[0].detach().clone())
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    return torch.stack(path)
