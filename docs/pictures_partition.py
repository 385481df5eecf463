"""The pictures of the terms that cut the latent into blocks, each on a case whose answer is known."""

from __future__ import annotations

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from picture_parts import BLUE, GREY, RED, bare, row_of_panels
from torch.nn.functional import normalize

from latentatlas.core import Geometric, LatentLayout
from latentatlas.terms import (
    HSIC,
    BetweenBlocks,
    BlockAllocation,
    Concatenation,
    Difference,
    HardestNegative,
    LogForm,
    MeanNegative,
    ModalityContrast,
    NTXent,
    Pairing,
    RatioForm,
    ReadableTransformation,
    SoftNegative,
    VICReg,
)

_GREEN = "#5a9e6f"


def partition() -> Figure:
    """The value by p, the push on variant by p, and what each kind of negatives makes of 40 rows on a circle."""
    figure, panels = row_of_panels(3)
    p, one = torch.linspace(0, 1, 101), torch.ones(101)
    for form, colour, name in ((LogForm(), BLUE, "log"), (RatioForm(), RED, "ratio")):
        panels[0].plot(p, form(p, 2 * one, one), color=colour, label=name)
        q = torch.ones(101, requires_grad=True)
        (push,) = torch.autograd.grad(form(p, 1 + q, one).sum(), q)
        panels[1].plot(p, -push, color=colour)
    panels[0].set(title="value (q = 1, n = 1)", xlabel="p: invariant blocks apart")
    panels[0].legend(frameon=False)
    panels[1].axhline(0.5, color=GREY, linestyle=":", linewidth=1)
    panels[1].text(1, 0.47, "β / (1 + βq)", ha="right", va="top")
    panels[1].set(title="push that moves variant apart", xlabel="p: invariant blocks apart", ylim=(0, None))
    kinds = ((MeanNegative(), BLUE), (SoftNegative(), _GREEN), (HardestNegative(), RED))
    starts = {"two points": _two_points, "even circle": _circle, "one point": lambda: _circle() * 0 + _circle()[:1]}
    for place, (strategy, colour) in enumerate(kinds):
        values = [float(strategy(start()).mean()) for start in starts.values()]
        where = [case + 0.25 * (place - 1) for case in range(3)]
        panels[2].bar(where, values, width=0.23, color=colour, label=type(strategy).__name__)
    panels[2].set_xticks(range(3), list(starts))
    panels[2].set(title="n of 40 rows", ylim=(0, 1.75))
    panels[2].legend(frameon=False, loc="upper right", fontsize=7)
    return figure


def readable_transformation() -> Figure:
    """An angle that is added to another: a head sees the difference of the two points, or both."""
    figure, panels = row_of_panels(3)
    start, turn = 2 * math.pi * torch.rand(2, 1200)
    z, z_view = (torch.stack([a.cos(), a.sin()], dim=1) for a in (start, start + turn))
    told = torch.stack([turn.cos(), turn.sin()], dim=1)
    for row in range(0, 60, 6):
        panels[0].annotate("", z_view[row].tolist(), z[row].tolist(), arrowprops={"arrowstyle": "->", "color": GREY})
    panels[0].scatter(*z[:60:6].T, s=12, color=BLUE, label="var")
    panels[0].scatter(*z_view[:60:6].T, s=12, color=RED, label="var of the view")
    panels[0].set(title="rows turned by any angle", xlim=(-1.2, 1.2), ylim=(-1.2, 1.7))
    panels[0].legend(frameon=False, ncols=2, loc="upper center", handletextpad=0.1)
    bare(panels[0])
    for panel, pairing in zip(panels[1:], (Difference(), Concatenation()), strict=True):
        term = _trained_head(z, z_view, told, pairing)
        read = term.read(z, z_view).detach()[:400, 1] * told[:, 1].std() + told[:, 1].mean()
        panel.scatter(told[:400, 1], read, s=3, color=BLUE)
        panel.plot([-1, 1], [-1, 1], color=GREY, linestyle=":", linewidth=1)
        left = float(term(z, z_view, told).detach())
        panel.set(title=f"{type(pairing).__name__}: {left:.2f} not read", xlabel="sine of the turn", ylabel="as read")
    return figure


def nt_xent() -> Figure:
    """Each row at an angle of its own, its view `gap` further on; then all rows drawn together."""
    figure, panels = row_of_panels(2)
    gap = torch.linspace(0, math.pi, 61)
    for temperature, colour in ((0.1, RED), (0.5, BLUE), (2.0, GREY)):
        values = [float(NTXent(temperature)(_circle(20), _circle(20, shift=float(g)))) for g in gap]
        panels[0].plot(gap / math.pi * 180, values, color=colour, label=f"τ = {temperature:g}")
    panels[0].axhline(math.log(39), color="black", linestyle=":", linewidth=0.8)
    panels[0].text(180, math.log(39), "log 39", ha="right", va="bottom")
    panels[0].set(title="20 rows on a circle", xlabel="degrees from a row to its view")
    panels[0].legend(frameon=False)
    share = torch.linspace(0, 1, 41)
    values = [float(NTXent()(*[_drawn_together(_circle(20), float(s))] * 2)) for s in share]
    panels[1].plot(share, values, color=BLUE)
    panels[1].axhline(math.log(39), color="black", linestyle=":", linewidth=0.8)
    panels[1].set(title="τ = .5, views like their rows", xlabel="even circle → one point")
    return figure


def vicreg() -> Figure:
    """Two axes of spread s and correlation ρ, views at a distance of δ: the three parts by their formulas."""
    figure, panels = row_of_panels(3)
    z = torch.randn(4000, 2)
    z = (z - z.mean(dim=0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(z.T))).T
    grid = torch.linspace(0, 2, 11)
    agree = [float(VICReg(agree=1, spread=0, uncorrelated=0)(z, z + float(d))) for d in grid]
    _against(panels[0], grid, agree, grid.square(), "views shifted by δ: δ²")
    spread = [float(VICReg(agree=0, spread=1, uncorrelated=0)(s * z, s * z)) for s in grid]
    _against(panels[1], grid, spread, (1 - grid).clamp(min=0), "spread s of all axes: (1 − s)₊")
    rho = torch.linspace(0, 1, 11)
    turned = [torch.stack([z[:, 0], r * z[:, 0] + (1 - r**2) ** 0.5 * z[:, 1]], dim=1) for r in rho.tolist()]
    correlated = [float(VICReg(agree=0, spread=0, uncorrelated=1)(each, each)) for each in turned]
    _against(panels[2], rho, correlated, 2 * rho.square(), "correlation ρ, both views: 2ρ²")
    return figure


def modality_contrast() -> Figure:
    """Twenty rows on a circle, as two modalities see them: the second turned, then both drawn together."""
    figure, panels = row_of_panels(3)
    rows = _circle(20)
    panels[0].scatter(*rows.T, s=12, color=BLUE)
    panels[0].scatter(*(1.2 * _circle(20, shift=0.15)).T, s=12, color=RED)
    panels[0].set_title("two modalities, one turned by 9°")
    panels[0].set_aspect("equal")
    bare(panels[0])
    turn = torch.linspace(0, 36, 37)
    share = torch.linspace(0, 1, 41)
    for temperature, colour in ((0.02, RED), (0.1, BLUE)):
        term = ModalityContrast(temperature)
        values = [float(term({"a": rows, "b": _circle(20, shift=math.radians(t))})) for t in turn.tolist()]
        panels[1].plot(turn, values, color=colour, label=f"τ = {temperature:g}")
        values = [float(term(dict.fromkeys("ab", _drawn_together(rows, s)))) for s in share.tolist()]
        panels[2].plot(share, values, color=colour)
    panels[1].axvline(9, color=GREY, linestyle=":", linewidth=1)
    panels[1].text(9.5, 6, "half-way to\nthe next row", va="top")
    panels[1].set(title="value", xlabel="degrees that the second is turned")
    panels[1].legend(frameon=False, loc="upper left")
    panels[2].axhline(math.log(20), color="black", linestyle=":", linewidth=0.8)
    panels[2].text(0, math.log(20), "log 20", va="bottom")
    panels[2].set(title="modalities agree", xlabel="even circle → one point", ylim=(0, 3.4))
    return figure


def block_allocation() -> Figure:
    """Nine axes, of which the first six stay in the view and the last three are drawn anew; a budget of 3, 3 and 3."""
    figure, panels = row_of_panels(3)
    term = BlockAllocation(
        LatentLayout(invariant=3, variant=3, free=3),
        price=100.0,
        temperature=Geometric(start=0, stop=200, low=1.0, high=0.1),
    )
    optimiser = torch.optim.Adam(term.parameters(), lr=0.1)
    shown = {0: panels[0], 60: panels[1], 200: panels[2]}
    for step in range(201):
        if step in shown:
            shown[step].imshow(term.gates().T, vmin=0, vmax=1, cmap="Blues", aspect="auto")
            shown[step].set(title=f"gates at step {step}", xlabel="axis", xticks=range(9))
            shown[step].set_yticks(range(3), ["invariant", "variant", "free"] if step == 0 else [])
        z = torch.randn(256, 9)
        z_view = torch.cat([z[:, :6] + 0.05 * torch.randn(256, 6), torch.randn(256, 3)], dim=1)
        optimiser.zero_grad()
        term(z, z_view).backward()
        optimiser.step()
    return figure


def between_blocks() -> Figure:
    """An invariant axis, and a variant one that is its square: HSIC between the two, before and after."""
    figure, panels = row_of_panels(3)
    layout = LatentLayout(invariant=1, variant=1)
    term = BetweenBlocks(HSIC(), layout, "invariant", "variant")
    z = torch.randn(200, 2)
    z[:, 1] = z[:, 0].square() - 1 + 0.2 * z[:, 1]
    moved = z.clone().requires_grad_()
    optimiser = torch.optim.Adam([moved], lr=0.05)
    values = []
    for _ in range(150):
        optimiser.zero_grad()
        value = term(moved) + 0.02 * (moved - z).square().sum(dim=1).mean()
        value.backward()
        optimiser.step()
        values.append(float(term(moved.detach())))
    for panel, rows, name in ((panels[0], z, "before"), (panels[1], moved.detach(), "after")):
        panel.scatter(*rows.T, s=4, color=BLUE)
        panel.set(title=f"{name}: {float(term(rows)):.3f}", xlabel="invariant", ylabel="variant", xticks=[], yticks=[])
    panels[2].plot(values, color=BLUE)
    panels[2].axhline(0, color="black", linewidth=0.8)
    panels[2].set(title="HSIC between the blocks", xlabel="step")
    return figure


def _circle(n: int = 40, *, shift: float = 0.0) -> torch.Tensor:
    angle = torch.linspace(0, 2 * math.pi, n + 1)[:-1] + shift
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def _two_points(n: int = 40) -> torch.Tensor:
    return torch.tensor([[1.0, 0.0], [-1.0, 0.0]]).repeat(n // 2, 1)


def _drawn_together(rows: torch.Tensor, share: float) -> torch.Tensor:
    return normalize(rows * (1 - share) + share * torch.tensor([1.0, 0.001]))


def _trained_head(
    z: torch.Tensor, z_view: torch.Tensor, told: torch.Tensor, pairing: Pairing
) -> ReadableTransformation:
    term = ReadableTransformation(LatentLayout(variant=2), (0, 1), pairing=pairing)
    optimiser = torch.optim.Adam(term.parameters(), lr=0.02)
    for _ in range(300):
        optimiser.zero_grad()
        term(z, z_view, told).backward()
        optimiser.step()
    return term


def _against(panel: Axes, grid: torch.Tensor, values: list[float], formula: torch.Tensor, title: str) -> None:
    panel.plot(grid, formula, color=GREY)
    panel.scatter(grid, values, color=BLUE, s=14)
    panel.set_title(title)
