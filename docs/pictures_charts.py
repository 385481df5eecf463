"""The pictures of the terms on charts; `pictures.py` draws them with the others."""

from __future__ import annotations

import math

import torch
from matplotlib.figure import Figure
from picture_parts import BLUE, GREY, RED, bare, join, row_of_panels

from latentatlas.core import Batch, Charts, Constant
from latentatlas.models import AtlasAutoencoder, FactorizedJumps, charted_autoencoder
from latentatlas.terms import (
    ChartAnchor,
    ChartCovariance,
    ChartInvariance,
    ChartReconstruction,
    ChartVariance,
    Commitment,
    DetailBudget,
    JumpConsistency,
    LipschitzBound,
    MembershipAnchor,
    Objective,
    Orthogonality,
    OverlapBand,
    RoutingConsistency,
    RoutingEntropy,
    TextureBudget,
    UsageBand,
)
from latentatlas.train import Recipe, RowBatches, fit

LIGHT = "#9ecae1"
COLOURS = (BLUE, RED, "#2a9d8f", "#e9a23b")


def chart_reconstruction() -> Figure:
    """A circle has two axes around it and one along it: one chart of one axis tears it, two cover it."""
    figure, panels = row_of_panels(3)
    share = torch.linspace(0, 1, 101)
    decoded = torch.tensor([[[1.0], [-1.0]]])
    both = [Charts(torch.stack([w, 1 - w])[None], decoded=decoded) for w in share]
    zero = torch.zeros(1, 1)
    panels[0].plot(share, [float(ChartReconstruction()(zero, c)) for c in both], color=BLUE, label="the term")
    panels[0].plot(share, (2 * share - 1).square(), color=GREY, linestyle=":", label="error of the blend")
    panels[0].set(title="x = 0, charts decode ±1", xlabel="membership of one", ylim=(-0.05, 1.3))
    panels[0].legend(frameon=False)
    angle = 2 * math.pi * torch.arange(600) / 600
    x = torch.stack([angle.cos(), angle.sin()], dim=1)
    for panel, charts, width in zip(panels[1:], (1, 2), (28, 26), strict=True):
        model = _fitted(x, charts, width)
        with torch.no_grad():
            latents = model(Batch(x))
        panel.scatter(*x.T, s=8, color=GREY, alpha=0.3)
        chosen = latents.charts.weights.argmax(dim=1)
        for k in range(charts):
            panel.scatter(*latents.recon[chosen == k].T, s=1, color=COLOURS[k])
        value = float(ChartReconstruction()(x, latents.charts))
        weights = sum(parameter.numel() for parameter in model.parameters())
        panel.set_title(f"{charts} chart{'s' * (charts > 1)}, {weights:,} weights: {value:.4f}")
        panel.set_aspect("equal")
        bare(panel)
    return figure


def routing_entropy() -> Figure:
    """Two charts: 0 decided, log 2 undecided; a soft router before and after descent."""
    figure, panels = row_of_panels(2)
    share = torch.linspace(0, 1, 201)
    values = [float(RoutingEntropy()(Charts(torch.stack([w, 1 - w])[None]))) for w in share]
    panels[0].plot(share, values, color=BLUE)
    panels[0].axhline(math.log(2), color=GREY, linestyle=":", linewidth=1)
    panels[0].text(0, math.log(2), "log 2", va="bottom")
    panels[0].set(title="value of a row, two charts", xlabel="membership of one", ylim=(-0.02, 0.8))
    _routers(panels[1], RoutingEntropy(), steps=(0, 40, 200))
    return figure


def overlap_band() -> Figure:
    """The value at the border, and a sharp router softened to the band."""
    figure, panels = row_of_panels(2)
    second = torch.linspace(0, 0.5, 201)
    for high, colour in ((0.5, BLUE), (0.3, LIGHT)):
        values = [float(OverlapBand(0.1, high, share=1.0)(Charts(torch.stack([1 - w, w])[None]))) for w in second]
        panels[0].plot(second, values, color=colour, label=f"0.1 to {high:g}")
    panels[0].set(title="value of a border row", xlabel="second membership")
    panels[0].legend(frameon=False)
    _routers(panels[1], OverlapBand(0.3, share=0.2), steps=(0, 40, 400), slope=40.0)
    return figure


def routing_consistency() -> Figure:
    """KL to memberships that a decoder reads, least where the two agree."""
    figure, panels = row_of_panels(2)
    read = torch.linspace(0.002, 0.998, 300)
    for own, colour in ((0.5, BLUE), (0.8, LIGHT), (1.0, RED)):
        pair = torch.tensor([[own, 1 - own]])
        values = [
            float(RoutingConsistency()(Charts(pair, decoder_weights=torch.stack([w, 1 - w])[None]))) for w in read
        ]
        panels[0].plot(read, values, color=colour, label=f"encoder {own:g}")
        panels[0].plot([own], [0], "o", color=colour, markersize=4)
    panels[0].set(title="value of a row", xlabel="what the decoder reads", ylim=(-0.1, 3))
    panels[0].legend(frameon=False)
    line = torch.linspace(-3, 3, 200)[:, None]
    own = torch.sigmoid(4 * (line - 1))
    weights = torch.cat([own, 1 - own], dim=1)
    router = torch.nn.Linear(1, 2)
    optimiser = torch.optim.Adam(router.parameters(), lr=0.1)
    panels[1].plot(line, own, color=GREY, linewidth=5, alpha=0.4, label="encoder")
    for step in range(401):
        found = router(line).softmax(dim=1)
        if step in (0, 30, 400):
            panels[1].plot(line, found[:, 0].detach(), color=BLUE, alpha=0.3 + 0.7 * step / 400, label=f"step {step}")
        optimiser.zero_grad()
        RoutingConsistency()(Charts(weights, decoder_weights=found)).backward()
        optimiser.step()
    panels[1].set(title="the decoder's router learns", xlabel="place in the frame", ylabel="membership")
    panels[1].legend(frameon=False)
    return figure


def chart_variance() -> Figure:
    """Two charts that are points while the blend spreads: the term sees it."""
    figure, panels = row_of_panels(3)
    spread = torch.linspace(0, 2, 100)
    unit = _standard(torch.randn(200, 1))
    values = [float(ChartVariance()(Charts(torch.ones(200, 1), local=s * unit[:, None]))) for s in spread]
    panels[0].plot(spread, values, color=BLUE)
    panels[0].set(title="value, target 1", xlabel="standard deviation")
    _descended_pair(panels[1:], ChartVariance())
    return figure


def chart_covariance() -> Figure:
    """Axes of correlation ρ in a chart: the value is ρ²; another chart without correlation halves it."""
    figure, panels = row_of_panels(3)
    rows = _standard(torch.randn(1000, 2))
    for panel, rho in zip(panels, (0.0, 0.9), strict=False):
        z = _correlated(rows, rho)
        panel.scatter(*z[:400].T, s=3, color=BLUE)
        value = float(ChartCovariance()(Charts(torch.ones(1000, 1), local=z[:, None])))
        panel.set(title=f"one chart, ρ = {rho:g}: {value:.2f}", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
        panel.set_aspect("equal")
        bare(panel)
    grid = torch.linspace(-1, 1, 21)
    for name, other, colour in (("one chart", 0, BLUE), ("and one with ρ = 0", 1, LIGHT)):
        values = []
        for rho in grid:
            local = torch.stack([_correlated(rows, float(rho)), *[rows] * other], dim=1)
            even = torch.full((1000, 1 + other), 1 / (1 + other))
            values.append(float(ChartCovariance()(Charts(even, local=local))))
        panels[2].plot(grid, values, "o-", markersize=3, color=colour, label=name)
    panels[2].set(title="value", xlabel="ρ")
    panels[2].legend(frameon=False)
    return figure


def chart_invariance() -> Figure:
    """Coordinates of rows and of their views, joined; the value by hand is the mean square of the joins."""
    figure, panels = row_of_panels(2, sharex=True, sharey=True)
    z = torch.randn(40, 2)
    for panel, noise in zip(panels, (0.6, 0.15), strict=True):
        other = z + noise * torch.randn(40, 2)
        seen = Charts(torch.ones(40, 1), local=other[:, None])
        value = float(ChartInvariance()(Charts(torch.ones(40, 1), local=z[:, None]), z, lambda view, seen=seen: seen))
        join(panel, z, other, colour=GREY)
        panel.scatter(*z.T, s=10, color=BLUE, label="row")
        panel.scatter(*other.T, s=10, color=RED, label="view")
        panel.set_title(f"views {noise:g} away on each axis: {value:.3f}")
        bare(panel)
    panels[0].legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncol=2)
    return figure


def orthogonality() -> Figure:
    """A unit circle under a map: an ellipse at first, turned but not stretched after descent."""
    figure, panels = row_of_panels(3)
    stretch = torch.linspace(0, 1.6, 100)
    panels[0].plot(stretch, [float(Orthogonality()(lambda s=s: [s.reshape(1, 1)])) for s in stretch], color=BLUE)
    panels[0].set(title="value of a factor s: (s² − 1)²", xlabel="s")
    _image_of_circle(panels[1:], Orthogonality())
    return figure


def lipschitz_bound() -> Figure:
    """The same circle: only what is longer than the bound is shortened."""
    figure, panels = row_of_panels(3)
    stretch = torch.linspace(0, 3, 100)
    panels[0].plot(stretch, [float(LipschitzBound()(lambda s=s: [s.reshape(1, 1)])) for s in stretch], color=BLUE)
    panels[0].set(title="value of a factor s, bound 1", xlabel="s")
    _image_of_circle(panels[1:], LipschitzBound())
    return figure


def commitment() -> Figure:
    """Rows of three groups drawn to the nearest of three codes."""
    figure, panels = row_of_panels(2, sharex=True, sharey=True)
    codes = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.5]])
    rows = codes.repeat(40, 1) + 0.7 * torch.randn(120, 2)
    z = rows.clone().requires_grad_()
    nearest = codes[torch.cdist(rows, codes).argmin(dim=1)]
    optimiser = torch.optim.SGD([z], lr=40.0)

    def value() -> torch.Tensor:
        return Commitment()(Charts(torch.ones(120, 1), local=z[:, None], quantised=nearest[:, None]))

    for panel, steps in zip(panels, (0, 2), strict=True):
        for _ in range(steps):
            optimiser.zero_grad()
            value().backward()
            optimiser.step()
        join(panel, z.detach(), nearest, colour=LIGHT)
        panel.scatter(*z.detach().T, s=6, color=BLUE)
        panel.scatter(*codes.T, s=70, marker="*", color=RED, zorder=3)
        panel.set_title(f"{'after steps' if steps else 'before'}: {float(value().detach()):.3f}")
        bare(panel)
    return figure


def detail_budget() -> Figure:
    """Free within the budget, then the mean square beyond it."""
    figure, panels = row_of_panels(2)
    size = torch.linspace(0, 1.5, 200)
    for budget, colour in ((0.1, BLUE), (0.5, LIGHT)):
        values = [float(DetailBudget(budget)(Charts(torch.ones(1, 1), detail=s.reshape(1, 1, 1)))) for s in size]
        panels[0].plot(size, values, color=colour, label=f"budget {budget:g}")
        panels[0].plot([math.sqrt(budget)], [0], "o", color=colour, markersize=4)
    panels[0].set(title="value", xlabel="root mean square of the detail")
    panels[0].legend(frameon=False)
    z = (1.2 * torch.randn(300, 2)).requires_grad_()
    optimiser = torch.optim.SGD([z], lr=5.0)
    for step in range(301):
        value = DetailBudget(0.5)(Charts(torch.ones(300, 1), detail=z[:, None]))
        if step in (0, 300):
            panels[1].scatter(*z.detach().T, s=4, color=BLUE if step else LIGHT, label=f"{float(value):.2f}")
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    panels[1].set_title("before and after descent, budget 0.5")
    panels[1].legend(frameon=False)
    panels[1].set_aspect("equal")
    bare(panels[1])
    return figure


def texture_budget() -> Figure:
    """KL to N(0, 1) against spread and against shift; both have a closed form."""
    figure, panels = row_of_panels(2)
    unit = _standard(torch.randn(500, 1))[:, None]

    def value(texture: torch.Tensor) -> float:
        return float(TextureBudget()(Charts(torch.ones(500, 1), texture=texture)))

    spread = torch.linspace(0.1, 2.5, 60)
    panels[0].plot(spread, (spread.square() - 1) / 2 - spread.log(), color=GREY, linewidth=5, alpha=0.4)
    panels[0].plot(spread, [value(s * unit) for s in spread], color=BLUE)
    panels[0].set(title="½ (s² − 1) − log s", xlabel="standard deviation s")
    shift = torch.linspace(-2, 2, 60)
    panels[1].plot(shift, shift.square() / 2, color=GREY, linewidth=5, alpha=0.4, label="by hand")
    panels[1].plot(shift, [value(unit + m) for m in shift], color=BLUE, label="the term")
    panels[1].set(title="½ m²", xlabel="mean m")
    panels[1].legend(frameon=False)
    return figure


def jump_consistency() -> Figure:
    """Two charts of one plane, the second turned and mirrored: jumps before and after learning."""
    figure, panels = row_of_panels(3)
    plane = 1.2 * torch.rand(60, 2) - 0.6
    turned = plane @ torch.tensor([[0.5, 1.0], [1.0, -0.5]]) + 0.6
    charts = Charts(torch.full((60, 2), 0.5), local=torch.stack([plane, turned], dim=1))
    jumps, values = FactorizedJumps(2, 2), []
    optimiser = torch.optim.Adam(jumps.parameters(), lr=0.03)
    for step in range(201):
        value = JumpConsistency()(charts, jumps)
        values.append(float(value.detach()))
        if step in (0, 200):
            panel = panels[0 if step == 0 else 1]
            reached = jumps(charts.local)[:, 0, 1].detach()
            join(panel, reached, turned, colour=GREY)
            panel.scatter(*turned.T, s=14, color=RED, label="second chart")
            panel.scatter(*reached.T, s=5, color=BLUE, label="reached from the first")
            panel.set_title(f"step {step}: {values[-1]:.3f}")
            bare(panel)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    panels[0].legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.02), fontsize=7)
    panels[2].semilogy(values, color=BLUE)
    panels[2].axhline(0.5, color=GREY, linestyle=":", linewidth=1)
    panels[2].text(200, 0.5, "the mean alone: ½", va="bottom", ha="right")
    panels[2].set(title="value", xlabel="step")
    return figure


def _fitted(x: torch.Tensor, charts: int, width: int) -> AtlasAutoencoder:
    torch.manual_seed(0)
    model = charted_autoencoder(x.shape[1], 1, charts=charts, width=width, frame=2)
    model.adapt(x)
    objective = Objective({"charts": ChartReconstruction(), "use": (UsageBand(), Constant(0.02))})
    fit(model, objective, RowBatches(Batch(x=x), size=128), Recipe(400, rate=5e-3, log_every=400))
    return model


def membership_anchor() -> Figure:
    """KL from the memberships held, and a router that a penalty on entropy sharpens, held and free."""
    figure, panels = row_of_panels(2)
    now = torch.linspace(0.002, 0.998, 300)
    for held, colour in ((0.5, BLUE), (0.8, LIGHT), (1.0, RED)):
        term = MembershipAnchor(1, 2)
        term.hold(torch.tensor([0]), torch.tensor([[held, 1 - held]]))
        values = [float(term(Charts(torch.stack([w, 1 - w])[None]), torch.tensor([0]))) for w in now]
        panels[0].plot(now, values, color=colour, label=f"held at {held:g}")
        panels[0].plot([held], [0], "o", color=colour, markersize=4)
    panels[0].set(title="value of a row, two charts", xlabel="membership now", ylim=(-0.1, 3))
    panels[0].legend(frameon=False)
    line, rows = torch.linspace(-1, 1, 200)[:, None], torch.arange(200)
    start = torch.sigmoid(4 * line)
    term = MembershipAnchor(200, 2)
    term.hold(rows, torch.cat([start, 1 - start], dim=1))
    panels[1].plot(line, start, color=GREY, linewidth=5, alpha=0.4, label="at first")
    for weight, colour, name in ((0.0, RED, "free"), (1.0, BLUE, "held, weight 1")):
        slope = torch.tensor(4.0, requires_grad=True)
        optimiser = torch.optim.Adam([slope], lr=0.2)
        for _ in range(200):
            optimiser.zero_grad()
            one = torch.sigmoid(slope * line)
            charts = Charts(torch.cat([one, 1 - one], dim=1))
            (RoutingEntropy()(charts) + weight * term(charts, rows)).backward()
            optimiser.step()
        panels[1].plot(line, torch.sigmoid(slope.detach() * line), color=colour, label=name)
    panels[1].set(title="a router after a penalty on entropy", xlabel="x", ylabel="membership of one chart")
    panels[1].legend(frameon=False)
    return figure


def chart_anchor() -> Figure:
    """The square of a displacement, and a line whose ends are drawn together, held and free."""
    figure, panels = row_of_panels(2)
    moved = torch.linspace(-2, 2, 101)
    term = ChartAnchor(1, 1, 1)
    term.hold(torch.tensor([0]), torch.zeros(1, 1, 1), inside=torch.tensor([[True]]))
    values = [float(term(Charts(torch.ones(1, 1), local=z.reshape(1, 1, 1)), torch.tensor([0]))) for z in moved]
    panels[0].plot(moved, values, color=BLUE)
    panels[0].set(title="value of a row, a chart of one axis", xlabel="displacement")
    line, rows = torch.linspace(-1, 1, 41), torch.arange(41)
    term = ChartAnchor(41, 1, 1)
    term.hold(rows, line[:, None, None], inside=torch.ones(41, 1, dtype=torch.bool))
    panels[1].plot(rows, line, color=GREY, linewidth=5, alpha=0.4, label="at first")
    for weight, colour, name in ((0.0, RED, "free"), (5.0, BLUE, "held, weight 5")):
        z = line.clone().requires_grad_()
        optimiser = torch.optim.Adam([z], lr=0.02)
        for _ in range(300):
            optimiser.zero_grad()
            drawn = (z - z.flip(0)).square().mean() + 100 * (z.diff().abs() - 0.05).square().mean()
            held = term(Charts(torch.ones(41, 1), local=z[:, None, None]), rows)
            (drawn + weight * held).backward()
            optimiser.step()
        panels[1].plot(rows, z.detach(), color=colour, label=name)
    panels[1].set(title="ends drawn together", xlabel="row, along the line", ylabel="coordinate in the chart")
    panels[1].legend(frameon=False)
    return figure


def _routers(panel, term, *, steps: tuple[int, ...], slope: float = 2.0) -> None:
    """A router of a line with two charts during descent."""
    line = torch.linspace(-1, 1, 200)[:, None]
    router = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(router.weight, slope)
    optimiser = torch.optim.Adam(router.parameters(), lr=0.1)
    for step in range(max(steps) + 1):
        one = torch.sigmoid(router(line))
        charts = Charts(torch.cat([one, 1 - one], dim=1))
        value = term(charts)
        if step in steps:
            shade = 0.3 + 0.7 * step / max(steps)
            panel.plot(line, one.detach(), color=BLUE, alpha=shade, label=f"step {step}: {float(value.detach()):.2f}")
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    panel.set(title="a router during descent", xlabel="x", ylabel="membership of one chart")
    panel.legend(frameon=False)


def _descended_pair(panels, term: ChartVariance) -> None:
    """Two charts whose rows lie on a point each, before and after descent."""
    group = torch.arange(120) % 2
    weights = torch.eye(2)[group]
    z = (0.05 * torch.randn(120, 2, 2)).requires_grad_()
    optimiser = torch.optim.SGD([z], lr=20.0)
    for step in range(41):
        value = term(Charts(weights, local=z))
        if step in (0, 40):
            panel = panels[0 if step == 0 else 1]
            for k in range(2):
                own = z.detach()[group == k, k]
                panel.scatter(*(own + torch.tensor([5.0 * k, 0.0])).T, s=5, color=COLOURS[k], label=f"chart {k}")
            panel.set(title=f"{'after descent' if step else 'before'}: {float(value.detach()):.2f}", xlim=(-3.5, 8.5))
            panel.set_ylim(-3.5, 3.5)
            bare(panel)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    panels[0].legend(frameon=False, loc="upper left")


def _image_of_circle(panels, term: Orthogonality | LipschitzBound) -> None:
    angle = torch.linspace(0, 2 * math.pi, 200)
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    weight = torch.tensor([[1.6, 0.4], [0.3, 0.6]], requires_grad=True)
    optimiser = torch.optim.SGD([weight], lr=0.02)
    for step in range(301):
        value = term(lambda: [weight])
        if step in (0, 300):
            panel = panels[0 if step == 0 else 1]
            panel.plot(*circle.T, color=GREY, linestyle=":")
            panel.plot(*(circle @ weight.detach().T).T, color=BLUE)
            stretches = ", ".join(f"{s:.2f}" for s in torch.linalg.svdvals(weight.detach()))
            name = "after descent" if step else "before"
            panel.set_title(f"{name}: {float(value.detach()):.2f}\nstretches {stretches}")
            panel.set(xlim=(-2, 2), ylim=(-1.5, 1.5))
            panel.set_aspect("equal")
            bare(panel)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()


def _standard(rows: torch.Tensor) -> torch.Tensor:
    """Rows with exactly unit covariance."""
    rows = rows - rows.mean(dim=0)
    return rows @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(rows.T).reshape(rows.shape[1], -1))).T


def _correlated(rows: torch.Tensor, rho: float) -> torch.Tensor:
    return torch.stack([rows[:, 0], rho * rows[:, 0] + math.sqrt(1 - rho**2) * rows[:, 1]], dim=1)
