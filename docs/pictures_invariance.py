"""The pictures of the terms of invariance, each on a case whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from picture_parts import BLUE, GREY, RED, bare, row_of_panels

from latentatlas.terms import (
    CORAL,
    HSIC,
    MMD,
    Adversarial,
    ConditionalHSIC,
    Fishr,
    IRMv1,
    LogLoss,
    Prediction,
    ResidualHSIC,
    StratifiedWeights,
    Term,
    TotalCorrelation,
    VREx,
)
from latentatlas.terms import reweighting as weights_of

_AGREES = (0.9, 0.8)
_SHAPE = 0.75


def conditional_hsic() -> Figure:
    """Two codes of rows whose colour goes with the label in nine of ten rows."""
    figure, panels = row_of_panels(3)
    for panel, (name, leak) in zip(
        panels, {"z knows the label": 0.0, "z knows the colour too": 1.0}.items(), strict=False
    ):
        z, colour, label = _coloured(300, leak)
        panel.scatter(z[:, 0], label + 0.25 * torch.rand(300), s=5, c=[RED if c else BLUE for c in colour])
        panel.set(title=name, xlabel="z", yticks=[0.12, 1.12], yticklabels=["y = 0", "y = 1"])
    for place, leak in enumerate((0.0, 1.0)):
        drawn = [_coloured(64, leak) for _ in range(150)]
        marginal = [float(HSIC()(z, colour)) for z, colour, _ in drawn]
        within = [float(ConditionalHSIC()(*each)) for each in drawn]
        _violins(panels[2], [marginal, within], [3 * place, 3 * place + 1])
    panels[2].axhline(0, color="black", linewidth=0.8)
    names = ["HSIC", "within\nlabels", "HSIC", "within\nlabels"]
    panels[2].set_xticks([0, 1, 3, 4], names, fontsize=7)
    panels[2].set_title("left code | right code, 150 batches")
    return figure


def residual_hsic() -> Figure:
    """A parabola with noise, and inputs that are mostly on one side."""
    figure, panels = row_of_panels(3)

    def rows(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = 2 - 3 * torch.rand(n).square()
        return x, x.square() + 0.8 * torch.rand(n)

    x, label = rows(400)
    design = torch.stack([x, torch.ones_like(x)], dim=1)
    a, b = torch.linalg.lstsq(design, label[:, None]).solution[:, 0].tolist()
    grid = torch.linspace(-1, 2, 100)
    panels[0].scatter(x, label, s=3, color=GREY)
    panels[0].plot(grid, a * grid + b, color=RED, label="line")
    panels[0].plot(grid, grid.square() + 0.4, color=BLUE, label="parabola")
    panels[0].set(title="two functions", xlabel="x")
    panels[0].legend(frameon=False)
    panels[1].scatter(x, label - a * x - b, s=3, color=RED)
    panels[1].scatter(x, label - x.square() - 0.4, s=3, color=BLUE)
    panels[1].set(title="their residuals", xlabel="x")
    term = ResidualHSIC()
    batches = [rows(60) for _ in range(200)]
    for name, colour, function in (("line", RED, lambda x: a * x + b), ("parabola", BLUE, torch.square)):
        values = [float(term(x[:, None], label, function(x))) for x, label in batches]
        panels[2].hist(values, bins=25, color=colour, alpha=0.75, label=f"{name}: mean {np.mean(values):.4f}")
    panels[2].axvline(0, color="black", linewidth=0.8)
    panels[2].set(title="200 batches of 60 rows", yticks=[])
    panels[2].legend(frameon=False)
    return figure


def prediction() -> Figure:
    """One logit, label 1; then a mean of two rows under weights."""
    figure, panels = row_of_panels(3)
    logit, one = torch.linspace(-4, 4, 101), torch.ones(101, dtype=torch.long)
    panels[0].plot(logit, LogLoss()(logit, one), color=BLUE)
    panels[0].plot([-4, 0, 0], [math.log(2)] * 2 + [0], color=GREY, linestyle=":", linewidth=1)
    panels[0].text(-3.9, math.log(2), "log 2", va="bottom")
    panels[0].set(title="cost, label 1", xlabel="logit", ylim=(0, 4))
    panels[1].plot(logit, LogLoss().residual(logit, one), color=BLUE)
    panels[1].set(title="residual 1 − p", xlabel="logit", ylim=(0, 1))
    weight = torch.linspace(0, 5, 51)
    rows, label = torch.tensor([2.0, -1.0]), torch.tensor([1, 1])
    values = [float(Prediction()(rows, label, torch.tensor([1.0, float(w)]))) for w in weight]
    panels[2].plot(weight, values, color=BLUE)
    for value in LogLoss()(rows, label).tolist():
        panels[2].axhline(value, color=GREY, linestyle=":", linewidth=1)
    panels[2].set(title="mean of logits 2 and −1", xlabel="weight of the second", ylim=(0, 1.5))
    return figure


def irmv1() -> Figure:
    """Risks by scale of a rule by colour and of one by shape, in two environments; and the penalty."""
    figure, panels = row_of_panels(3)
    scales = torch.linspace(0, 4, 81)
    rules = {"colour": _AGREES, "shape": (_SHAPE, _SHAPE)}
    for panel, (name, rates) in zip(panels, rules.items(), strict=False):
        for rate, colour in zip(rates, (BLUE, RED), strict=True):
            risks = [-rate * math.log(_sigmoid(w)) - (1 - rate) * math.log(_sigmoid(-w)) for w in scales.tolist()]
            panel.plot(scales, risks, color=colour, linestyle="--" if name == "shape" and colour == RED else "-")
            best = math.log(rate / (1 - rate))
            panel.axvline(best, color=colour, linestyle=":", linewidth=1)
        panel.set(title=f"risk of a rule by {name}", xlabel="scale w", ylim=(0.2, 1.1))
    for (name, rates), colour in zip(rules.items(), (GREY, BLUE), strict=True):
        sign, label, environment = _signs(rates)
        values = [float(IRMv1()(w * sign, label, environment)) for w in scales]
        panels[2].plot(scales, values, color=colour, label=name)
        panels[2].set(title="IRMv1 of w · rule", xlabel="scale w", ylim=(-0.005, 0.15))
    panels[2].axhline(0, color="black", linewidth=0.8)
    panels[2].legend(frameon=False)
    return figure


def vrex() -> Figure:
    """From a rule by colour to one by shape: accuracies 90 and 80 % become 75 and 75 %."""
    figure, panels = row_of_panels(2)
    shares = torch.linspace(0, 1, 41)
    colour_sign, label, environment = _signs(_AGREES)
    shape_sign, _, _ = _signs((_SHAPE, _SHAPE))
    # shape and colour err in rows of their own: the shape signs are laid out anew within label and environment
    shape_sign = _shuffled(shape_sign, environment)
    risks, values = [], []
    for share in shares.tolist():
        logit = 1.6 * (1 - share) * colour_sign + 1.1 * share * shape_sign
        cost = LogLoss()(logit, label)
        risks.append([float(cost[environment == each].mean()) for each in (0, 1)])
        values.append(float(VREx()(logit, label, environment)))
    for column, colour, name in zip(np.array(risks).T, (BLUE, RED), ("90 % agree", "80 % agree"), strict=True):
        panels[0].plot(shares, column, color=colour, label=name)
    panels[0].set(title="risk of each environment", xlabel="colour → shape")
    panels[0].legend(frameon=False)
    panels[1].plot(shares, values, color=BLUE)
    panels[1].set(title="VREx", xlabel="colour → shape", ylim=(0, None))
    return figure


def fishr() -> Figure:
    """The same way from colour to shape, with the prediction itself as latent: how unevenly rows pull at its weight."""
    figure, panels = row_of_panels(2)
    shares = torch.linspace(0, 1, 41)
    colour_sign, label, environment = _signs(_AGREES)
    shape_sign, _, _ = _signs((_SHAPE, _SHAPE))
    shape_sign = _shuffled(shape_sign, environment)
    spreads, values = [], []
    for share in shares.tolist():
        logit = 1.6 * (1 - share) * colour_sign + 1.1 * share * shape_sign
        pull = LogLoss().residual(logit, label) * logit
        spreads.append([float(pull[environment == each].var()) for each in (0, 1)])
        values.append(float(Fishr()(logit[:, None], logit, label, environment)))
    for column, colour, name in zip(np.array(spreads).T, (BLUE, RED), ("90 % agree", "80 % agree"), strict=True):
        panels[0].plot(shares, column, color=colour, label=name)
    panels[0].set(title="spread of row gradients", xlabel="colour → shape", ylim=(0, None))
    panels[0].legend(frameon=False)
    panels[1].plot(shares, values, color=BLUE)
    panels[1].set(title="Fishr", xlabel="colour → shape", ylim=(0, None))
    return figure


def mmd() -> Figure:
    """Means differ, spreads differ, nothing differs."""
    figure, panels = row_of_panels(3)
    cases = {"another mean": (1.5, 1.0), "another spread": (0.0, 2.5)}
    for panel, (name, (shift, spread)) in zip(panels, cases.items(), strict=False):
        first, second = torch.randn(150, 2), spread * torch.randn(150, 2) + torch.tensor([shift, 0.0])
        panel.scatter(*first.T, s=4, color=BLUE)
        panel.scatter(*second.T, s=4, color=RED)
        panel.set_title(name)
        panel.set_aspect("equal")
        bare(panel)
    environment = torch.arange(60) % 2
    cases = {"none": (0.0, 1.0), **cases}
    for (name, (shift, spread)), colour in zip(cases.items(), (GREY, BLUE, RED), strict=True):
        values = []
        for _ in range(200):
            z, moved = torch.randn(60, 2), environment[:, None] == 1
            z = torch.where(moved, spread * z + torch.tensor([shift, 0.0]), z)
            values.append(float(MMD()(z, environment)))
        panels[2].hist(values, bins=20, color=colour, alpha=0.7, label=f"{name}: {np.mean(values):.3f}")
    panels[2].axvline(0, color="black", linewidth=0.8)
    panels[2].set(title="MMD², 200 batches of 2 × 30", yticks=[], ylim=(0, 75))
    panels[2].legend(frameon=False)
    return figure


def coral() -> Figure:
    """Correlations ρ and −ρ: the value is ρ²/2."""
    figure, panels = row_of_panels(2)
    z, environment = torch.randn(4000, 2), torch.arange(4000) % 2
    for each in (0, 1):  # no correlation and unit variance by chance
        part = z[environment == each] - z[environment == each].mean(dim=0)
        z[environment == each] = part @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(part.T))).T

    def with_correlation(rho: float) -> torch.Tensor:
        sign = torch.where(environment == 1, -rho, rho)
        return torch.stack([z[:, 0], sign * z[:, 0] + (1 - sign.square()).sqrt() * z[:, 1]], dim=1)

    shown = with_correlation(0.8)[:600]
    panels[0].scatter(*shown.T, s=3, c=[RED if e else BLUE for e in environment[:600]])
    panels[0].set_aspect("equal")
    panels[0].set_title("correlations .8 and −.8")
    bare(panels[0])
    grid = np.linspace(0, 0.95, 9)
    panels[1].plot(np.linspace(0, 1, 50), np.linspace(0, 1, 50) ** 2 / 2, color=GREY, label="ρ²/2")
    values = [float(CORAL()(with_correlation(float(r)), environment)) for r in grid]
    panels[1].scatter(grid, values, color=BLUE, s=22, label="the term")
    shifted = [float(CORAL()(with_correlation(float(r)) + 5.0 * environment[:, None], environment)) for r in grid]
    panels[1].scatter(grid, shifted, marker="+", color=RED, s=50, label="one shifted by 5")
    panels[1].set(title="value", xlabel="ρ")
    panels[1].legend(frameon=False)
    return figure


def adversarial() -> Figure:
    """The reversed gradient where a discriminator has learned; and its risk alone and against an encoder."""
    figure, panels = row_of_panels(2)
    z = torch.cat([torch.randn(40, 2) - torch.tensor([1.5, 0.0]), torch.randn(40, 2) + torch.tensor([1.5, 0.0])])
    nuisance = torch.arange(80) // 40
    term = Adversarial(2, 2, hidden=(16,))
    _trained(term, [z, nuisance], [*term.parameters()], 200)
    leaf = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(term(leaf, nuisance), leaf)
    panels[0].scatter(*z.T, s=10, c=[RED if v else BLUE for v in nuisance])
    step = -slope / slope.norm(dim=1, keepdim=True).clamp(min=1e-9) * 0.7
    panels[0].quiver(*z.T, *step.T, angles="xy", scale_units="xy", scale=1, width=0.004, color="#333333")
    panels[0].set_title("direction of the step asked of each row")
    panels[0].set_aspect("equal")
    bare(panels[0])
    shape, label = torch.randn(400), torch.arange(400) % 2
    x = torch.stack([shape, label + 0.1 * torch.randn(400)], dim=1)
    for name, learns, colour in (("encoder stays", False, GREY), ("encoder learns", True, BLUE)):
        torch.manual_seed(0)
        encoder, reader = torch.nn.Linear(2, 1), Adversarial(1, 2, hidden=(16,))
        torch.nn.init.constant_(encoder.weight, 1.0)
        learned = [*reader.parameters(), *(encoder.parameters() if learns else ())]
        values = _trained(reader, [x, label], learned, 600, encoder=encoder, keep=shape)
        panels[1].plot(values, color=colour, label=name)
    panels[1].axhline(math.log(2), color=GREY, linestyle=":", linewidth=1)
    panels[1].text(600, math.log(2), "log 2", va="bottom", ha="right")
    panels[1].set(title="risk of the discriminator", xlabel="step", ylim=(0.5, 0.9))
    panels[1].legend(frameon=False)
    return figure


def total_correlation() -> Figure:
    """Independent, correlated, a ring."""
    figure, panels = row_of_panels(3)
    rows, variance = 600, 0.05
    cloud = torch.randn(rows, 2)
    rho = 0.8
    tilted = torch.stack([cloud[:, 0], rho * cloud[:, 0] + math.sqrt(1 - rho**2) * cloud[:, 1]], dim=1)
    angle = 2 * math.pi * torch.rand(rows)
    ring = math.sqrt(2) * torch.stack([angle.cos(), angle.sin()], dim=1)
    term = TotalCorrelation(rows, weights=StratifiedWeights())
    log_variance = torch.full((rows, 2), math.log(variance))
    known = {"independent": 0.0, "correlation .8": -math.log(1 - (rho / (1 + variance)) ** 2) / 2, "a ring": None}
    for panel, mean, (name, truth) in zip(panels, (cloud, tilted, ring), known.items(), strict=True):
        z = mean + math.sqrt(variance) * torch.randn(rows, 2)
        told = "" if truth is None else f" (known: {truth:.2f})"
        panel.scatter(*z.T, s=3, color=BLUE)
        panel.set_title(f"{name}: {float(term(z, mean, log_variance)):.2f}{told}")
        panel.set_aspect("equal")
        bare(panel)
    return figure


def reweighting() -> Figure:
    """Counts, weights and weighted counts of label and colour."""
    figure, panels = row_of_panels(3)
    label = torch.tensor([0] * 50 + [1] * 50)
    colour = torch.tensor([0] * 40 + [1] * 10 + [0] * 20 + [1] * 30)
    found = weights_of(label, colour)
    counts = torch.zeros(2, 2).index_put_((label, colour), torch.ones(100), accumulate=True)
    weighted = torch.zeros(2, 2).index_put_((label, colour), found(label, colour), accumulate=True)
    tables = {"rows": counts, "weight": found.weights, "weighted rows": weighted}
    for panel, (name, values) in zip(panels, tables.items(), strict=True):
        panel.imshow(values, cmap="Blues", vmin=0, vmax=1.6 * float(values.max()))
        for (i, j), value in np.ndenumerate(values.numpy()):
            panel.text(j, i, f"{value:.3g}", ha="center", va="center")
        panel.set_xticks([0, 1], ["red", "green"])
        panel.set_yticks([0, 1], ["y = 0", "y = 1"])
        panel.set_title(name)
        panel.spines[:].set_visible(False)
    return figure


def _coloured(n: int, leak: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    label = torch.randint(0, 2, (n,))
    colour = label ^ (torch.rand(n) < 0.1)
    return label[:, None] + leak * colour[:, None] + 0.25 * torch.randn(n, 1), colour, label


def _violins(panel: Axes, values: list[list[float]], places: list[int]) -> None:
    drawn = panel.violinplot(values, places, showmeans=True, widths=0.8)
    for body in drawn["bodies"]:  # pyright: ignore
        body.set_facecolor(BLUE)
    for part in ("cmeans", "cmins", "cmaxes", "cbars"):
        drawn[part].set_color(BLUE)


def _signs(rates: tuple[float, float], rows: int = 400) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A rule that is right at these rates in two environments, as ±1; the labels; the environments."""
    label = torch.arange(2 * rows) % 2
    environment = torch.arange(2 * rows) // rows
    right = torch.cat([torch.arange(rows) // 2 < rate * rows / 2 for rate in rates])
    return torch.where(right, 1.0, -1.0) * (2 * label - 1), label, environment


def _shuffled(sign: torch.Tensor, environment: torch.Tensor) -> torch.Tensor:
    """Its errors in other rows of the same environment and label."""
    moved = sign.clone()
    for each in (0, 1):
        for parity in (0, 1):
            rows = torch.nonzero((environment == each) & (torch.arange(len(sign)) % 2 == parity))[:, 0]
            moved[rows] = sign[rows[torch.randperm(len(rows))]]
    return moved


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def _trained(
    term: Term,
    fields: list[torch.Tensor],
    parameters: list[torch.nn.Parameter],
    steps: int,
    *,
    encoder: torch.nn.Module | None = None,
    keep: torch.Tensor | None = None,
) -> list[float]:
    optimiser = torch.optim.Adam(parameters, lr=0.01)
    values = []
    for _ in range(steps):
        z = fields[0] if encoder is None else encoder(fields[0])
        value = term(z, *fields[1:])
        optimiser.zero_grad()
        (value if keep is None else value + (z[:, 0] - keep).square().mean()).backward()
        optimiser.step()
        values.append(float(value.detach()))
    return values
