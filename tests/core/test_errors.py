from __future__ import annotations

import pytest

from latentatlas import core
from latentatlas.core import AtlasError, did_you_mean


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
