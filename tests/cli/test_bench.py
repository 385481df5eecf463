from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from latentatlas.experiments import map_speed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `bench map` asked for, which is not done."""
    calls: list[dict[str, Any]] = []

    def fake(**settings: Any) -> dict[str, Any]:
        calls.append(settings)
        return {"quick": settings["quick"], "cells": {}}

    monkeypatch.setattr(map_speed, "bench_map", fake)
    return calls


def test_bench_map_with_its_defaults(latentatlas: Any, asked: list[dict[str, Any]]):
    assert latentatlas("bench", "map", "--json").json == {"quick": False, "cells": {}}
    (settings,) = asked
    assert settings["rows"] == map_speed.ROWS
    assert settings["methods"] is None
    assert settings["out"] == Path("docs/results")
    assert settings["limit"] == map_speed.LIMIT


def test_bench_map_with_its_options(latentatlas: Any, asked: list[dict[str, Any]], tmp_path: Path):
    line = ("--rows", "10_000,30000", "--methods", "latentatlas, pca", "--out", str(tmp_path), "--limit", "60")
    latentatlas("bench", "map", *line)
    (settings,) = asked
    assert settings["rows"] == [10_000, 30_000]
    assert settings["methods"] == ["latentatlas", "pca"]
    assert (settings["out"], settings["limit"], settings["quick"]) == (tmp_path, 60.0, False)


def test_bench_map_quick(latentatlas: Any, asked: list[dict[str, Any]]):
    latentatlas("bench", "map", "--quick")
    assert asked[0]["rows"] == map_speed.QUICK_ROWS
    assert asked[0]["quick"]


def test_rows_that_are_no_numbers(latentatlas: Any, asked: list[dict[str, Any]]):
    outcome = latentatlas("bench", "map", "--rows", "many", "--json")
    assert outcome.code == 2
    assert "--rows as whole numbers, such as 10000,30000; got 'many'" in outcome.json["error"]
    assert not asked


def test_options_of_bench_map_with_another_benchmark(latentatlas: Any):
    outcome = latentatlas("bench", "import", "--quick", "--json")
    assert outcome.code == 2
    assert "bench import takes no --quick; only bench map does" in outcome.json["error"]
