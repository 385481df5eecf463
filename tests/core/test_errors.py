from __future__ import annotations

import sys

import numpy as np
import pytest

from latentatlas import core
from latentatlas.core import AtlasError, SpecError, did_you_mean, require_extra


@pytest.mark.parametrize("name", ["ShapeError", "MissingInput", "DataError", "SpecError", "StoreError"])
def test_every_error_is_an_atlas_error_and_a_value_error(name):
    error = getattr(core, name)
    assert issubclass(error, AtlasError)
    assert issubclass(error, ValueError)


def test_suggestions():
    assert did_you_mean("recom", ["recon", "map"]) == "Did you mean 'recon'?"
    assert did_you_mean("x", []) == "There are none."
    assert did_you_mean("zzz", (f"name{i}" for i in range(25))).endswith("name19 and 5 more.")
    assert did_you_mean(3, [30, 41]) == "Did you mean '30'?"


def test_extras(monkeypatch):
    assert require_extra("numpy", "text", who="Someone") is np
    monkeypatch.setitem(sys.modules, "some_package", None)
    with pytest.raises(SpecError, match=r"^Someone wants the package some-package; it is not installed\. Install it: "):
        require_extra("some-package", "text", who="Someone")


def test_an_extra_that_is_broken_is_not_called_missing(monkeypatch, tmp_path):
    (tmp_path / "broken_package.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        require_extra("broken-package", "text", who="Someone")
