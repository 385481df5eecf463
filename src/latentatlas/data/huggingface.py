"""Data sets of the Hugging Face hub, or folders that `datasets` wrote, as named columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.core import DataError, did_you_mean, require_extra
from latentatlas.data.files import Columns, arrow_columns
from latentatlas.data.images import EncodedImage, Images, read_pixels
from latentatlas.data.select import Origin

__all__ = ["dataset_columns"]


def dataset_columns(source: str, images: Images | None) -> tuple[Columns, Origin, Images | None]:
    """The columns of `NAME`, `NAME:SPLIT`, `NAME:CONFIGURATION:SPLIT` or a folder in place of the name.

    Class labels become their names, images the pixels that `images` describes (None: they are left out). Needs the
    extra `hf`.

    Returns:
        Columns, where they came from, and a reader that gives new images the same size and mode (None without images).

    Raises:
        SpecError: if `datasets` is not installed.
        DataError: if there is no such data set or split (with a suggestion), or no network.
    """
    name, configuration, split = _parts(source)
    who = f"hf:{source}"
    rows = _one_split(_loaded(name, configuration), split, who)
    table = rows.with_format("arrow")[:]
    kinds = {column: type(feature).__name__ for column, feature in rows.features.items()}
    pictures = [column for column, kind in kinds.items() if kind == "Image"]
    columns = arrow_columns(table.drop_columns(pictures), who=who)
    for column in (column for column, kind in kinds.items() if kind == "ClassLabel"):
        columns[column] = _class_names(columns[column], rows.features[column].names)
    known = None
    for column in pictures if images is not None else ():
        columns[column], known = read_pixels(_encoded(column, table.column(column), who), images or Images(), who=who)
    folder = Path(name).expanduser()
    pointer = str(folder.resolve()) if folder.is_dir() else who
    return columns, Origin(who=who, name=folder.name, pointer=pointer), known


def _parts(source: str) -> tuple[str, str | None, str | None]:
    name, *rest = source.split(":")
    if not name or len(rest) > 2:
        raise DataError(
            f"read_table wants hf:NAME, hf:NAME:SPLIT or hf:NAME:CONFIGURATION:SPLIT; got 'hf:{source}'. Write for "
            "example hf:fancyzhx/ag_news:test."
        )
    return name, rest[0] if len(rest) == 2 else None, rest[-1] if rest else None


def _loaded(name: str, configuration: str | None) -> Any:
    """A data set, or a dictionary of its splits."""
    library = require_extra("datasets", "hf", who=f"The source hf:{name}")
    folder = Path(name).expanduser()
    saved = folder.is_dir() and any((folder / mark).exists() for mark in ("dataset_dict.json", "dataset_info.json"))
    try:
        if saved:
            return library.load_from_disk(str(folder))
        return library.load_dataset(str(folder) if folder.is_dir() else name, configuration)
    except (OSError, ValueError, RuntimeError, library.exceptions.DatasetsError) as error:
        reason = str(error).splitlines()[0]
        if folder.is_dir():
            raise DataError(
                f"read_table wants a folder that datasets can read; {folder} is not ({reason}). Write it again with "
                "save_to_disk(folder)."
            ) from error
        raise DataError(
            f"read_table wants the data set {name!r} of the Hugging Face hub; it is not to be had ({reason}). Check "
            f"name and network, or where there is one run datasets.load_dataset({name!r}).save_to_disk('folder') "
            "and pass hf:folder."
        ) from error


def _one_split(loaded: Any, split: str | None, who: str) -> Any:
    if not isinstance(loaded, dict):
        if split is not None:
            raise DataError(f"{who} is one data set without splits. Leave out ':{split}'.")
        return loaded
    if split is None and len(loaded) > 1:
        raise DataError(f"{who} has several splits: {', '.join(loaded)}. Name one: {who}:{next(iter(loaded))}.")
    chosen = split or next(iter(loaded))
    if chosen not in loaded:
        raise DataError(f"{who} has no split {chosen!r}. {did_you_mean(chosen, loaded)}")
    return loaded[chosen]


def _class_names(codes: np.ndarray, names: list[str]) -> np.ndarray:
    """The name of each class; None where there is no label (-1 or missing)."""
    known = np.isfinite(codes) & (codes >= 0)
    return np.array([names[int(code)] if ok else None for code, ok in zip(codes, known, strict=True)], dtype=object)


def _encoded(column: str, cells: Any, who: str) -> list[EncodedImage]:
    images = []
    for row, cell in enumerate(cells.to_pylist()):
        if cell is None or (cell["bytes"] is None and not cell["path"]):
            raise DataError(f"{who} wants an image in every row of {column!r}; row {row} has none. Drop such rows.")
        name = f"{column} of row {row}"
        images.append(EncodedImage(name, Path(cell["path"]) if cell["bytes"] is None else cell["bytes"]))
    return images
