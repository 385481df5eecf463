"""An atlas whose latent is cut into blocks: from the fit to the run folder and back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from latentatlas import load
from latentatlas.checks import LabelKept, Status
from latentatlas.core import DataError, LatentLayout, ShapeError, SpecError
from latentatlas.data import DataWarning, Recording, Table, Windows
from latentatlas.data.transformations import WindowSlide
from latentatlas.models import MLPEncoder
from latentatlas.terms import Partition

LAYOUT = LatentLayout(invariant=3, variant=3, free=2)


class Turn:
    """Turns the two axes of a pattern (2, time) by one angle; the parameters are its cosine and sine."""

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        angle = 2 * math.pi * torch.rand(n, generator=generator)
        return torch.stack([angle.cos(), angle.sin()], dim=1)

    def apply(self, x: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        (u, v), (c, s) = x.unbind(dim=1), parameters[:, :, None].unbind(dim=1)
        return torch.stack([c * u - s * v, s * u + c * v], dim=1)


class Bad(Turn):
    def __init__(self, change):
        self.change = change

    def apply(self, x, parameters):
        return self.change(x)


@pytest.fixture(scope="module")
def patterns() -> Table:
    """Six patterns of two axes and eight times, turned by any angle, with noise."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 6, 400)
    x = torch.from_numpy(rng.normal(size=(6, 2, 8))[kind] + 0.05 * rng.normal(size=(400, 2, 8)))
    turned = Turn().apply(x, Turn().sample(400, torch.Generator().manual_seed(0)).double())
    x = turned.reshape(400, 16).numpy().astype(np.float32)
    return Table(x, label=kind, item_shape=(2, 8), item_axes=("channel", "time"), name="patterns")


@pytest.fixture(scope="module")
def fitted(quick, patterns):
    with pytest.warns(DataWarning, match=r"can be used but not saved.*test_blocks.*Turn"):
        return quick(dim=8, layout=LAYOUT, transformation=Turn(), steps=60, n_basins=6).fit(patterns)


def test_blocks_are_columns_of_the_latent(fitted, patterns):
    z, blocks = fitted.transform(patterns.x), fitted.blocks(patterns.x)
    assert list(blocks) == ["invariant", "variant", "free"]
    np.testing.assert_array_equal(np.concatenate(list(blocks.values()), axis=1), z)
    assert fitted.get_feature_names_out()[:4].tolist() == ["invariant0", "invariant1", "invariant2", "variant0"]
    points = fitted.points()
    np.testing.assert_array_equal(points["latent.variant"], points["latent"][:, 3:6])


def test_it_is_trained_on_edges_with_the_terms_of_partition(fitted):
    assert {"recon", "neighbours", "map", "partition", "readable"} <= set(fitted.objective_.terms)
    assert "layout" not in fitted.objective_.terms
    assert np.isfinite(fitted.history_["held_out/partition"]).any()


def test_the_certificate_judges_the_views(fitted):
    names = [verdict.name for verdict in fitted.check()]
    assert names[-3:] == ["views.similarity", "variant", "invariant"]
    (skipped,) = fitted.check([LabelKept()])
    assert skipped.status is Status.SKIP


def test_equal_seeds_give_equal_fits(fitted, quick, patterns):
    with pytest.warns(DataWarning):
        again = quick(dim=8, layout=LAYOUT, transformation=Turn(), steps=60, n_basins=6).fit(patterns)
    np.testing.assert_array_equal(again.latent_, fitted.latent_)


def test_new_rows_are_taken_in_with_views(quick, patterns):
    with pytest.warns(DataWarning):
        atlas = quick(dim=8, layout=LAYOUT, transformation=Turn(), n_basins=6).fit(patterns)
    atlas.partial_fit(patterns.take(range(20)).x, patterns.label[:20])
    assert np.isfinite(atlas.history_["value/partition"][-1])


def test_saved_and_loaded(quick, patterns, tmp_path: Path, no_pictures):
    nested = LatentLayout(invariant=3, variant={"turn": 3, "scale": 0}, free=2)
    atlas = quick(dim=8, layout=nested).fit(patterns)
    run = atlas.save(tmp_path / "run")
    again = load(run)
    assert again.layout == nested
    for name, block in atlas.blocks(patterns.x).items():
        np.testing.assert_array_equal(again.blocks(patterns.x)[name], block)
    assert {"latent.invariant", "latent.variant.turn", "latent.free"} <= set(run.points())
    assert "latent.variant.scale" not in run.points()
    assert "invariant 3, variant.turn 3, variant.scale 0, free 2" in (run.path / "report.html").read_text()


@pytest.mark.filterwarnings("ignore::latentatlas.data.DataWarning")
def test_a_term_of_ones_own_and_none(quick, patterns):
    beside = {"dim": 8, "layout": LAYOUT, "transformation": Turn(), "steps": 5}
    given = quick(**beside, partition_term=Partition(LatentLayout(invariant=8))).fit(patterns)
    none = quick(**beside, partition_term=None).fit(patterns)
    assert given.objective_.terms["partition"][0].layout == LatentLayout(invariant=8)
    assert not {"partition", "readable"} & set(none.objective_.terms)


def test_views_see_items_in_the_units_of_the_data(quick, patterns):
    seen = []

    class Watch(Turn):
        def apply(self, x, parameters):
            seen.append((tuple(x.shape[1:]), float(x.abs().max())))
            return super().apply(x, parameters)

    large = Table(1000 * patterns.x, item_shape=(2, 8))
    with pytest.warns(DataWarning):
        quick(dim=8, layout=LAYOUT, transformation=Watch(), standardize=True, steps=2).fit(large)
    assert {shape for shape, _ in seen} == {(2, 8)}
    assert max(size for _, size in seen) > 1000


@pytest.mark.filterwarnings("ignore::latentatlas.data.DataWarning")
def test_each_step_of_a_chain_is_read_from_the_part_of_its_name(quick, patterns):
    class Chain(Turn):
        """A turn and some noise with a key that cannot be read."""

        readable = (0, 1)
        blocks: ClassVar = {"turn": slice(0, 2), "noise": slice(2, 3)}

        def sample(self, n, generator):
            return torch.cat([super().sample(n, generator), torch.rand(n, 1, generator=generator)], dim=1)

        def apply(self, x, parameters):
            return super().apply(x, parameters[:, :2]) + 0.01 * parameters[:, 2, None, None]

    layout = LatentLayout(invariant=3, variant={"turn": 3, "noise": 1}, free=1)
    atlas = quick(dim=8, layout=layout, transformation=Chain(), steps=2).fit(patterns)
    term, _ = atlas.objective_.terms["readable_turn"]
    assert (term.block, term.columns) == ("variant.turn", (0, 1))
    assert "readable_noise" not in atlas.objective_.terms
    whole = quick(dim=8, layout=LAYOUT, transformation=Chain(), steps=2).fit(patterns)
    assert whole.objective_.terms["readable"][0].columns == (0, 1)


def _waves(*, room: int) -> Table:
    """Windows of 16 samples of waves of two channels, each with room for a slide to the right."""
    rng = np.random.default_rng(0)
    times = np.arange(1200)
    recordings = [
        Recording(
            np.sin(pace * times + np.array([[0.0], [1.0]])) + 0.05 * rng.normal(size=(2, 1200)),
            rate=50,
            name=f"{pace}",
        )
        for pace in (0.3, 0.5, 0.8)
    ]
    return Windows(16, 16, room=(0, room))(recordings)


def test_rows_with_room_are_windows_to_the_atlas_and_slide_in_its_views(quick, tmp_path: Path, no_pictures):
    slide = WindowSlide(16, after=8)
    roomy = _waves(room=8)
    atlas = quick(dim=8, layout=LAYOUT, transformation=slide, steps=40).fit(roomy)
    windows = slide.apply(torch.from_numpy(roomy.x).reshape(-1, 2, 24), torch.zeros(len(roomy), 1)).flatten(1).numpy()
    np.testing.assert_array_equal(atlas.table_.x, windows)
    assert (atlas.table_.item_shape, atlas.table_.columns[16]) == ((2, 16), "channel1_0")
    assert atlas.n_features_in_ == 32
    np.testing.assert_array_equal(atlas.transform(roomy), atlas.transform(windows))
    assert atlas.inverse_transform(atlas.latent_[:3]).shape == (3, 32)
    views = {verdict.name: verdict for verdict in atlas.check()[-3:]}
    assert views["views.similarity"].status is not Status.SKIP

    again = load(atlas.save(tmp_path / "run"))
    np.testing.assert_array_equal(again.transform(roomy), atlas.latent_)
    assert again.check()[-3].status is Status.SKIP  # the run keeps windows, not what came beside them
    for each in (atlas, again):
        with pytest.raises(SpecError, match=r"partial_fit wants views of earlier rows, and WindowSlide .* Call fit"):
            each.partial_fit(roomy.take(range(5)))


def test_a_slide_without_room_says_how_to_cut_the_rows(quick):
    with pytest.raises(ShapeError, match=r"items of 24 samples.* got 16\. Cut them with Windows\(16, room=\(0, 8\)\)"):
        quick(dim=8, layout=LAYOUT, transformation=WindowSlide(16, after=8)).fit(_waves(room=0))


def test_without_a_layout_there_are_no_blocks(flat, flowers):
    with pytest.raises(SpecError, match=r"Atlas\.blocks wants a layout"):
        flat.blocks(flowers.x)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"layout": LatentLayout(invariant=3)}, ShapeError, "Atlas wants blocks that sum to the 8 axes"),
        ({"layout": {"invariant": 8}}, SpecError, "layout as a LatentLayout"),
        ({"transformation": Turn()}, SpecError, "wants a layout for the transformation"),
        ({"layout": LAYOUT, "transformation": abs}, SpecError, "sample"),
        ({"layout": LAYOUT, "transformation": Turn(), "partition_term": "log"}, SpecError, "partition_term"),
        ({"layout": LAYOUT, "transformation": Bad(lambda x: x[..., 1:])}, ShapeError, r"made \(2, 7\)"),
        ({"layout": LAYOUT, "transformation": Bad(lambda x: x * math.nan)}, DataError, "finite views"),
        ({"layout": LAYOUT, "encoder": MLPEncoder(16, 4)}, SpecError, "encoder with dim=8"),
    ],
)
@pytest.mark.filterwarnings("ignore::latentatlas.data.DataWarning")
def test_bad_settings(quick, patterns, settings, error, message):
    with pytest.raises(error, match=message):
        quick(dim=8, steps=2, **settings).fit(patterns)
