"""The pictures of the terms that learn an energy as a network; `pictures.py` draws them with the others."""

from __future__ import annotations

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from picture_parts import BLUE, GREY, RED, bare, row_of_panels

from latentatlas.core import Batch, Constant, Schedule
from latentatlas.landscape import MixtureDensity
from latentatlas.models import Autoencoder, MLPEncoder, NeuralEnergy, VariationalEncoder
from latentatlas.terms import (
    ContrastiveDivergence,
    DenoisingScore,
    EnergyPrior,
    GaussianDivergence,
    NoiseContrast,
    Objective,
    Reconstruction,
    ReplayBuffer,
    Term,
)
from latentatlas.train import Recipe, RowBatches, Silent, fit


def contrastive_divergence() -> Figure:
    """Two moons: energy and chains after few and many steps."""
    energy = NeuralEnergy(2)
    energy.adapt(_moons(1000))
    term = ContrastiveDivergence(energy, ReplayBuffer(1024, 2))
    figure, panels = row_of_panels(3)
    for panel, steps, title in zip(panels, (20, 130, 650), ("20 steps", "150 steps", "800 steps"), strict=True):
        _learn(term, steps, rate=2e-3)
        _field(panel, energy)
        panel.scatter(*term.buffer.chains()[:400].T, s=2, color=RED)
        panel.set(title=title, xlim=_X, ylim=_Y)
    return figure


def noise_contrast() -> Figure:
    """Two moons, the noise they are told from, and the energy; its constant is that of importance sampling."""
    rows = _moons(1000)
    energy, noise = NeuralEnergy(2), MixtureDensity(2, 2).fit(rows)
    energy.adapt(rows)
    term = NoiseContrast(energy, noise)
    figure, panels = row_of_panels(3)
    for panel, shown, title in ((panels[0], rows[:400], "codes"), (panels[1], noise.sample(400), "noise")):
        panel.scatter(*shown.T, s=2, color=BLUE)
        panel.set_title(title)
    _learn(term, 800)
    _field(panels[2], energy)
    panels[2].set_title("energy")
    for panel in panels[:2]:
        panel.set(xlim=_X, ylim=_Y)
        bare(panel)
    return figure


def denoising_score() -> Figure:
    """Two moons, blurred by little and by much."""
    figure, panels = row_of_panels(3)
    panels[0].scatter(*_moons(400).T, s=2, color=BLUE)
    panels[0].set(title="codes", xlim=_X, ylim=_Y)
    bare(panels[0])
    for panel, sigma in ((panels[1], 0.1), (panels[2], 0.4)):
        energy = NeuralEnergy(2)
        energy.adapt(_moons(1000))
        _learn(DenoisingScore(energy, sigma), 800)
        _field(panel, energy)
        panel.set_title(f"σ = {sigma}")
    return figure


def gaussian_divergence() -> Figure:
    """Three clusters: a heavy divergence makes all codes alike, free bits keep them apart."""
    figure, panels = row_of_panels(3)
    for panel, term, beta, title in (
        (panels[0], GaussianDivergence(), 0.2, "β = .2"),
        (panels[1], GaussianDivergence(), 3.0, "β = 3: collapsed"),
        (panels[2], GaussianDivergence(free_bits=0.5), 3.0, "β = 3, ½ free nat an axis"),
    ):
        _codes(panel, *_variational(term, Constant(beta)))
        panel.set_title(title)
    return figure


def energy_prior() -> Figure:
    """The same three clusters with a prior that is learned."""
    energy = NeuralEnergy(2)
    prior = EnergyPrior(ContrastiveDivergence(energy, ReplayBuffer(1024, 2)))
    codes, group = _variational(prior, Constant(0.05))
    plain, same = _variational(GaussianDivergence(), Constant(0.05))
    figure, panels = row_of_panels(2)
    _codes(panels[0], plain, same)
    panels[0].set_title("codes, Gaussian prior")
    reach = 1.2 * float(codes.abs().max())
    _field(panels[1], energy, (-reach, reach), (-reach, reach))
    _codes(panels[1], codes, group)
    panels[1].set_title("codes on the energy of the learned prior")
    return figure


_X, _Y = (-1.75, 2.75), (-1.25, 1.75)


def _moons(n: int) -> torch.Tensor:
    turn = math.pi * torch.rand(n)
    upper = torch.stack([turn.cos(), turn.sin()], dim=1)
    lower = torch.stack([1 - turn.cos(), 0.5 - turn.sin()], dim=1)
    return torch.where(torch.arange(n)[:, None] % 2 == 0, upper, lower) + 0.1 * torch.randn(n, 2)


def _learn(term: Term, steps: int, *, rate: float = 5e-3) -> None:
    optimiser = torch.optim.Adam(term.parameters(), lr=rate)
    for _ in range(steps):
        loss = term(_moons(256))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def _field(panel: Axes, energy: NeuralEnergy, x: tuple[float, float] = _X, y: tuple[float, float] = _Y) -> None:
    across, up = torch.meshgrid(torch.linspace(*x, 160), torch.linspace(*y, 120), indexing="xy")
    with torch.no_grad():
        heights = energy(torch.stack([across.ravel(), up.ravel()], dim=1)).reshape(across.shape)
    heights = heights - heights.min()
    panel.contourf(across, up, heights.clamp(max=8), levels=16, cmap="Blues_r")
    bare(panel)


def _variational(term: Term, weight: Schedule) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes of three clusters in a plane of eight columns, and the cluster of each."""
    group = torch.arange(1200) % 3
    inside = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.5]])[group] + 0.3 * torch.randn(1200, 2)
    x = (inside @ torch.randn(2, 8, generator=torch.Generator().manual_seed(5)) + 0.1 * torch.randn(1200, 8)) / 2
    model = Autoencoder(VariationalEncoder(MLPEncoder(8, 4, hidden=(32, 32), spread=1.0, noise=0.0)))
    model.adapt(x)
    objective = Objective({"recon": Reconstruction(), "divergence": (term, weight)})
    fit(model, objective, RowBatches(Batch(x), size=128), Recipe(300, log_every=300), callbacks=[Silent()])
    return model.encode(x).detach(), group


def _codes(panel: Axes, z: torch.Tensor, group: torch.Tensor) -> None:
    panel.scatter(*z.T, s=2, c=group, cmap="viridis")
    panel.axhline(0, color=GREY, linewidth=0.5, zorder=0)
    panel.axvline(0, color=GREY, linewidth=0.5, zorder=0)
    reach = max(3.0, 1.1 * float(z.abs().max()))
    panel.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    bare(panel)
