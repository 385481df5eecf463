"""The parameter guide names everything that can be set, with the default that it has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
import typer

from latentatlas.cli.app import app
from latentatlas.estimator import Atlas

PAGE = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text()
SETTINGS = inspect.signature(Atlas).parameters
OPTIONS = [option for parameter in typer.main.get_command(app).commands["fit"].params for option in parameter.opts]


@pytest.mark.parametrize("name", SETTINGS)
def test_every_argument_of_atlas_is_described(name: str):
    assert f"**{name}**" in PAGE


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.startswith("--")])
def test_every_option_of_fit_is_named(option: str):
    assert re.search(rf"`{option}[ `]", PAGE)


@pytest.mark.parametrize(
    "name", [name for name, setting in SETTINGS.items() if isinstance(setting.default, int | float)]
)
def test_stated_defaults_are_the_defaults(name: str):
    stated = re.search(rf"^\| `{name}` \|[^|]*\| ([^|]+) \|", PAGE, re.MULTILINE)
    assert stated
    default = SETTINGS[name].default
    assert stated[1] == ("off" if default is False else str(default))


def test_nothing_is_described_that_does_not_exist():
    described = set(re.findall(r"\*\*([a-z_]+)\*\*", PAGE))
    assert described == set(SETTINGS)
