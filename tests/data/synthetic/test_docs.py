"""The page on synthetic sets says what the code declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from latentatlas.data.synthetic import synthetic_sets

PAGE = Path(__file__).parents[3] / "docs" / "synthetic.md"
MANIFOLDS = [name for name, make in synthetic_sets().items() if make(rows=100).truth.betti]


@pytest.mark.parametrize("name", MANIFOLDS)
def test_the_table_of_manifolds(name):
    table, truth = (made := synthetic_sets()[name]()).table, made.truth

    def numbers(prime):
        declared = ", ".join(map(str, truth.betti[prime]))
        return "11, 0, …, 0, 11" if name == "nested_spheres" else declared

    cells = (
        f"`{name}`",
        f"{len(table):,} × {table.x.shape[1]}",
        truth.dimension,
        numbers(2),
        numbers(3),
        "yes" if truth.orientable else "no",
        truth.charts,
        "–" if truth.geodesic is None else "yes",
    )
    assert "| " + " | ".join(map(str, cells)) + " |" in PAGE.read_text(encoding="utf-8")


def test_every_set_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in synthetic_sets() if f"`{name}`" not in text] == []
