"""What the studies of signals share, on waves whose answers are known, and both studies on them from end to end."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from latentatlas.core import Constant, LatentLayout
from latentatlas.data.transformations import UniformRotation, WindowSlide
from latentatlas.experiments import ecg, imu, run_study
from latentatlas.experiments.signals import Budget, Method, Part, Setting, latents, predictions, trained
from latentatlas.experiments.signals.beats import WholeAndParts
from latentatlas.experiments.signals.figures import mean_curve, paths_of_blocks
from latentatlas.experiments.signals.judging import Pairs, found_again, right, similarity, told_by_blocks, told_by_pair
from latentatlas.experiments.signals.methods import LOG, RATIO
from latentatlas.experiments.signals.steady import SteadyEncoder, steady_channels
from latentatlas.terms import Prediction


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _part(channels: int, length: int, classes: int, records: tuple[str, ...], *, each: int = 24) -> Part:
    """Waves of a pace for each class, at a phase of their own."""
    rng = np.random.default_rng(len(records))
    count = each * len(records)
    label = np.arange(count) % classes
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    across = np.arange(channels)[None, :, None]
    x = np.sin(0.05 * (1 + label[:, None, None]) * np.arange(length) + phase + across)
    x += 0.1 * rng.normal(size=x.shape)
    return Part(torch.from_numpy(x).float(), torch.from_numpy(label), np.repeat(records, each))


def _setting(channels: int, length: int, classes: int, transformation) -> Setting:
    parts = [_part(channels, length, classes, records) for records in (("a", "b"), ("c",), ("d", "e", "f"))]
    return Setting(*parts, classes=tuple("NSVFQX"[:classes]), transformation=transformation)


@pytest.fixture(scope="module")
def slides() -> Setting:
    return _setting(1, 1380, 4, WindowSlide(1080, after=300))


@pytest.fixture(scope="module")
def turns() -> Setting:
    return _setting(6, 128, 6, UniformRotation())


def test_parts_by_hand():
    part = Part(torch.arange(6.0).reshape(6, 1, 1), torch.arange(6), np.array(["a", "a", "a", "a", "b", "b"]))
    assert part.spaced(2).label.tolist() == [0, 2, 4, 5]
    assert part.at(np.array([5, 0])).record.tolist() == ["b", "a"]
    both = part.beside(part.at(np.array([1])))
    assert both.x.flatten().tolist() == [0, 1, 2, 3, 4, 5, 1]
    assert both.record.tolist()[-1] == "a"


def test_a_setting_knows_the_shape_without_room_and_joins_who_chose(slides: Setting):
    assert slides.shape == (1, 1080)
    joined = slides.joined()
    assert len(joined.train.x) == len(slides.train.x) + len(slides.validation.x)
    assert set(joined.train.record.tolist()) == {"a", "b", "c"}


def test_a_network_learns_waves_and_is_the_same_with_the_same_seed(turns: Setting):
    method = Method(LatentLayout(free=8), lambda _: {"risk": (Prediction(), Constant(1.0))})
    first, second = (trained(method, turns, Budget(60, batch=24), seed=3) for _ in range(2))
    z = latents(first.model, turns.test, turns)
    assert torch.equal(z, latents(second.model, turns.test, turns))
    told = predictions(first.model, turns.train, turns).argmax(dim=1)
    assert (told == turns.train.label).float().mean() > 0.7
    assert not told_by_blocks(first, method, turns, seed=0, quick=True)  # a latent without blocks has none to read


def test_answers_by_hand():
    before, after = np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 1, 1, 1]]
    found = right(before, after, np.array([0, 0, 1, 0]), 2)
    assert found["accuracy"] == 0.75
    assert found["accuracy changed"] == 0.5
    assert found["consistency"] == 0.75
    assert found["F1"] == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_windows_are_found_again_in_galleries_of_each_size():
    z = normal(0, 60, 8).numpy()
    record = np.repeat(["a", "b", "c"], 20)
    found = found_again(z, z, record, (1, 10), seed=0)
    assert found == {"1": {"recall@1": 1.0, "mAP": 1.0}, "10": {"recall@1": 1.0, "mAP": 1.0}}
    strange = found_again(z, normal(1, 60, 8).numpy(), record, (10,), seed=0)
    assert strange["10"]["recall@1"] < 0.3


def test_curves_are_means_over_seeds():
    z = normal(0, 8, 3).numpy()
    record = np.repeat(["a", "b"], 4)
    one, other = (similarity(z, {0.0: z, 1.0: sign * z}, record) for sign in (1, -1))
    curve = mean_curve([one, other])
    assert curve.similarity.tolist() == pytest.approx([1, 0])
    assert curve.other_records == one["other records"]


def test_a_turn_is_read_from_directions_that_turn_along_and_not_from_noise():
    turn = UniformRotation(((0, 1, 2),))
    before = torch.linalg.qr(normal(0, 1200, 3, 3)).Q
    told = turn.sample(1200, torch.Generator().manual_seed(1))
    pairs = Pairs(before.transpose(1, 2).flatten(1), turn.apply(before, told).transpose(1, 2).flatten(1), told)
    learn, meet = (Pairs(*(field[rows] for field in pairs)) for rows in (slice(0, 900), slice(900, None)))
    found = told_by_pair(learn, meet, seed=0, quick=False)
    assert found["OuterProduct"] > 0.9
    noise = [
        Pairs(normal(seed, len(each.told), 4), normal(seed + 1, len(each.told), 4), each.told)
        for seed, each in ((2, learn), (4, meet))
    ]
    assert max(told_by_pair(*noise, seed=0, quick=False).values()) < 0.1


def test_no_turn_reaches_the_steady_channels_and_directions_turn_along():
    layout = LatentLayout(invariant=4, variant=6, free=2)
    torch.manual_seed(0)
    encoder = SteadyEncoder(layout, 128).eval()
    x, turn = normal(0, 5, 6, 128) + torch.tensor([0.0, 0.0, 3.0, 0.0, 0.0, 0.0])[:, None], UniformRotation()
    told = turn.sample(5, torch.Generator().manual_seed(1))
    turned = turn.apply(x, told)
    torch.testing.assert_close(steady_channels(turned), steady_channels(x), atol=2e-3, rtol=0)
    with torch.no_grad():
        z, z_turned = encoder(x.flatten(1)), encoder(turned.flatten(1))
    torch.testing.assert_close(layout.block(z_turned, "invariant"), layout.block(z, "invariant"), atol=5e-3, rtol=0)
    directions = layout.block(z, "variant").reshape(5, 2, 3)
    along = UniformRotation(((0, 1, 2),)).apply(directions.transpose(1, 2), told).transpose(1, 2)
    torch.testing.assert_close(layout.block(z_turned, "variant").reshape(5, 2, 3), along, atol=1e-4, rtol=0)


def test_what_is_summed_over_the_whole_window_hardly_knows_of_a_slide():
    layout = LatentLayout(invariant=4, variant=6, free=2)
    torch.manual_seed(0)
    encoder = WholeAndParts(layout, (1, 1088)).eval()
    wave = torch.sin(torch.arange(1088 + 64) * 2 * torch.pi / 64)[None]  # slid by 32 samples, half a wave
    with torch.no_grad():
        z, slid = encoder(wave[:, :1088]), encoder(wave[:, 32 : 32 + 1088])
    moved = {
        name: float((layout.block(z, name) - layout.block(slid, name)).norm()) for name in ("invariant", "variant")
    }
    assert moved["invariant"] < 0.2 * moved["variant"]
    assert encoder.mirror()(z).shape == (1, 1088)


def test_a_turn_around_an_axis_by_hand():
    turned = UniformRotation(((0, 1, 2),)).apply(
        torch.tensor([[[1.0], [0.0], [5.0]]]), imu.around(torch.tensor([[0.0, 0.0, 1.0]]), math.pi / 2)
    )
    torch.testing.assert_close(turned.flatten(), torch.tensor([0.0, 1.0, 5.0]))


def test_paths_keep_the_axes_of_most_variance():
    z = np.stack([np.zeros(9), np.arange(9.0), 0.1 * np.arange(9.0) ** 2, np.zeros(9)], axis=1)
    paths = paths_of_blocks(z, LatentLayout(invariant=1, variant=3), np.arange(9.0))
    assert list(paths["blocks"]) == ["invariant", "variant"]
    assert paths["sizes"] == {"invariant": 1, "variant": 3}
    moved = np.array(paths["blocks"]["variant"])
    assert np.ptp(moved[:, 0]) > 8
    assert not np.array(paths["blocks"]["invariant"]).any()


def test_the_study_of_hearts_writes_its_page(slides: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ecg, "hearts", lambda *, quick: slides)
    result = run_study("ecg", tmp_path, quick=True, log=lambda line: None)
    page = (tmp_path / "ecg.md").read_text()
    for title in ("raw window", "log spectrum", *ecg.METHODS):
        (cell,) = result["figures"][title]
        assert np.isfinite(cell["curve"]["other records"])
        assert cell["curve"]["similarity"][0] == pytest.approx(1)
        assert page.count(f"| {title} | ") >= 3
    assert set(result["figures"][LOG][0]["told"]) == {"invariant", "variant"}
    assert (tmp_path / "ecg.png").stat().st_size > 1000
    assert (tmp_path / "ecg_blocks_1.png").stat().st_size > 1000
    verdicts = ecg._verdicts(result | {"figures": _with_galleries(result["figures"])})
    assert sum("recall@1" in line for line in verdicts) == 24
    assert sum("encoded in a second" in line for line in verdicts) == 4


def _with_galleries(figures):
    """The quick galleries under the names of the full ones."""
    filled = {"1": {"recall@1": 1.0}, "10": {"recall@1": 1.0}, "50": {"recall@1": 1.0}}
    return {
        title: [cell | {"again": dict.fromkeys(("slid by 300", "slid by 0 … 300"), filled)} for cell in cells]
        for title, cells in figures.items()
    }


def test_the_study_of_movements_writes_its_page(turns: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(imu, "movements", lambda *, quick: turns)
    result = run_study("imu", tmp_path, quick=True, log=lambda line: None)
    page = (tmp_path / "imu.md").read_text()
    for title in (*imu.METHODS, f"{LOG}, 8 turns averaged", *imu._BY_HAND):
        assert 0 <= result["figures"][title][0]["right"]["consistency"] <= 1
        assert f"| {title} | " in page
    (steady,) = result["figures"]["steady statistics, gradient boosting"]
    assert steady["right"]["consistency"] > 0.9
    assert result["figures"]["partition beside steady channels"][0]["told"]["invariant"]["Concatenation"] < 0.1
    verdicts = imu._verdicts(result)
    assert [line for line in verdicts if line.endswith(":")] == [f"{title}:" for title in (LOG, RATIO, imu._STEADY)]
    assert (tmp_path / "imu_blocks_2.png").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", ["ecg", "imu"])
def test_the_studies_run_on_the_real_records(data_home: Path, tmp_path: Path, name: str):
    result = run_study(name, tmp_path, quick=True, log=lambda line: None)
    assert min(result["windows"]) > 50
    assert "Targets are for a full run" in (tmp_path / f"{name}.md").read_text()
