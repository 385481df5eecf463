"""The pictures of the term pages, each showing the term on a case whose answer is known, and of data and landscapes.

Run `python docs/pictures.py`; it writes docs/images/term-*.png, synthetic.png, landscape-digits.png and
charts-digits.png. Takes a minute.
"""

from __future__ import annotations

import io
import math
from pathlib import Path

import matplotlib
import numpy as np
import pictures_charts as charts
import pictures_energy as energy
import pictures_invariance as invariance
import pictures_neural as neural
import pictures_partition as partition
import pictures_topology as topology
import torch
from matplotlib.figure import Figure
from picture_parts import BLUE, GREY, RED, bare, join, row_of_panels, solid
from PIL import Image

from latentatlas.core import Batch, Charts, Constant
from latentatlas.data import Table, synthetic
from latentatlas.landscape import DistanceScore, PrototypeBank
from latentatlas.models import Autoencoder, ChartEncoder
from latentatlas.terms import (
    HSIC,
    Anchor,
    ChartAssignment,
    ChartBalance,
    Covariance,
    Objective,
    PrototypeEnergy,
    Reconstruction,
)
from latentatlas.train import Recipe, RowBatches, fit

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Draw all pictures."""
    matplotlib.rcParams.update({"font.size": 8, "axes.titlesize": 9})
    terms = [reconstruction, hsic, covariance, prototype_energy, chart_balance, chart_assignment, anchor]
    terms += [topology.neighbor_contrast, topology.triplet, topology.local_distance, topology.stress]
    terms += [topology.signature, topology.rtd_lite, topology.neighbor_reconstruction]
    terms += [energy.prototype_separation, energy.usage_band, energy.sharpening, energy.balanced_assignment]
    terms += [energy.swapped_assignment, energy.mutual_information, energy.chart_smoothness]
    terms += [neural.contrastive_divergence, neural.noise_contrast, neural.denoising_score]
    terms += [neural.gaussian_divergence, neural.energy_prior]
    terms += [invariance.conditional_hsic, invariance.residual_hsic, invariance.prediction, invariance.irmv1]
    terms += [invariance.vrex, invariance.fishr, invariance.mmd, invariance.coral, invariance.adversarial]
    terms += [invariance.total_correlation, invariance.reweighting]
    terms += [partition.partition, partition.readable_transformation, partition.block_allocation]
    terms += [partition.nt_xent, partition.vicreg, partition.modality_contrast, partition.between_blocks]
    terms += [charts.chart_reconstruction, charts.routing_entropy, charts.overlap_band, charts.routing_consistency]
    terms += [charts.chart_variance, charts.chart_covariance, charts.chart_invariance, charts.orthogonality]
    terms += [charts.lipschitz_bound, charts.commitment, charts.detail_budget, charts.texture_budget]
    terms += [charts.jump_consistency, charts.membership_anchor, charts.chart_anchor]
    pictures = {f"term-{draw.__name__.replace('_', '-')}": draw for draw in terms} | {
        "synthetic": synthetic_sets,
        "landscape-digits": landscape_of_digits,
        "charts-digits": charts_of_digits,
    }
    for name, draw in pictures.items():
        torch.manual_seed(0)
        target = IMAGES / f"{name}.png"
        drawn = io.BytesIO()
        draw().savefig(drawn, dpi=120)
        Image.open(drawn).convert("RGB").quantize(96).save(target, optimize=True)
        print(f"{target.name}: {target.stat().st_size / 1e3:.0f} kB")


def landscape_of_digits() -> Figure:
    """The guide on landscapes: minima of the density of raw pixels."""
    import latentatlas as la
    from latentatlas.plots import energy_map_figure

    x = la.data.load_corpus("digits").x
    found = la.minima(x)
    centred = x - x.mean(axis=0)
    xy = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    figure = energy_map_figure(xy, found.energy, minima=found.minima, basins=found.basins, energy_name="−log density")
    figure.set_size_inches(6.4, 6.0)
    return figure


def charts_of_digits() -> Figure:
    """The guide on charts: ten of them, which never saw the labels that colour their rows."""
    import latentatlas as la
    from latentatlas.plots import charts_figure

    table = la.data.load_corpus("digits")
    found = la.Atlas(dim=2, charts=10, steps=400, threads=1).fit(table).chart_coordinates(table)
    return charts_figure(found.local, found.memberships, colour=table.label)


def reconstruction() -> Figure:
    """Axes of variance 3/2 and 1/2: the mean leaves 1 unexplained, the first axis 1/4, the rows themselves 0."""
    x = torch.randn(60, 2)
    x = (x - x.mean(dim=0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T, correction=0))).T
    x = x * torch.tensor([1.5, 0.5]).sqrt()
    turn = torch.tensor([[math.cos(0.5), -math.sin(0.5)], [math.sin(0.5), math.cos(0.5)]])
    x, axis = x @ turn.T, turn[:, 0]
    figure, panels = row_of_panels(3, sharex=True, sharey=True)
    cases = {"the mean": torch.zeros_like(x), "one axis": (x @ axis)[:, None] * axis, "every row": x}
    for panel, (name, recon) in zip(panels, cases.items(), strict=True):
        join(panel, x, recon, colour=RED)
        panel.scatter(*x.T, s=9, color=BLUE, label="x")
        panel.scatter(*recon.T, s=9, color=RED, label="x̂")
        panel.set_title(f"decodes {name}: {float(Reconstruction()(x, recon)):.2f}")
        bare(panel)
    panels[0].legend(loc="upper left", frameon=False, handletextpad=0.1)
    return figure


def hsic() -> Figure:
    """Independent: scatters around 0. A parabola has correlation 0 and yet depends: above 0 in every batch."""
    figure, panels = row_of_panels(3)
    nuisance = torch.rand(400) * 4 - 2
    noise = 0.3 * torch.randn(400)
    cases = {"independent": torch.randn(400), "z = nuisance² + noise": nuisance.square() - 4 / 3 + noise}
    for panel, (name, z), colour in zip(panels, cases.items(), (BLUE, RED), strict=False):
        panel.scatter(nuisance, z, s=4, color=colour)
        panel.set(title=f"{name}\ncorrelation {float(torch.corrcoef(torch.stack([nuisance, z]))[0, 1]):+.2f}")
        panel.set(xlabel="nuisance", ylabel="z")
        panel.set_xticks([])
        panel.set_yticks([])
    term = HSIC()
    for z, colour, name in zip(cases.values(), (BLUE, RED), ("independent", "parabola"), strict=True):
        batches = [torch.randint(400, (32,)) for _ in range(300)]
        values = [float(term(z[rows, None], nuisance[rows])) for rows in batches]
        panels[2].hist(values, bins=30, color=colour, alpha=0.75, label=f"{name}: mean {np.mean(values):.3f}")
    panels[2].axvline(0, color="black", linewidth=0.8)
    panels[2].set(title="HSIC of 300 batches of 32 rows", yticks=[], ylim=(0, 50))
    panels[2].legend(frameon=False)
    return figure


def covariance() -> Figure:
    """Two axes of unit variance with correlation ρ: the value is ρ²."""
    figure, panels = row_of_panels(3)
    rows = torch.randn(4000, 2)
    rows = (rows - rows.mean(dim=0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(rows.T))).T

    def correlated(rho: float) -> torch.Tensor:
        return torch.stack([rows[:, 0], rho * rows[:, 0] + math.sqrt(1 - rho**2) * rows[:, 1]], dim=1)

    for panel, rho in ((panels[0], 0.0), (panels[1], 0.9)):
        z = correlated(rho)
        panel.scatter(*z[:500].T, s=3, color=BLUE)
        panel.set(title=f"ρ = {rho:g}: {float(Covariance()(z)):.2f}", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
        panel.set_aspect("equal")
        bare(panel)
    grid = np.linspace(-1, 1, 11)
    panels[2].plot(np.linspace(-1, 1, 101), np.linspace(-1, 1, 101) ** 2, color=GREY, label="ρ²")
    panels[2].scatter(grid, [float(Covariance()(correlated(float(rho)))) for rho in grid], color=BLUE, label="the term")
    panels[2].set(xlabel="correlation ρ", title="value")
    panels[2].legend(frameon=False)
    return figure


def prototype_energy() -> Figure:
    """Two prototypes: sharp banks follow the nearest parabola d²/(2τ²), smooth ones merge into one basin."""
    figure, panels = row_of_panels(2)
    line = torch.linspace(-4, 4, 401)[:, None]
    for beta, colour in ((0.5, "#9ecae1"), (2.0, BLUE), (20.0, "#08306b")):
        bank = _bank([[-1.5], [1.5]], beta=beta)
        panels[0].plot(line, bank.energy(line).detach() + math.log(2) / beta, color=colour, label=f"β = {beta:g}")
    lowest = torch.minimum((line - 1.5).square(), (line + 1.5).square()) / 2
    panels[0].plot(line, lowest, color=RED, linestyle=":", label="nearest d²/2τ²")
    panels[0].set(title="E(z) + log(K)/β, prototypes at ±1.5, τ = 1", xlabel="z", ylim=(-0.3, 3.5))
    panels[0].legend(frameon=False)
    bank = _bank([[-2.0, 0.0], [2.0, 0.5], [0.3, 2.4]], beta=1.0)
    across, up = torch.meshgrid(torch.linspace(-4, 4, 120), torch.linspace(-2, 4, 90), indexing="xy")
    field = bank.energy(torch.stack([across.ravel(), up.ravel()], dim=1)).detach().reshape(across.shape)
    panels[1].contourf(across, up, field, levels=12, cmap="Blues_r")
    start = torch.rand(22, 2) * torch.tensor([7.0, 5.4]) - torch.tensor([3.5, 1.7])
    stop = bank.retrieve(start).detach()
    panels[1].quiver(*start.T, *(stop - start).T, angles="xy", scale_units="xy", scale=1, width=0.005, color="#333333")
    panels[1].scatter(*bank.prototypes.detach().T, s=60, marker="*", color=RED)
    value = float(PrototypeEnergy()(start, bank.energy).detach())
    lower = float(PrototypeEnergy()(stop, bank.energy).detach())
    panels[1].set_title(f"one step of recall: mean energy {value:.2f} → {lower:.2f}")
    bare(panels[1])
    return figure


def chart_balance() -> Figure:
    """K = 4 charts: 0 where all are used alike, log 4 where one takes all."""
    figure, panels = row_of_panels(3)
    usages = {"balanced": [0.25, 0.25, 0.25, 0.25], "one chart": [0.0, 1.0, 0.0, 0.0]}
    for panel, (name, usage) in zip(panels, usages.items(), strict=False):
        panel.bar(range(4), usage, color=BLUE)
        panel.set(title=f"{name}: {_balance(usage):.2f}", ylim=(0, 1.05), xlabel="chart", xticks=range(4))
    panels[0].set_ylabel("mean membership w̄")
    shares = np.linspace(0, 1, 101)
    panels[2].plot(shares, [_balance([p, *[(1 - p) / 3] * 3]) for p in shares], color=BLUE)
    panels[2].axhline(math.log(4), color=GREY, linestyle=":", linewidth=1)
    panels[2].text(0, math.log(4), "log 4", va="bottom")
    panels[2].axvline(0.25, color=GREY, linestyle=":", linewidth=1)
    panels[2].set(title="value", xlabel="share of one chart, the others alike", ylim=(-0.05, 1.6))
    return figure


def chart_assignment() -> Figure:
    """The value of a row with two charts; then four groups on a line, moved to places in another order."""
    figure, panels = row_of_panels(3)
    weight = torch.linspace(0.01, 1, 100)
    term = ChartAssignment(1, 2)
    term.assign(torch.tensor([0]), torch.tensor([0]))
    values = [float(term(Charts(torch.stack([w, 1 - w])[None]), torch.tensor([0]))) for w in weight]
    panels[0].plot(weight, values, color=BLUE)
    panels[0].plot([0, 0.5, 0.5], [math.log(2), math.log(2), 0], color=GREY, linestyle=":", linewidth=1)
    panels[0].text(0.02, math.log(2), "log 2", va="bottom")
    panels[0].set(title="value of one row", xlabel="weight of its chart", ylim=(0, 4))
    x = torch.linspace(-1, 1, 300)[:, None]
    group = torch.arange(300) // 75
    places = (torch.tensor([-3.0, 3.0, -1.0, 1.0])[group] + 0.4 * torch.linspace(-1, 1, 75).repeat(4))[:, None]
    for one in range(4):
        panels[1].plot(x[group == one], places[group == one], color=GREY, linewidth=5, alpha=0.5)
    for share, colour, name in ((0.0, RED, "places alone"), (0.15, BLUE, "and assignment")):
        z, largest = _distilled(x, places, group, share=share)
        panels[1].plot(x, z, color=colour, linewidth=1)
        panels[2].plot(x, largest, color=colour, linewidth=1, label=name)
        panels[2].legend(frameon=False, loc="lower left")
    panels[1].set(title="four groups (grey) and learned places", xlabel="x")
    panels[2].set(title="largest weight of a chart", xlabel="x", ylim=(0, 1.05))
    return figure


def _distilled(
    x: torch.Tensor, places: torch.Tensor, group: torch.Tensor, *, share: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and largest weights of an encoder with a chart for each group, after a short fit."""
    torch.manual_seed(0)
    rows, charts = torch.arange(len(x)), int(group.max()) + 1
    encoder = ChartEncoder(1, 1, charts=charts, hidden=(32,))
    encoder.adapt(x)
    encoder.seat(places, group)
    held, assigned = Anchor(len(x), 1), ChartAssignment(len(x), charts)
    held.hold(rows, places)
    assigned.assign(rows, group)
    objective = Objective({"layout": held, "assignment": (assigned, Constant(share))})
    fit(Autoencoder(encoder), objective, RowBatches(Batch(x=x, row=rows), size=100), Recipe(200, rate=1e-2))
    with torch.no_grad():
        latents = encoder.latents(x)
    return latents.z[:, 0], latents.charts.weights.amax(dim=1)


def anchor() -> Figure:
    """Twelve rows drawn to the origin, every second one anchored: value, pull, and where they end."""
    figure, panels = row_of_panels(3)
    term = Anchor(12, 2)
    angle = torch.arange(12) * (2 * math.pi / 12)
    start = 3 * torch.stack([angle.cos(), angle.sin()], dim=1)
    held = torch.arange(0, 12, 2)
    term.hold(held, start[held])
    distance = torch.linspace(0, 5, 101)
    panels[0].plot(distance, torch.log1p(distance.square()), color=BLUE)
    panels[0].set(title="value of one row", xlabel="distance from its anchor")
    panels[1].plot(distance, 2 * distance / (1 + distance.square()), color=BLUE)
    panels[1].axvline(1, color=GREY, linestyle=":", linewidth=1)
    panels[1].set(title="pull", xlabel="distance from its anchor")
    z, row = start.clone().requires_grad_(), torch.arange(12)
    optimiser = torch.optim.Adam([z], lr=0.05)
    for _ in range(500):
        optimiser.zero_grad()
        (term(z, row) + 0.05 * z.square().sum(dim=1).mean()).backward()
        optimiser.step()
    stop = z.detach()
    join(panels[2], start, stop, colour=GREY)
    panels[2].scatter(*start[held].T, s=40, marker="+", color=RED)
    panels[2].scatter(*stop.T, s=12, color=BLUE)
    panels[2].set_title(f"drawn inwards, + held: {float(term(stop, row)):.2f}")
    panels[2].set_aspect("equal")
    bare(panels[2])
    return figure


def synthetic_sets() -> Figure:
    """Eight sets, coloured by what is declared about them."""
    figure = Figure(figsize=(7.6, 4.2), layout="constrained")
    sphere = synthetic.sphere(3000)
    from_pole = sphere.truth.geodesic(np.zeros((1, 2)), sphere.truth.parameters)[0]
    circles = synthetic.linked_circles(400)
    solids = {
        "swiss_roll_hole": (synthetic.swiss_roll_hole(3000), "arc_length", "viridis"),
        "torus": (synthetic.torus(3000), "around_axis", "twilight"),
        "mobius_band": (synthetic.mobius_band(3000), "offset", "viridis"),
        "linked_circles": (circles, "component", "coolwarm"),
    }
    for place, (name, (made, column, colours)) in enumerate(solids.items(), start=1):
        solid(figure, place, made.table.x, made.table.metadata[column], colours).set_title(name)
    solid(figure, 5, sphere.table.x, from_pole, "viridis").set_title("sphere")
    panel = figure.add_subplot(2, 4, 6, title="three_gaussians")
    truth = synthetic.three_gaussians().truth
    panel.scatter(*truth.parameters[~truth.core].T, s=1, color=GREY)
    panel.scatter(*truth.parameters[truth.core].T, s=1, color=RED)
    panel.set_aspect("equal")
    digits, images = synthetic.coloured_digits(30, seed=3), synthetic.factor_images(30)
    figure.add_subplot(2, 4, 7, title="coloured_digits").imshow(_mosaic(digits.table) / 16)
    figure.add_subplot(2, 4, 8, title="factor_images").imshow(_mosaic(images.table), cmap="gray")
    for panel in figure.axes[5:]:
        bare(panel)
    return figure


def _mosaic(table: Table) -> np.ndarray:
    """The images in rows of six, with a dark gap."""
    images = table.x.reshape(5, 6, *table.item_shape)
    gap = [(0, 0), (0, 0), (1, 1), (1, 1), *[(0, 0)] * (images.ndim - 4)]
    return np.concatenate(np.concatenate(np.pad(images, gap), axis=1), axis=1)


def _balance(usage: list[float]) -> float:
    return float(ChartBalance()(Charts(torch.tensor([usage]))))


def _bank(prototypes: list[list[float]], *, beta: float) -> PrototypeBank:
    bank = PrototypeBank(len(prototypes), len(prototypes[0]), beta=beta, score=DistanceScore(1.0))
    bank.prototypes.data.copy_(torch.tensor(prototypes))
    return bank


if __name__ == "__main__":
    main()
