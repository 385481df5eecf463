"""Every public name has its page: families are listed by hand, their names come from `__all__`."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import FunctionType

import pytest

import latentatlas

DOCS = Path(__file__).parents[2] / "docs"
INDEX = (DOCS / "api" / "index.md").read_text()
WITHOUT_NAMES = {"cli", "experiments"}
PARTS = sorted(
    path.stem
    for path in Path(latentatlas.__file__).parent.iterdir()
    if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem != "__init__")
)
FAMILIES = re.findall(r"^   latentatlas\.(\S+)$", INDEX, re.MULTILINE)


@pytest.mark.parametrize("part", [part for part in PARTS if part not in WITHOUT_NAMES])
def test_every_part_has_a_page(part: str):
    assert part in FAMILIES or (DOCS / "api" / f"{part}.md").exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_name_of_a_family_can_be_documented(family: str):
    module = importlib.import_module(f"latentatlas.{family}")
    assert module.__doc__
    assert module.__all__
    for name in module.__all__:
        value = getattr(module, name)
        assert value.__doc__ or not isinstance(value, type | FunctionType), f"{family}.{name}"
