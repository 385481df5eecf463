from __future__ import annotations

import json
import math

import numpy as np
import pandas
import pytest

import latentatlas as la
from latentatlas.auditing import ShiftKind, audit
from latentatlas.checks import Status
from latentatlas.core import DataError, ShapeError
from latentatlas.data import Table


def by_name(report):
    return {verdict.name: verdict for verdict in report.verdicts}


def without(x, values):
    """Rows minus the mean of their value: linear removal, marginal."""
    return (
        x
        - np.stack([x[values == name].mean(axis=0) for name in np.unique(values)])[
            np.unique(values, return_inverse=True)[1]
        ]
    )


def within(x, values, label):
    """The same within labels."""
    cured = x.copy()
    for own in np.unique(label):
        rows = label == own
        cured[rows] = without(x[rows], values[rows]) + x[rows].mean(axis=0)
    return cured


def test_it_is_at_hand():
    assert la.audit is audit


def test_a_nuisance_that_is_there_fails_and_one_that_is_not_passes(rng, made, quick):
    report = audit(made.x, {"free": made.free, "other": rng.integers(0, 2, 1000)}, **quick)
    verdicts = by_name(report)
    assert verdicts["leakage.free"].status is Status.FAIL
    assert verdicts["leakage.other"].status is Status.PASS
    assert not report.passed
    assert audit(made.x, {"other": rng.integers(0, 2, 1000)}, **quick).passed
    assert report.utility is None
    assert report["free"].alarm is None
    assert report["free"].shift.kind is ShiftKind.DIVERSITY
    assert math.isnan(report["free"].shift.correlation)
    assert "Without a label" in report["free"].advice.why


def test_the_kinds_of_shift(rng, made, quick):
    by_label = np.where(rng.random(1000) < 0.9, made.label, 1 - made.label)  # goes with the label, shows nowhere else
    nuisances = {"tied": made.tied, "free": made.free, "label": by_label, "none": rng.integers(0, 2, 1000)}
    report = audit(made.x, nuisances, made.label, **quick)
    kinds = {entry.name: entry.shift.kind for entry in report.nuisances}
    assert kinds == {
        "tied": ShiftKind.BOTH,
        "free": ShiftKind.DIVERSITY,
        "label": ShiftKind.CORRELATION,
        "none": ShiftKind.NONE,
    }
    assert "within labels" in report["tied"].advice.method
    assert "linear eraser" in report["free"].advice.method
    assert report["none"].advice.method == "Nothing to remove."
    assert "Sample weights p(y) p(v) / p(y, v)" in report["label"].advice.why
    assert report["label"].shift.empty == 0


def test_what_the_label_tells_is_not_held_against_the_rows(rng, made, quick):
    """Rows that hold the label and nothing else cannot but tell what the label tells."""
    z = 3 * made.label[:, None] + rng.normal(size=(1000, 3))
    report = audit(z, {"tied": made.tied}, made.label, **quick)
    overall, inside = (by_name(report)[name] for name in ("leakage.tied", "leakage.tied.within_label"))
    assert overall.value > 0.15
    assert (overall.status, inside.status) == (Status.PASS, Status.PASS)
    assert report["tied"].after.told.excess == pytest.approx(overall.value, abs=0.08)
    assert report.passed


def test_marginal_removal_raises_the_alarm_and_conditional_removal_does_not(made, quick):
    marginal = audit(without(made.x, made.tied), {"tied": made.tied}, made.label, before=made.x, **quick)
    verdict = by_name(marginal)["removal.tied"]
    assert verdict.status is Status.FAIL
    assert verdict.value < -0.15
    assert "reversed" in verdict.remedy
    assert marginal["tied"].alarm.p == 1 / 200
    inside = within(made.x, made.tied, made.label)
    conditional = audit(inside, {"tied": made.tied}, made.label, before=made.x, **quick)
    assert by_name(conditional)["removal.tied"].status is Status.PASS
    assert by_name(conditional)["leakage.tied.within_label"].status is not Status.FAIL


def test_before_and_after(made, quick):
    report = audit(without(made.x, made.free), {"free": made.free}, made.label, before=made.x, **quick)
    entry = report["free"]
    assert entry.before.overall.probes[0].excess > 0.5
    assert entry.after.overall.probes[0].excess < 0.1
    assert entry.kept > 0.99  # within a value the mean is a shift of all rows
    assert abs(report.utility.loss) <= report.utility.half_width + 0.02
    assert by_name(report)["removal.utility"].status is Status.PASS
    assert report.axes == (8, 8)


def test_lost_label_fails(rng, made, quick):
    report = audit(rng.normal(size=(1000, 2)), {"free": made.free}, made.label, before=made.x, **quick)
    verdict = by_name(report)["removal.utility"]
    assert verdict.status is Status.FAIL
    assert verdict.value == pytest.approx(-report.utility.loss)
    assert report.utility.loss > 0.3
    assert report.utility.before > 0.9


def test_predictions_of_a_model_are_judged_in_place_of_a_probe(made, quick):
    tied = np.unique(made.tied, return_inverse=True)[1]
    good = audit(made.x, {"tied": made.tied}, made.label, predictions=made.label, **quick)
    assert good["tied"].alarm.value == pytest.approx(0)
    reversed_use = 1.0 * made.label - 0.6 * (tied - 1)
    bad = audit(made.x, {"tied": made.tied}, made.label, predictions=reversed_use, **quick)
    assert bad["tied"].alarm.value < -0.5
    assert by_name(bad)["removal.tied"].status is Status.FAIL


def test_a_nuisance_equal_to_the_label_is_said_to_be_inseparable(made, quick):
    names = np.array(["no", "yes"])[made.label]
    report = audit(made.x, {"twin": names}, made.label, **quick)
    (verdict,) = [v for v in report.verdicts if v.name == "leakage.twin"]
    assert verdict.status is Status.SKIP
    assert "cannot be separated" in verdict.reason
    assert report["twin"].shift.kind is ShiftKind.INSEPARABLE
    assert report["twin"].advice.method.startswith("None")
    assert not report.passed  # nothing was judged


def test_numbers_as_nuisance_and_as_label(rng, made, quick):
    age = rng.normal(size=1000)
    x = made.x + age[:, None]
    target = made.x[:, 5] + 0.5 * age
    report = audit(x, {"age": age}, target, before=made.x, **quick)
    assert by_name(report)["leakage.age"].status is Status.FAIL
    assert report["age"].values is None
    assert report["age"].shift.correlation > 0.05
    assert report.utility.after > 0.9
    again = audit(x, {"age": age}, age, **quick)
    assert by_name(again)["leakage.age"].status is Status.SKIP


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros(1000, int), "the same value in every row"),
        (np.arange(1000), "1000 values in 1000 rows"),
        (np.arange(1000) // 2, "500 values in 1000 rows"),
    ],
)
def test_what_cannot_be_probed_is_skipped_with_a_reason(made, quick, values, reason):
    report = audit(made.x, {"v": values}, made.label, **quick)
    assert reason in report["v"].skipped
    assert report["v"].after is None
    assert not report.passed


def test_a_value_with_one_row_and_a_label_with_one_row(made, quick):
    tied, label = made.tied.copy(), made.label.copy()
    tied[0], label[1] = "dee", 7
    report = audit(made.x, {"tied": tied}, label, **quick)
    assert by_name(report)["leakage.tied"].status is Status.FAIL
    assert report["tied"].shift.empty > 0
    assert "have no row" in report["tied"].advice.why


def test_one_label_only(made, quick):
    report = audit(made.x, {"free": made.free}, np.zeros(1000, int), **quick)
    assert by_name(report)["removal"].status is Status.SKIP
    assert by_name(report)["leakage.free"].status is Status.FAIL


def test_missing_values_and_wrong_lengths(made):
    age = np.where(np.arange(1000) == 7, np.nan, 1.0)
    with pytest.raises(DataError, match=r"'age' wants a value in every row; 1 of 1000 are missing"):
        audit(made.x, {"age": age})
    with pytest.raises(DataError, match="'author' wants a value"):
        audit(made.x, {"author": [None, *made.tied[1:]]})
    with pytest.raises(ShapeError, match="each of the 1000 rows; got 999"):
        audit(made.x, {"free": made.free[1:]})
    with pytest.raises(DataError, match="the same 1000 rows in 'before'"):
        audit(made.x, {"free": made.free}, before=made.x[1:])
    with pytest.raises(DataError, match="audit wants a nuisance"):
        audit(made.x)
    with pytest.raises(DataError, match="a prediction for each of the 1000 rows; got 3"):
        audit(made.x, {"free": made.free}, made.label, predictions=np.zeros(3))
    with pytest.raises(DataError, match=r"NaN|finite"):
        audit(np.where(made.x > 4, np.nan, made.x), {"free": made.free})


def test_tables_and_frames(made, quick):
    table = Table(made.x.astype(np.float32), nuisance={"free": made.free}, label=made.label, name="items")
    report = audit(table, **quick)
    assert report.title == "items"
    assert {"leakage.free", "leakage.free.within_label", "removal.free"} == set(by_name(report))
    frame = pandas.DataFrame({"free": made.free, "tied": made.tied})
    assert [entry.name for entry in audit(made.x, frame, **quick).nuisances] == ["free", "tied"]


def test_the_same_call_gives_the_same_numbers(made, quick):
    first, second = (audit(made.x, {"tied": made.tied}, made.label, **quick).to_dict() for _ in range(2))
    assert {**first, "seconds": 0} == {**second, "seconds": 0}


def test_the_default_has_three_probes_whose_p_values_are_corrected(made):
    report = audit(made.x[:400], {"free": made.free[:400]})
    assert report.probes == ("linear", "neighbours", "perceptron")
    assert report["free"].after.overall.adjusted == pytest.approx((0.003, 0.003, 0.003))


# ---------------------------------------------------------------- faces


@pytest.fixture(scope="module")
def report(made, quick):
    nuisances = {"tied": made.tied, "free": made.free, "constant": np.zeros(1000, int), "<b>": made.free}
    return audit(without(made.x, made.tied), nuisances, made.label, before=made.x, **quick)


def test_as_text(report):
    text = repr(report)
    assert text.splitlines()[0] == "Audit of an array: 1,000 rows × 8 (before: 8), not passed"
    assert "✗ removal.tied" in text
    assert "– leakage.constant" in text
    assert "tied: both shift. Remove it within labels" in text


def test_as_plain_data(report, tmp_path):
    data = json.loads(report.to_json(tmp_path / "audit.json"))
    assert json.loads((tmp_path / "audit.json").read_text()) == data
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == data
    tied = data["nuisances"][0]
    assert tied["after"]["within_label"]["probes"]["linear"]["p_holm"] <= 1
    assert tied["shift"]["kind"] == "both"
    assert data["utility"]["loss"] == pytest.approx(report.utility.loss)
    assert data["nuisances"][2]["skipped"].startswith("'constant' has the same value")
    assert data["settings"]["leakage"]["type"] == "checks.Leakage"


def test_as_page_and_picture(report, tmp_path):
    page = report.to_html(tmp_path / "audit.html")
    assert (tmp_path / "audit.html").read_text() == page
    for part in ("Audit of an array", "removal.tied", "Kind of shift: both", "Remove it within labels", "Null:"):
        assert part in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page.split("<body>")[1].replace("<b><i", "")
    assert "http" not in page.split("</style>")[1]
    assert report.to_png(tmp_path / "audit.png")[:4] == b"\x89PNG"
    titles = [axes.get_title(loc="left") for axes in report.figure().axes]
    assert titles[:2] == ["What is read of tied", "What is read of free"]
    assert titles[-1].startswith("The price")


def test_a_picture_of_nothing(made, quick):
    assert audit(made.x, {"v": np.zeros(1000, int)}, **quick).to_png()[:4] == b"\x89PNG"
