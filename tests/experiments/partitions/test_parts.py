"""Parts of the studies of partition, on a few rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from latentatlas.core import Batch, LatentLayout
from latentatlas.data.transformations import AmplitudeScaling, Chain, ImageRotation, UniformRotation
from latentatlas.experiments import partition_ablation, partition_images, partition_multimodal
from latentatlas.experiments.partitions.changes import Changes
from latentatlas.experiments.partitions.figures import sweep_figure
from latentatlas.experiments.partitions.judging import COLUMNS, Seen, judged
from latentatlas.experiments.partitions.methods import METHODS, ORACLE, Budget, Trained, trained
from latentatlas.experiments.partitions.modalities import Budget as Small
from latentatlas.experiments.partitions.modalities import Concatenated, Correlated, Shared, Statistics, Told
from latentatlas.experiments.partitions.movements import MODALITIES, Movements
from latentatlas.experiments.partitions.pictures import Pictures
from latentatlas.experiments.partitions.sweeps import BETA, INVARIANT, NEGATIVES, Cell, aside, made
from latentatlas.experiments.signals import Budget as Steps
from latentatlas.experiments.signals import Part, Setting, latents
from latentatlas.terms import Partition

_TURN = Chain({"turn": ImageRotation(math.pi)})


def pictures_of(n: int = 40, *, seed: int = 0) -> Pictures:
    """Bars of ten heights."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(n) % 10
    images = (torch.arange(10)[:, None] <= label[:, None, None]).float().expand(n, 10, 10)
    images = images + 0.05 * torch.rand(n, 10, 10, generator=generator)
    rows = Batch(images.flatten(1), label=label)
    return Pictures("bars", (1, 10, 10), rows, rows, Changes(_TURN, (1, 10, 10)), "turned")


def movements_of(n: int = 60, *, seed: int = 0) -> Movements:
    """Six paces; the gyroscope follows the accelerometer."""
    rng = np.random.default_rng(seed)
    label, time = np.arange(n) % 6, np.arange(128) / 50
    size = rng.uniform(0.5, 2, (n, 1, 1))
    wave = size * np.sin(2 * np.pi * (1 + label[:, None, None]) * time + rng.uniform(0, 6, (n, 3, 1)))
    x = np.concatenate([wave, 0.5 * wave], axis=1) + 0.01 * rng.normal(size=(n, 6, 128))
    rows = Batch(torch.from_numpy(x.reshape(n, -1).astype(np.float32)), label=torch.from_numpy(label))
    return Movements(rows, rows, np.arange(n) % 3)


def test_an_angle_is_told_as_a_point_of_a_circle_and_nothing_else_is():
    chain = Chain({"turn": ImageRotation(math.pi), "turn again": ImageRotation(1.0)})
    changes = Changes(chain, (1, 4, 4))
    assert changes.columns == {"turn": (0, 1), "turn again": (2, 3)}
    told = changes.sample(20, torch.Generator().manual_seed(0))
    torch.testing.assert_close(told[:, 0] ** 2 + told[:, 1] ** 2, torch.ones(20))
    x = torch.rand(20, 16)
    plain = chain.sample(20, torch.Generator().manual_seed(0))
    torch.testing.assert_close(changes.apply(x, told), chain.apply(x.reshape(-1, 1, 4, 4), plain).flatten(1))
    louder = Changes(Chain({"loud": AmplitudeScaling(2.0)}), (1, 4))
    assert louder.columns == {"loud": (0,)}


@pytest.mark.parametrize("title", [*METHODS, ORACLE])
def test_every_way_to_train_gives_blocks(title: str):
    budget = Budget(steps=2, batch=20, channels=(4,), hidden=8, invariant=3, variant=2, free=1)
    found = trained(title, pictures_of(), budget, seed=0)
    blocks = found.blocks(pictures_of().test.x)
    parted = "partition" in title
    assert list(blocks) == (["invariant", "variant", "free"] if parted else ["z"])
    assert sum(block.shape[1] for block in blocks.values()) == 6
    assert all(np.isfinite(block).all() for block in blocks.values())


class _Answer(torch.nn.Module):
    """The height of a bar as a direction, in pixels that do not turn, and the angle of nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height = x.reshape(-1, 10, 10).mean(dim=(1, 2), keepdim=False) * 3
        return torch.stack([height.cos(), height.sin(), x[:, 0]], dim=1)


def test_figures_of_a_block():
    pictures = pictures_of(60)
    seen = Seen.of(pictures, seed=0)
    figures = judged(Trained(_Answer(), LatentLayout(invariant=2, free=1)), seen)
    assert set(figures) == {"invariant", "free"}
    assert set(figures["invariant"]) == {*COLUMNS, "R² turn"}
    assert figures["invariant"]["similarity"] > 0.9
    assert figures["invariant"]["accuracy"] > figures["free"]["accuracy"]
    pixels = judged(Trained(None), seen)["z"]
    assert pixels["accuracy"] > 0.9
    assert pixels["accuracy, changed"] < pixels["accuracy"]


@pytest.mark.parametrize("contrast", [0.0, 1.0])
def test_what_each_sensor_says(contrast: float):
    rows = movements_of()
    small = Small(steps=2, batch=20, channels=(4, 4), shared=3, own=2)
    shared = Shared(rows, small, contrast=contrast, recon=1.0, seed=0)
    blocks = shared.blocks(rows.test.x)
    assert {name: block.shape[1] for name, block in blocks.items()} == {
        "invariant, accelerometer alone": 3,
        "invariant, gyroscope alone": 3,
        "invariant, both": 3,
        "free, accelerometer": 2,
        "free, gyroscope": 2,
        "all": 7,
    }
    each = [blocks[f"invariant, {name} alone"] for name in MODALITIES]
    np.testing.assert_allclose(blocks["invariant, both"], np.mean(each, axis=0), atol=1e-6)


def test_other_ways_to_read_two_sensors():
    rows = movements_of()
    small = Small(steps=2, batch=20, channels=(4, 4), shared=3, own=2)
    for each in (Concatenated(rows, small, seed=0), Told(rows, small, seed=0)):
        assert each.blocks(rows.test.x)["all"].shape == (60, 7)
        assert each.alone(rows.test.x) is None
    assert Statistics().blocks(rows.test.x)["all"].shape == (60, 60)


def test_correlated_statistics_find_the_window_of_the_other_sensor():
    rows, new = movements_of(200), movements_of(seed=1)
    found = Correlated(rows, axes=8)
    each = found.alone(new.test.x)
    assert {block.shape for block in each.values()} == {(60, 8)}
    recall = partition_multimodal._recall(found, new)["all windows"]
    assert recall["recall@1"] > 0.5
    assert recall["similarity"] > recall["other windows"] + 0.5


def test_one_thing_at_a_time():
    base = Cell()
    assert sum(cell.layout != base.layout for cell in INVARIANT.values()) == len(INVARIANT) - 1
    assert all(cell.layout.dim == base.layout.dim for cell in INVARIANT.values())
    assert sum(cell == base for rows in (INVARIANT, BETA, NEGATIVES) for cell in rows.values()) == 3
    terms = Cell(beta=0.5).terms((0, 1))(base.layout)
    term = terms["partition"][0]
    assert isinstance(term, Partition)
    assert term.beta(0) == 0.5
    assert "readable" not in INVARIANT["128"].terms((0, 1))(LatentLayout(invariant=128))


def test_the_verdict_compares_with_the_best_cell():
    rows = {"32": {"accuracy changed": [0.9, 0.92]}, "64": {"accuracy changed": [0.95, 0.93]}}
    titles = (*partition_ablation.AUTOMATIC, partition_ablation._PICKED)
    ours = {title: {"accuracy changed": [0.936]} for title in titles}
    tables = {"Axes of the invariant block": rows, "Other methods": ours}
    lines = partition_ablation._verdict({"quick": False, "tables": tables})
    assert sum(line.startswith("- met: ") for line in lines) == len(titles)
    ours[titles[0]] = {"accuracy changed": [0.93]}
    lines = partition_ablation._verdict({"quick": False, "tables": tables})
    assert sum(line.startswith("- **missed**: ") and "0.0100" in line for line in lines) == 1


def test_gates_give_sizes_to_train_with():
    x = movements_of(24).train.x.reshape(-1, 6, 128)
    part = Part(x, torch.arange(24) % 6, np.repeat(["a", "b"], 12))
    setting = Setting(part, part, part, classes=tuple("abcdef"), transformation=UniformRotation())
    found, layout = made(*partition_ablation.AUTOMATIC, None, setting, Steps(4, batch=12), seed=0)
    assert layout.dim == Cell().layout.dim
    assert latents(found.model, part, setting).shape == (24, layout.dim)
    assert 0 <= aside(found, setting, seed=0) <= 1


def test_the_picture_of_a_sweep():
    cells = {"0": {"a": [0.1, 0.2], "b": [1.0, 1.0]}, "1": {"a": [0.3, 0.4], "b": [0.5, 0.6]}}
    figure = sweep_figure({"one": cells, "two": cells}, ("a", "b"))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["one", "two"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]


def test_numbers_as_text():
    rows = np.array([[1.5, -2.0, 0.25]])
    assert partition_images._from_text(partition_images._as_text(rows)).tolist() == rows.tolist()
