from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas
import pytest

import latentatlas as la
from latentatlas.store import Run


def test_json_is_one_object_and_nothing_else(fitted):
    path, outcome = fitted
    assert outcome.code == 0
    assert outcome.err == ""
    assert set(outcome.json) == {"run", "seconds", "verdicts", "metrics"}
    assert outcome.json["run"] == str(path)
    names = [verdict["name"] for verdict in outcome.json["verdicts"]]
    assert "leakage.scale" in names
    assert outcome.json["metrics"]["label.clustering_accuracy"] > 0.5


def test_the_columns_have_their_roles(run: Path, frame: pandas.DataFrame):
    spec, points = Run(run).spec, Run(run).points()
    assert spec["data"]["columns"] == [f"f{i}" for i in range(6)]
    assert spec["data"]["nuisances"] == ["scale"]
    assert points["id"].tolist() == frame["name"].tolist()
    assert points["label"].tolist() == frame["kind"].tolist()
    assert points["scale"].tolist() == frame["scale"].tolist()


def test_options_become_settings(run: Path):
    atlas = la.load(run)
    assert (atlas.dim, atlas.n_basins, atlas.steps, atlas.threads, atlas.random_state) == (2, 3, 20, 1, 0)


def test_the_run_folder_is_whole(run: Path):
    names = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert {"spec.json", "weights.safetensors", "points.parquet", "history.parquet", "verdicts.json"} <= names
    assert {"metrics.json", "report.html", "map.png", "manifest.json", "patterns/patterns.npy"} <= names


def test_people_see_the_certificate(latentatlas, csv: Path, tmp_path: Path, quick):
    outcome = latentatlas("fit", csv, "--out", tmp_path / "run", "--label", "kind", *quick)
    assert outcome.code == 0
    assert "Certificate of" in outcome.out
    assert "neighbourhood" in outcome.out
    assert "items: 120 rows × 7 features" in outcome.err
    assert "Fitting" in outcome.err  # the progress bar
    assert "Open" in outcome.err


@pytest.mark.usefixtures("no_pictures")
def test_names_that_look_like_markup_are_printed_as_they_are(latentatlas, frame, tmp_path: Path, quick):
    source = tmp_path / "[bold]rows.csv"
    frame.rename(columns={"scale": "[/red]"}).to_csv(source, index=False)
    outcome = latentatlas("fit", source, "--out", tmp_path / "run [red]", "--nuisance", "[/red]", *quick)
    assert outcome.code == 0
    assert "[bold]rows" in outcome.err
    assert "run [red]" in outcome.err.replace("\n", "")
    assert "leakage" in outcome.out


@pytest.mark.usefixtures("no_pictures")
def test_a_second_fit_needs_leave(latentatlas, csv: Path, tmp_path: Path, quick):
    out = tmp_path / "run"
    assert latentatlas("fit", csv, "--out", out, *quick, "--json").code == 0
    before = (out / "manifest.json").read_bytes()
    refused = latentatlas("fit", csv, "--out", out, *quick)
    assert refused.code == 2
    assert "exists and is not empty. Pass overwrite=True (--overwrite) or another folder." in refused.message
    assert (out / "manifest.json").read_bytes() == before
    assert latentatlas("fit", csv, "--out", out, *quick, "--seed", 5, "--overwrite", "--json").code == 0
    assert Run(out).spec["seed"] == 5


def test_refusal_comes_before_the_data_are_read(latentatlas, tmp_path: Path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    outcome = latentatlas("fit", tmp_path / "nowhere.csv", "--out", tmp_path / "run", "--overwrite")
    assert outcome.code == 2
    assert "is not a run" in outcome.message
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


# ---------------------------------------------------------------- configuration


@pytest.mark.usefixtures("no_pictures")
def test_settings_and_objects_from_a_file(latentatlas, csv: Path, tmp_path: Path):
    config = tmp_path / "fit.toml"
    config.write_text(
        "[atlas]\ndim = 3\nsteps = 15\nn_basins = 3\nbatch_edges = 32\nthreads = 1\n"
        'neighbour_term = {type="terms.NeighborContrast", negatives=16.0}\n'
        'basin_term = [{type="terms.PrototypeEnergy"}, {type="core.Constant", weight=0.2}]\n'
    )
    outcome = latentatlas("fit", csv, "--out", tmp_path / "run", "--config", config, "--steps", 12, "--json")
    assert outcome.code == 0, outcome
    atlas = la.load(tmp_path / "run")
    assert atlas.dim == 3
    assert atlas.steps == 12  # options on the line win
    assert atlas.objective_.terms["neighbours"][0].negatives == 16.0
    assert atlas.objective_.terms["energy"][1].weight == 0.2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[atlas]\nn_neighbours = 5", "sets 'n_neighbours', which Atlas does not have. Did you mean 'n_neighbors'?"),
        ("dim = 3", "fit wants all settings of --config in a table [atlas]; "),
        ("[atals]\ndim = 3", "has: atals. Write [atlas] above them."),
        ("[atlas]\ndim = 3\n[model]\nx = 1", "has: atlas, model."),
        ("atlas = 3", "fit wants all settings of --config in a table [atlas]"),
        ("", "has: nothing."),
        ("[atlas\n", "fit wants --config as a TOML file; "),
        ("[atlas]\ndim = 'two'", "Atlas wants dim as an integer ≥ 1; got 'two'."),
        ('[atlas]\nneighbour_term = {type="terms.NeighbourContrast"}', "Did you mean 'terms.NeighborContrast'?"),
        ('[atlas]\nneighbour_term = {type="terms.NeighborContrast", negative=1}', "Did you mean 'negatives'?"),
    ],
)
def test_a_wrong_configuration(latentatlas, csv: Path, tmp_path: Path, text: str, message: str):
    config = tmp_path / "fit.toml"
    config.write_text(text)
    outcome = latentatlas("fit", csv, "--out", tmp_path / "run", "--config", config)
    assert outcome.code == 2
    assert message in outcome.message
    assert not (tmp_path / "run").exists()


def test_a_configuration_that_is_not_there(latentatlas, csv: Path, tmp_path: Path):
    outcome = latentatlas("fit", csv, "--out", tmp_path / "run", "--config", tmp_path / "no.toml")
    assert outcome.code == 2
    assert "fit wants --config as a TOML file;" in outcome.message


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digist"], "no file has this name and no corpus. Did you mean 'digits'?"),
        (["mnist:tset"], "Corpus 'mnist' has no split 'tset'. Did you mean 'test'?"),
        (["nowhere.csv"], "there is no such file"),
        (["CSV", "--label", "knid"], "has no column 'knid' (asked for as label). Did you mean 'kind'?"),
        (["CSV", "--nuisance", "scael"], "has no column 'scael' (asked for as nuisance). Did you mean 'scale'?"),
        (["CSV", "--vector", "kin"], "has no column 'kin' (asked for as vector). Did you mean 'kind'?"),
        (["CSV", "--id", "kind"], "wants a different id in every row; 3 ids occur more than once: apple, pear, plum."),
        (["CSV", "--dim", "0"], "Atlas wants dim as an integer ≥ 1; got 0."),
        (["CSV", "--neighbours", "120"], "Atlas wants more rows than n_neighbors=120; got 120."),
        (["CSV", "--metric", "cosin"], "Atlas has no metric 'cosin'. Did you mean 'cosine'?"),
        (["CSV", "--device", "gpuu"], "Atlas wants a device that is there; got 'gpuu'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_fitted(latentatlas, csv: Path, tmp_path: Path, arguments: list[str], message: str):
    arguments = [str(csv) if argument == "CSV" else argument for argument in arguments]
    outcome = latentatlas("fit", *arguments, "--out", tmp_path / "run", "--steps", 2)
    assert outcome.code == 2
    assert message in outcome.message
    assert outcome.out == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "NaN in line 9, column 'f2'"),
        ("oops", "column 'f2' holds text ('oops') in line 9"),
        ("inf", "inf in line 9, column 'f2'"),
    ],
    ids=["empty", "text", "infinite"],
)
def test_a_bad_cell_is_named_by_its_line(latentatlas, csv: Path, tmp_path: Path, cell: str, message: str):
    lines = csv.read_text().splitlines()
    cells = lines[8].split(",")  # line 9 of the file
    cells[3] = cell
    lines[8] = ",".join(cells)
    (tmp_path / "bad.csv").write_text("\n".join(lines))
    outcome = latentatlas("fit", tmp_path / "bad.csv", "--out", tmp_path / "run")
    assert outcome.code == 2
    assert message in outcome.message


def test_one_row(latentatlas, csv: Path, tmp_path: Path):
    (tmp_path / "one.csv").write_text("\n".join(csv.read_text().splitlines()[:2]))
    outcome = latentatlas("fit", tmp_path / "one.csv", "--out", tmp_path / "run")
    assert outcome.code == 2
    assert "Atlas wants more rows than n_neighbors=15; got 1. Pass more rows." in outcome.message


def test_no_row(latentatlas, csv: Path, tmp_path: Path):
    (tmp_path / "none.csv").write_text(csv.read_text().splitlines()[0] + "\n")
    outcome = latentatlas("fit", tmp_path / "none.csv", "--out", tmp_path / "run")
    assert outcome.code == 2
    assert "wants at least 1 rows; got 0 samples" in outcome.message


def test_a_folder_that_cannot_be_written(latentatlas, csv: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    outcome = latentatlas("fit", csv, "--out", tmp_path / "file" / "run")
    assert outcome.code == 2
    assert "A run folder was wanted at" in outcome.message


def test_an_error_for_programs(latentatlas, tmp_path: Path):
    outcome = latentatlas("fit", "digist", "--out", tmp_path / "run", "--json")
    assert outcome.code == 2
    assert outcome.err == ""
    assert "Did you mean 'digits'?" in outcome.json["error"]


@pytest.mark.usefixtures("no_pictures")
def test_a_warning_is_one_line(latentatlas, frame: pandas.DataFrame, tmp_path: Path, quick):
    frame.assign(f0=frame["f0"] * 1e4)[[f"f{i}" for i in range(6)]].to_csv(tmp_path / "wide.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        outcome = latentatlas("fit", tmp_path / "wide.csv", "--out", tmp_path / "run", *quick, "--json")
    assert outcome.code == 0
    assert outcome.message.startswith("Warning Column 'f0' varies")
    assert outcome.json["run"] == str(tmp_path / "run")


@pytest.mark.usefixtures("no_pictures")
def test_a_numpy_file(latentatlas, frame: pandas.DataFrame, tmp_path: Path, quick):
    np.save(tmp_path / "rows.npy", frame[[f"f{i}" for i in range(6)]].to_numpy())
    out = tmp_path / "run"
    assert latentatlas("fit", tmp_path / "rows.npy", "--out", out, *quick, "--standardize", "--json").code == 0
    assert la.load(out).standardize
    target = tmp_path / "z.parquet"
    assert latentatlas("transform", out, tmp_path / "rows.npy", "--out", target, "--json").code == 0
    latent = np.stack(pandas.read_parquet(target)["latent"])
    np.testing.assert_array_equal(latent, Run(out).points()["latent"])
