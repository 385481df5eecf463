"""What a public data set is: its editions, the files they are made of, and how they become a `Table`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np

from latentatlas.core import DataError, did_you_mean
from latentatlas.data.download import CorpusFile, Files, ProgressOf, cache_folder, data_folder, silent
from latentatlas.data.table import Table

__all__ = ["Corpus", "Edition", "Reader", "as_text"]

Reader = Callable[[Files, str | None], Table]
"""`(files, part) -> Table`: all rows, with `metadata["split"]` where there are splits, or another view of the corpus.

A reader may read no more than the split that is asked for; a row has the same id in its split as in the whole.
"""


@final
@dataclass(frozen=True)
class Edition:
    """One form in which a corpus is to be had.

    Attributes:
        name: "published" (the files of the original, by published checksums), "prepared" (files made from it, to be
            copied into the data folder), "bundled" (comes with a library) or "computed" (synthetic).
        rows: number of rows, all splits together.
        features: numbers per row.
        read: makes the table.
        files: what it is made of; empty if it is bundled or computed.
        note: what sets its rows apart from the original, for titles; empty if nothing does.
        exact: whether the numbers are read, not computed: then every machine reads the same bits, and a table has a
            pointer to them. Of views that is not known.
    """

    name: str
    rows: int
    features: int
    read: Reader
    files: tuple[CorpusFile, ...] = ()
    note: str = ""
    exact: bool = True

    @property
    def at_hand(self) -> bool:
        """Whether a copy of every file is in the data folder or in the cache."""
        return all(file.path() is not None for file in self.files)

    @property
    def downloadable(self) -> bool:
        """Whether every file has an address."""
        return all(file.urls for file in self.files)


@final
@dataclass(frozen=True)
class Corpus:
    """A public data set.

    Attributes:
        name: the word that names it as a source.
        kind: "images", "texts", "retrieval", "signals", "vectors", "relations" or "synthetic".
        title: a few words for lists: what a row is.
        details: what its numbers are, how the editions differ, and what to beware of.
        license: terms of use.
        citation: what to cite.
        source: where the original is published.
        editions: the forms in which it is to be had; the first at hand is taken, else the first with addresses.
        splits: parts of its rows; the first comes first in the whole.
        views: other tables made from the same files.
    """

    name: str
    kind: str
    title: str
    details: str
    license: str
    citation: str
    source: str
    editions: tuple[Edition, ...]
    splits: tuple[str, ...] = ()
    views: tuple[str, ...] = ()

    def edition(self, name: str | None = None) -> Edition:
        """The edition of that name; with None the first at hand, else the first that can be downloaded.

        Raises:
            DataError: if there is no edition of that name, or none is at hand and none can be downloaded.
        """
        if name is None:
            ready = [each for each in self.editions if each.at_hand] or [e for e in self.editions if e.downloadable]
            if not ready:
                raise DataError(self._missing())
            return ready[0]
        for each in self.editions:
            if each.name == name:
                return each
        names = [each.name for each in self.editions]
        raise DataError(f"Corpus {self.name!r} has no edition {name!r}. {did_you_mean(name, names)}")

    def load(self, part: str | None = None, *, edition: str | None = None) -> Table:
        """The rows of one split, another view, or all rows.

        Raises:
            DataError: if there is no such split, view or edition, or a file is damaged or not to be had.
        """
        parts = (*self.splits, *self.views)
        if part is not None and part not in parts:
            raise DataError(f"Corpus {self.name!r} has no split {part!r}. {did_you_mean(part, parts)}")
        chosen = self.edition(edition)
        table = chosen.read(Files(self.name, chosen.files), part)
        if part in self.splits:
            wanted = table.metadata["split"] == part
            table = table if wanted.all() else table.take(wanted)
        name = f"{self.name} ({chosen.note})" if chosen.note else self.name
        place = self.name if part is None else f"{self.name}:{part}"
        return replace(table, name=name, pointer=place if chosen.exact and part not in self.views else None)

    def download(self, *, edition: str | None = None, progress: ProgressOf = silent) -> list[Path]:
        """Verified local copies of the files of an edition.

        Raises:
            DataError: if there is no such edition, or a file is damaged or not to be had.
        """
        return list(Files(self.name, self.edition(edition).files, progress=progress).values())

    def _missing(self) -> str:
        edition = self.editions[0]
        absent = [file.name for file in edition.files if file.path() is None]
        shown = ", ".join(absent[:3]) + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")
        return (
            f"Corpus {self.name!r} wants {shown}; looked for in $LATENTATLAS_DATA ({data_folder() or 'not set'}) and "
            f"in {cache_folder()}. There is no address with a published checksum to download from: set "
            f"LATENTATLAS_DATA to a folder of prepared data sets that holds these files. The original is at "
            f"{self.source}."
        )


def as_text(values: list[str]) -> np.ndarray:
    """A column of text as `Table` keeps it: `str` objects."""
    column = np.empty(len(values), object)
    column[:] = values
    return column
