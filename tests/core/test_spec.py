from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from latentatlas.core import Constant, OnPlateau, Ramp, SpecError, constructor_arguments, to_spec, type_name
from latentatlas.landscape import DistanceScore, PrototypeBank
from latentatlas.terms import HSIC, Covariance, GaussianKernel, NeighborContrast, Objective, Rebind


@pytest.mark.parametrize("plain", [None, True, 3, 2.5, "text", [], {}, [1, [2, "x"]], {"a": {"b": [None]}}])
def test_plain_data_is_its_own_specification(plain):
    assert to_spec(plain) == plain


@pytest.mark.parametrize(
    ("value", "plain"),
    [(np.float64(0.5), 0.5), (np.float32(0.5), 0.5), (np.int32(4), 4), (np.bool_(True), True), (np.str_("a"), "a")],
)
def test_numpy_scalars_become_plain(value, plain):
    spec = to_spec([value])[0]
    assert type(spec) is type(plain)
    assert spec == plain


def test_containers_and_paths():
    assert to_spec((1, (2, 3))) == [1, [2, 3]]
    assert to_spec(Path("a") / "b") == str(Path("a") / "b")
    assert to_spec({1: Constant(2.0)}) == {"1": {"type": "core.Constant", "weight": 2.0}}


def test_objects_nest():
    score = {"type": "landscape.DistanceScore", "tau": 2.0, "geometry": {"type": "geometry.Euclidean"}}
    assert to_spec(PrototypeBank(3, 2, score=DistanceScore(2.0))) == {
        "type": "landscape.PrototypeBank",
        "count": 3,
        "dim": 2,
        "beta": 1.0,
        "score": score,
    }


def test_an_objective_is_plain_json():
    objective = Objective(
        {
            "near": (Rebind(NeighborContrast(np.float64(8.0)), {"z": "map"}), Ramp(start=0, stop=5)),
            "author": (HSIC(latent_kernel=GaussianKernel(2.0)), OnPlateau("near")),
            "axes": Covariance(),
        }
    )
    spec = json.loads(json.dumps(to_spec(objective)))
    assert spec["terms"]["near"][0] == {
        "type": "terms.Rebind",
        "term": {
            "type": "terms.NeighborContrast",
            "negatives": 8.0,
            "similarity": {"type": "terms.CauchySimilarity"},
            "loss": {"type": "terms.InfoNCE"},
            "against": {"type": "terms.AllNegatives"},
            "geometry": {"type": "geometry.Euclidean"},
        },
        "fields": {"z": "map"},
    }
    kernel = {"type": "terms.GaussianKernel", "bandwidth": 2.0}
    assert spec["terms"]["author"][0] == {
        "type": "terms.HSIC",
        "latent_kernel": kernel,
        "nuisance_kernel": None,
        "together": {"type": "terms.Separately"},
        "features": 256,
        "exact_rows": 2048,
    }
    assert spec["scaling"] == {"type": "terms.Unscaled"}
    assert spec["terms"]["author"][1]["watch"] == "near"
    assert spec["terms"]["axes"] == [{"type": "terms.Covariance"}, {"type": "core.Constant", "weight": 1.0}]


def test_arguments_come_back_as_given():
    arguments = {"start": 2, "stop": 9, "low": 0.25, "high": 0.5}
    assert constructor_arguments(Ramp(**arguments)) == arguments
    assert type_name(Ramp) == "core.Ramp"


@pytest.mark.parametrize("foreign", [np.zeros(3), object(), lambda: 0, {1, 2}, PurePosixPath, 1j])
def test_foreign_objects_are_refused_by_name(foreign):
    with pytest.raises(SpecError, match=f"got .*{type(foreign).__name__}"):
        to_spec({"a": [foreign]})


def test_an_object_must_keep_and_name_its_arguments():
    def made(init):
        init.__module__ = "latentatlas.fake"
        return type("Fake", (), {"__init__": init, "__module__": "latentatlas.fake"})()

    def forgetful(self, size=3):
        pass

    def open_ended(self, **options):
        pass

    with pytest.raises(SpecError, match=r"does not keep its argument 'size'\. Store it as self\.size"):
        to_spec(made(forgetful))
    with pytest.raises(SpecError, match=r"takes \*options"):
        to_spec(made(open_ended))
