"""An atlas with charts: from the settings to the run folder and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

from latentatlas import load
from latentatlas.checks import ChartRouting, Status
from latentatlas.core import Ramp, ShapeError, SpecError
from latentatlas.data import Table, synthetic
from latentatlas.estimator import Atlas, ChartSettings
from latentatlas.estimator.chart_summary import chart_summary
from latentatlas.estimator.coordinates import reached
from latentatlas.metrics import transitions
from latentatlas.models import (
    AutoencoderJumps,
    FactorizedJumps,
    MLPEncoder,
    TiedJumps,
    charted_autoencoder,
)

OF_CHARTS = ["chart", "chart_membership", "local", "routing_entropy", "code"]


@pytest.fixture(scope="module")
def groups() -> Table:
    """Three groups of 60 rows in six columns, and columns beside them that are called as those of an atlas."""
    rng = np.random.default_rng(0)
    kind = np.repeat(np.arange(3), 60)
    x = (rng.normal(size=(180, 6)) + 8 * np.eye(6)[kind]).astype(np.float32)
    return Table(x, label=kind, metadata={"chart": kind + 7, "code": kind.astype(str)}, name="groups")


@pytest.fixture(scope="module")
def charted(quick, groups) -> Atlas:
    return quick(charts=ChartSettings(3, codes=4), steps=200).fit(groups)


# ---------------------------------------------------------------- what it says of rows


def test_rows_lie_in_charts(charted, groups):
    found = charted.chart_coordinates(groups)
    assert found.memberships.shape == (180, 3)
    assert found.local.shape == (180, 3, 2)
    assert found.code is not None
    assert found.code.max() < 4
    np.testing.assert_allclose(found.memberships.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(found.chart, found.memberships.argmax(axis=1))
    np.testing.assert_array_equal(charted.predict_chart(groups), found.chart)
    np.testing.assert_array_equal(found.own[5], found.local[5, found.chart[5]])
    assert found.own_code is not None
    assert found.own_code[5] == found.code[5, found.chart[5]]
    assert ((found.entropy >= 0) & (found.entropy <= 1)).all()


def test_groups_that_lie_apart_get_a_chart_each(charted, groups):
    counts = np.zeros((3, 3))
    np.add.at(counts, (groups.label, charted.predict_chart(groups)), 1)
    assert sorted(counts.argmax(axis=1)) == [0, 1, 2]
    assert counts.max(axis=1).sum() >= 0.9 * 180


def test_the_latent_is_the_blend_of_the_charts_in_their_frame(charted, groups):
    found, network = charted.chart_coordinates(groups), charted.model_.charted
    blend = network.encoder.placements.blend(torch.from_numpy(found.memberships), torch.from_numpy(found.local))
    np.testing.assert_allclose(charted.transform(groups), blend.detach().numpy(), atol=1e-4)


def test_codes_are_the_nearest_ones(charted, groups):
    found, places = charted.chart_coordinates(groups), charted.model_.charted.codebook.places.numpy()
    away = np.linalg.norm(found.own[:, None] - places[found.chart], axis=2)
    np.testing.assert_allclose(away[np.arange(180), found.own_code], away.min(axis=1), atol=1e-4)


def test_points_have_columns_of_charts_beside_those_of_the_data(charted, groups):
    points, found = charted.points(), charted.chart_coordinates(groups)
    assert set(OF_CHARTS) <= set(points)
    np.testing.assert_array_equal(points["chart"], found.chart)
    np.testing.assert_array_equal(points["code"], found.own_code)
    np.testing.assert_array_equal(points["local"], found.own)
    np.testing.assert_allclose(points["routing_entropy"], found.entropy, atol=1e-6)
    np.testing.assert_array_equal(points["chart_"], groups.metadata["chart"])
    np.testing.assert_array_equal(points["code_"], groups.metadata["code"])


def test_a_jump_to_its_own_chart_leaves_a_row_where_it_is(charted, groups):
    found = charted.chart_coordinates(groups)
    np.testing.assert_allclose(charted.jump(groups, found.chart), found.own, atol=1e-3)


def test_jumps_go_through_the_common_frame(charted, groups):
    x, frame = groups.x[:4], charted.model_.charted.encoder.placements
    found = charted.chart_coordinates(x)
    places = frame(torch.from_numpy(found.local))[np.arange(4), found.chart]
    expected = frame.local(places)[:, 2].detach().numpy()
    np.testing.assert_allclose(charted.jump(x, 2), expected, atol=1e-3)


def test_one_chart_decodes_its_rows_as_the_latent_does(quick, groups):
    one = quick(charts=ChartSettings(1, codes=None), steps=20).fit(groups)
    decoded = one.decode_chart(one.chart_coordinates(groups).own, 0)
    np.testing.assert_allclose(decoded, one.inverse_transform(one.transform(groups)), atol=1e-3)


def test_charts_decode_better_than_the_mean(charted, groups):
    found = charted.chart_coordinates(groups)
    error = np.square(charted.decode_chart(found.own, found.chart) - groups.x).mean()
    assert error < 0.2 * groups.x.var(axis=0).mean()


# ---------------------------------------------------------------- certificate, figures, run folder


def test_what_a_run_keeps_of_its_charts(charted, groups):
    kept, found = chart_summary(charted), charted.chart_coordinates(groups)
    assert [chart["size"] for chart in kept["charts"]] == np.bincount(found.chart, minlength=3).tolist()
    for chart in kept["charts"]:
        for code in chart["codes"]:
            assert (found.chart[code["row"]], found.own_code[code["row"]]) == (chart["number"], code["number"])
        assert sum(code["size"] for code in chart["codes"]) == chart["size"]
    led = reached(charted.model_.charted.jump, found.local)
    whole = transitions(found.local, led, found.memberships)
    assert sum(each["rows"] for each in kept["transitions"]) == whole.pairs
    assert all(each["source"] != each["target"] and each["error"] >= 0 for each in kept["transitions"])


def test_charts_without_codes_are_kept_too(quick, groups):
    kept = chart_summary(quick(charts=ChartSettings(2, codes=None, dim=1), steps=10).fit(groups))
    assert [chart["codes"] for chart in kept["charts"]] == [[], []]


def test_the_certificate_judges_charts_by_their_own_memberships(charted, groups):
    verdicts = {verdict.name: verdict for verdict in charted.check()}
    assert {"routing.alive", "routing.decided", "chart_collapse", "codes", "basins", "collapse"} <= set(verdicts)
    use = charted.chart_coordinates(groups).memberships.mean(axis=0)
    assert verdicts["routing.alive"].value == pytest.approx(3 * use.min(), abs=1e-6)
    assert "codes" not in {v.name for v in charted.check([ChartRouting()])}


def test_metrics_of_charts_stand_beside_the_others(charted):
    values = charted.measure(rows=50)
    of_charts = {name.removeprefix("charts.") for name in values if name.startswith("charts.")}
    decoding = {"explained_by_code", "explained_by_detail", "explained_by_full", "explained_by_hard", "routing_gap"}
    assert decoding | {"routing_entropy", "least_use", "overlap", "codes_in_use", "jump_r2", "again_r2"} <= of_charts
    assert values["charts.explained_by_detail"] == pytest.approx(values["charts.explained_by_full"])  # no texture
    assert values["charts.explained_by_code"] < values["charts.explained_by_full"]


def test_an_atlas_without_charts_says_nothing_of_them(flat, flowers):
    assert not set(OF_CHARTS) & set(flat.points())
    assert not [name for name in flat.measure(rows=20) if name.startswith("charts")]
    asked: list[Callable] = [
        lambda: flat.predict_chart(flowers),
        lambda: flat.jump(flowers, 0),
        lambda: flat.decode_chart(np.zeros((1, 2)), 0),
    ]
    for ask in asked:
        with pytest.raises(SpecError, match=r"wants an atlas with charts.*Fit with charts=10"):
            ask()


def test_a_saved_run_comes_back_bit_equal(charted, groups, tmp_path: Path, no_pictures):
    run = charted.save(tmp_path / "run")
    again = load(tmp_path / "run")
    before, after = charted.chart_coordinates(groups), again.chart_coordinates(groups)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(charted.transform(groups), again.transform(groups))
    np.testing.assert_array_equal(charted.jump(groups, 1), again.jump(groups, 1))
    np.testing.assert_array_equal(again.table_.metadata["chart"], groups.metadata["chart"])
    assert again.charts == charted.charts
    assert [v.to_dict() for v in again.check()] == [v.to_dict() for v in charted.check()]
    points = run.points()
    np.testing.assert_array_equal(points["chart"], before.chart)
    assert points["local"].shape == (180, 2)


def test_runs_written_before_there_were_charts_keep_a_column_of_that_name(flat, flowers, tmp_path, no_pictures):
    from dataclasses import replace

    from latentatlas.build import _point

    assert replace(flowers, metadata={"chart": np.arange(150)}).metadata["chart"][3] == 3
    np.testing.assert_array_equal(_point({"chart": np.arange(3)}, "chart"), [0, 1, 2])
    np.testing.assert_array_equal(_point({"chart": np.zeros(3), "chart_": np.arange(3)}, "chart"), [0, 1, 2])


@pytest.mark.slow
def test_the_report_shows_the_charts(charted, tmp_path: Path):
    page = charted.save(tmp_path / "run").file("report.html").read_text()
    for words in ("<h2>Charts</h2>", "coloured by chart", "routing entropy", "side by side", "keep orientation"):
        assert words in page
    assert "Chart 0" in page  # rows are no images: exemplars of codes are listed


# ---------------------------------------------------------------- fitting


def test_two_fits_are_equal(charted, quick, groups):
    again = quick(charts=ChartSettings(3, codes=4), steps=200).fit(groups)
    np.testing.assert_array_equal(charted.latent_, again.latent_)
    np.testing.assert_array_equal(charted.chart_coordinates(groups).code, again.chart_coordinates(groups).code)


def test_a_number_is_settings(quick, groups):
    one, other = quick(charts=2, steps=5).fit(groups), quick(charts=ChartSettings(2), steps=5).fit(groups)
    np.testing.assert_array_equal(one.latent_, other.latent_)
    assert clone(one).charts == 2


def test_charts_may_have_fewer_axes_than_their_frame(quick, groups):
    atlas = quick(dim=4, charts=ChartSettings(3, dim=1, codes=None), steps=20).fit(groups)
    found = atlas.chart_coordinates(groups)
    assert found.local.shape == (180, 3, 1)
    assert found.code is None
    assert atlas.transform(groups).shape == (180, 4)
    assert atlas.map_.shape == (180, 2)
    assert "code" not in atlas.points()
    assert "codes" not in {verdict.name for verdict in atlas.check()}


@pytest.mark.parametrize("jumps", [FactorizedJumps(3, 2, rank=1), TiedJumps(3, 2)])
def test_jumps_of_their_own_are_learned(quick, groups, jumps):
    start = [each.detach().clone() for each in jumps.parameters()]
    atlas = quick(charts=ChartSettings(3, jumps=jumps), steps=20).fit(groups)
    own = atlas.model_.charted.jumps
    assert type(own) is type(jumps)
    assert any(not torch.equal(a, b) for a, b in zip(start, own.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(start, jumps.parameters(), strict=True))  # what was passed is not
    assert atlas.jump(groups.x[:2], 1).shape == (2, 2)


def test_texture_is_decoded_by_a_head_of_its_own(quick, groups):
    atlas = quick(dim=3, charts=ChartSettings(3, rank=1), steps=20).fit(groups)
    assert atlas.model_.charted.decoder.texture is not None
    assert "texture" in atlas.objective_.terms
    values = atlas.measure(rows=20)
    assert values["charts.explained_by_detail"] != pytest.approx(values["charts.explained_by_full"], abs=1e-6)


def test_memberships_may_become_hard(quick, groups, tmp_path, no_pictures):
    atlas = quick(charts=ChartSettings(3, hardness=Ramp(start=0, stop=10)), steps=20).fit(groups)
    memberships = atlas.chart_coordinates(groups).memberships
    np.testing.assert_allclose(memberships.max(axis=1), 1, atol=1e-6)
    values = atlas.measure(rows=20)
    assert values["charts.overlap"] == 0
    assert np.isnan(values["charts.jump_r2"])
    atlas.save(tmp_path / "run")
    np.testing.assert_array_equal(load(tmp_path / "run").chart_coordinates(groups).memberships, memberships)


def test_a_model_of_ones_own_may_be_passed(quick, groups):
    model = charted_autoencoder(6, 1, charts=4, frame=2, width=16)
    before = [each.detach().clone() for each in model.parameters()]
    atlas = quick(charts=model, steps=10).fit(groups)
    assert atlas.chart_coordinates(groups).local.shape == (180, 4, 1)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    with pytest.raises(SpecError, match="common frame of dim=3 axes; the model has 2"):
        quick(dim=3, charts=model).fit(groups)
    with pytest.raises(ShapeError):
        quick(charts=charted_autoencoder(5, 2, width=16)).fit(groups)


def test_a_nuisance_is_removed_from_the_frame(quick, groups):
    atlas = quick(charts=2, steps=10).fit(groups.x, nuisance=np.arange(180) % 2)
    assert {"invariance", "recon", "balance"} <= set(atlas.objective_.terms)


def test_new_rows_are_taken_in(quick, groups):
    atlas = quick(charts=ChartSettings(3, codes=4), steps=60).fit(groups.x)
    before = atlas.predict_chart(groups)
    atlas.partial_fit(groups.x[:30] + 0.01)
    assert (atlas.predict_chart(groups) == before).mean() > 0.9
    assert len(atlas.points()["chart"]) == 210


def test_an_interrupted_fit_goes_on_to_the_same_charts(quick, groups, tmp_path):
    settings = ChartSettings(3, codes=4, hardness=Ramp(start=0, stop=10))
    whole = quick(charts=settings, steps=20).fit(groups)
    quick(charts=settings, steps=20).fit(groups, checkpoint=tmp_path / "state")
    (tmp_path / "state" / "basins.safetensors").unlink()  # as if it had been killed in the second stage
    again = quick(charts=settings, steps=20).fit(groups, checkpoint=tmp_path / "state")
    np.testing.assert_array_equal(whole.latent_, again.latent_)


def test_the_encoder_can_be_exported(charted, groups):
    pytest.importorskip("onnxruntime")
    from latentatlas.estimator.exporting import export_encoder

    assert export_encoder(charted, "onnx").difference < 1e-4


# ---------------------------------------------------------------- odd rows and bad input


@pytest.mark.parametrize(
    ("charts", "words"),
    [
        ("ten", "charts as None, an integer ≥ 1, .auto., ChartSettings"),
        (0, "integer ≥ 1.*got 0"),
        (-3, "integer ≥ 1.*got -3"),
        (2.5, r"got 2\.5"),
        (True, "got True"),
        ([3], r"got \[3\]"),
        (ChartSettings(3, dim=3), "at most the 2 axes of its latent; got 3"),
        (ChartSettings(3, rank=3), "rank from 0 to their 2 axes; got 3"),
        (ChartSettings(3, dim=1, rank=2), "rank from 0 to their 1 axes; got 2"),
    ],
)
def test_charts_that_cannot_be(quick, groups, charts, words):
    with pytest.raises(SpecError, match=words):
        quick(charts=charts).fit(groups)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"count": 0}, 'count as an integer ≥ 1, or "auto"; got 0'),
        ({"count": 2.0}, r"got 2\.0"),
        ({"codes": 0}, "codes as None or an integer ≥ 1; got 0"),
        ({"dim": 0}, "dim as None or an integer ≥ 1"),
        ({"rank": -1}, "rank as None or an integer ≥ 0; got -1"),
        ({"top": 4}, "top ≤ count.*got 4 of 3"),
        ({"jumps": "tied"}, "jumps as one of latentatlas.models"),
        ({"hardness": 1.0}, "hardness as a schedule"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(SpecError, match=words):
        ChartSettings(**({"count": 3} | settings))


def test_more_charts_or_codes_than_rows(quick, groups):
    few = groups.take(np.arange(0, 180, 9))
    with pytest.raises(ShapeError, match="got 18 rows for 19 charts"):
        quick(charts=19, n_neighbors=5).fit(few)
    with pytest.raises(ShapeError, match=r"got 18 rows for 19 codes.*codes=None"):
        quick(charts=ChartSettings(2, codes=19), n_neighbors=5).fit(few)
    crowded = quick(charts=ChartSettings(18, codes=18), n_neighbors=5, steps=5).fit(few)  # as many is allowed
    assert np.isfinite(crowded.transform(few)).all()


def test_charts_stand_alone(quick, groups):
    from latentatlas.core import LatentLayout

    with pytest.raises(SpecError, match="charts or a layout; got both"):
        quick(charts=2, layout=LatentLayout(invariant=1, free=1)).fit(groups)
    with pytest.raises(SpecError, match=r"charts or an encoder.*MLPEncoder"):
        quick(charts=2, encoder=MLPEncoder(6, 2)).fit(groups)


def test_jumps_of_other_charts(quick, groups):
    with pytest.raises(ShapeError, match="jumps for 3 charts of 2 axes; got 4"):
        quick(charts=ChartSettings(3, jumps=FactorizedJumps(4, 2)), steps=2).fit(groups)


@pytest.mark.parametrize(("dim", "charts"), [(1, 1), (1, 3), (2, 1), (3, 1)])
def test_few_axes_and_a_single_chart(quick, groups, dim, charts):
    atlas = quick(dim=dim, charts=ChartSettings(charts, codes=3), steps=10).fit(groups)
    found = atlas.chart_coordinates(groups)
    assert found.local.shape == (180, charts, dim)
    assert np.isfinite(atlas.transform(groups)).all()
    assert atlas.map_.shape == (180, 2)
    verdicts = {verdict.name: verdict for verdict in atlas.check()}
    if charts == 1:
        assert verdicts["routing.alive"].status == verdicts["routing.decided"].status == Status.PASS
        assert not found.entropy.any()
        assert np.isnan(atlas.measure(rows=20)["charts.jump_r2"])


def test_all_rows_in_one_chart_fail_the_certificate_but_nothing_else(quick, groups, tmp_path):
    atlas = quick(charts=ChartSettings(3, codes=4), steps=5).fit(groups)
    with torch.no_grad():
        atlas.model_.charted.encoder.router.net[0].bias.copy_(torch.tensor([200.0, 0.0, 0.0]))
    assert set(atlas.predict_chart(groups)) == {0}
    alive = next(verdict for verdict in atlas.check() if verdict.name == "routing.alive")
    assert alive.status == Status.FAIL
    values = atlas.measure(rows=20)
    assert values["charts.least_use"] == pytest.approx(0, abs=1e-6)
    assert values["charts.overlap"] == 0
    from latentatlas.estimator.chart_pictures import chart_figures, code_table

    found = atlas.chart_coordinates(groups)
    titles = [axes.get_title(loc="left") for axes in next(iter(chart_figures(atlas, found).values())).axes]
    assert titles == ["chart 0 · 180 rows", "chart 1 · empty", "chart 2 · empty"]
    assert [entry["size"] for entry in code_table(atlas, found)] == [180, 0, 0]


@pytest.mark.parametrize("chart", [3, -1, 0.5, "a", [0, 1], np.zeros(4)])
def test_charts_that_do_not_exist(charted, groups, chart):
    with pytest.raises(SpecError, match=r"one of the charts 0 … 2"):
        charted.jump(groups.x[:4], chart)
    with pytest.raises(SpecError, match=r"one of the charts 0 … 2"):
        charted.decode_chart(np.zeros((4, 2)), chart)


def test_coordinates_of_another_number_of_axes(charted):
    with pytest.raises(ShapeError, match="coordinates of 2 axes; got 3"):
        charted.decode_chart(np.zeros((1, 3)), 0)


@pytest.mark.slow
def test_the_band_turns_orientation():
    """Known answer: the charts of a Möbius band cannot be turned alike."""
    table = synthetic.mobius_band(2_000, seed=0).table
    atlas = Atlas(dim=2, charts=ChartSettings(4, codes=None), steps=800, threads=1).fit(table)
    values = atlas.measure(rows=500)
    assert values["charts.orientable"] == 0
    assert values["charts.explained_by_full"] > 0.9
    again = AutoencoderJumps(atlas.model_.charted)
    assert again.charts == 4


# ---------------------------------------------------------------- a number that is found


def test_the_number_of_charts_is_found_saved_and_judged(quick, tmp_path: Path):
    rng = np.random.default_rng(0)
    angle = 2 * np.pi * rng.random(600)
    x = np.column_stack([np.cos(angle), np.sin(angle), 0.01 * rng.normal(size=600)]).astype(np.float32)
    atlas = quick(charts=ChartSettings("auto", codes=None, dim=1), steps=60).fit(x)
    ledger = atlas.chart_ledger_
    assert ledger is not None
    count = atlas.chart_coordinates(x).memberships.shape[1]
    assert 2 <= count <= 8  # a circle is no patch of one axis
    assert ledger.events
    assert all(event.why for event in ledger.events)
    verdicts = {verdict.name: verdict for verdict in atlas.check()}
    assert f"{count} chart(s) were found" in verdicts["charts_at_rest"].reason
    atlas.save(tmp_path / "run")
    again = load(tmp_path / "run")
    assert again.chart_ledger_ is not None
    assert again.chart_ledger_.events == ledger.events
    np.testing.assert_array_equal(again.predict_chart(x), atlas.predict_chart(x))
    assert clone(quick(charts="auto")).charts == "auto"


def test_a_number_that_is_found_has_no_top_and_no_jumps():
    for given in ({"top": 2}, {"jumps": TiedJumps(3, 2)}):
        with pytest.raises(SpecError, match='with a count that is known; got them with "auto"'):
            ChartSettings("auto", **given)
    with pytest.raises(SpecError, match="integer ≥ 1, or \"auto\"; got 'many'"):
        ChartSettings("many")
