"""Studies and benchmarks: one module per study, each run by a command and written to docs/results."""

from __future__ import annotations

import importlib
import json
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from latentatlas.core import SpecError, available_threads, did_you_mean

__all__ = ["benchmarks", "page_of", "run_study", "studies"]

_STUDIES = {
    "foundation": "The bundled digits and MNIST end to end: quality, speed, size, determinism.",
    "parameters": "Digits: what the settings that people change most do, and what they cost.",
    "streaming": "Two million rows from Parquet shards: reading speed, memory and time of fit and save.",
    "updates": "Digits in two parts: what `partial_fit` gains on new rows and costs the earlier ones.",
}


def studies() -> Mapping[str, str]:
    """Name and title of every study."""
    return dict(_STUDIES)


def run_study(name: str, out: Path, *, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Run a study and write OUT/NAME.json and OUT/NAME.md.

    Raises:
        SpecError: if there is no such study.
    """
    if name not in _STUDIES:
        raise SpecError(f"reproduce has no study {name!r}. {did_you_mean(name, _STUDIES)}")
    result = _module(name).run(quick=quick, log=log) | {"machine": _machine()}
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (out / f"{name}.md").write_text(page_of(name, out))
    log(f"Wrote {out / f'{name}.md'} and {out / f'{name}.json'}")
    return result


def page_of(name: str, out: Path) -> str:
    """The page of a study from OUT/NAME.json; the remarks of OUT/NAME.notes.md, where there are any, end it."""
    result = json.loads((out / f"{name}.json").read_text())
    command = f"latentatlas reproduce {name}" + (" --quick" if result["quick"] else "")
    machine = ", ".join(f"{key} {value}" for key, value in result["machine"].items())
    notes = out / f"{name}.notes.md"
    page = [f"# {name.capitalize()}", "", _STUDIES[name], "", f"Made by `{command}` ({machine}).", ""]
    page += [_module(name).to_markdown(result), ""] + ([notes.read_text()] if notes.exists() else [])
    return "\n".join(page).rstrip() + "\n"


def benchmarks() -> Mapping[str, Callable[[], dict[str, float]]]:
    """Every benchmark by name."""
    from latentatlas.experiments import speed

    return {
        "import": speed.import_seconds,
        "weight": speed.installed_weight,
        "transform": speed.transform_speed,
        "fit": speed.fit_speed,
    }


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"latentatlas.experiments.{name}")


def _machine() -> dict[str, Any]:
    import torch

    import latentatlas

    return {
        "latentatlas": latentatlas.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": available_threads(),
    }
