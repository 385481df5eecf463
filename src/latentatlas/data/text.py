"""Texts to vectors: a column of text is mapped by what a sentence model says about it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float

from latentatlas.core import DataError, SpecError, did_you_mean, require_extra, to_spec
from latentatlas.data.arrays import DataWarning, as_matrix
from latentatlas.data.files import Columns
from latentatlas.data.labels import is_missing
from latentatlas.data.progress import tell
from latentatlas.data.select import Origin, Roles, reassign, select
from latentatlas.data.table import Table, positional_names

__all__ = ["Embedder", "SentenceEncoder", "Texts"]

_BLOCK = 1024  # texts between two reports of progress; within a block, texts of like length go together


@runtime_checkable
class Embedder(Protocol):
    """Anything that turns texts into vectors of one length."""

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "n dim"]:
        """One vector for each text."""
        ...


@final
@dataclass(frozen=True)
class SentenceEncoder:
    """A sentence-transformers model: unit vectors whose cosine says how alike two texts are.

    Needs the extra `text`. The model is loaded at the first call and kept. Texts beyond the longest input of the model
    are cut there.

    Attributes:
        model: a name on the Hugging Face hub, or a folder with the files of a model, which needs no network.
        batch: texts per forward pass.
        device: "cpu", "cuda", "mps".
        max_tokens: where texts are cut; the model's own limit if None.

    Cost: one forward pass per text; the default model takes about 5 ms for a sentence on one core.

    >>> SentenceEncoder("models/minilm").name
    'minilm'

    References:
        N. Reimers, I. Gurevych, Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks, EMNLP 2019.
    """

    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    batch: int = 64
    device: str = "cpu"
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("batch", self.batch), ("max_tokens", self.max_tokens)):
            if value is not None and value < 1:
                raise SpecError(f"SentenceEncoder wants {name} ≥ 1; got {value}. Pass a positive whole number.")

    @property
    def name(self) -> str:
        """The last part of the model's name or folder."""
        return Path(self.model).name

    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "n dim"]:
        """Unit vectors, float32.

        Raises:
            SpecError: if sentence-transformers is not installed.
            DataError: if the model is neither a folder nor to be had from the hub.
        """
        model = _loaded(self.model, self.device)
        limit = model.max_seq_length
        try:
            model.max_seq_length = self.max_tokens or limit
            return np.concatenate([self._block(model, texts, start) for start in range(0, len(texts), _BLOCK)])
        finally:
            model.max_seq_length = limit

    def _block(self, model: Any, texts: Sequence[str], start: int) -> np.ndarray:
        block = list(texts[start : start + _BLOCK])
        vectors = model.encode(
            block,
            batch_size=self.batch,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        tell("Embedding texts", start + len(block), len(texts))
        return vectors.astype(np.float32)


@final
@dataclass(frozen=True)
class Texts:
    """Reads a source by one column of text: each row is mapped by the vector of its text.

    The text itself, and every other column without a role, is kept as metadata.

    Attributes:
        column: the column of text.
        embedder: what makes vectors of texts, for example a `SentenceEncoder`, or an `Embedder` of your own.

    >>> class Lengths:
    ...     name = "lengths"
    ...     def __call__(self, texts):
    ...         return np.array([[len(text), text.count(" ")] for text in texts], dtype=np.float32)
    >>> import pandas
    >>> from latentatlas.data import read_table
    >>> table = read_table(pandas.DataFrame({"title": ["a bird", "two big birds"]}), Texts("title", Lengths()))
    >>> table.x.tolist(), table.columns
    ([[6.0, 1.0], [13.0, 2.0]], ('x0', 'x1'))
    """

    column: str
    embedder: Embedder = field(default_factory=SentenceEncoder)

    def __call__(self, columns: Columns, roles: Roles, origin: Origin) -> Table:
        """The table of these columns, its numbers made of the texts.

        Warns:
            DataWarning: if texts are empty; they all get one and the same vector.

        Raises:
            DataError: if the column is unknown (with a suggestion), is no text or lacks one, or also has another role.
        """
        self._require_alone(roles, origin.who)
        texts = self._texts(columns, origin)
        blank = np.zeros((len(texts), 1), np.float32)  # so that a wrong role is found before the long work
        return self._embedded(select(columns, roles, origin, x=blank), texts, origin.who)

    def of_table(self, table: Table, roles: Roles) -> Table:
        """A table that has its numbers already, with numbers made of its texts instead; it has no pointer any more."""
        who = f"Table {table.name!r}"
        self._require_alone(roles, who)
        texts = self._texts(table.rows(), Origin(who=who, name=table.name))
        return self._embedded(replace(reassign(table, roles), item_shape=None, item_axes=(), pointer=None), texts, who)

    def to_reading(self) -> dict[str, Any]:
        """Plain data from which the same can be read again; of a foreign embedder only the name is kept."""
        try:
            embedder = to_spec(self.embedder)
        except SpecError:
            embedder = str(getattr(self.embedder, "name", type(self.embedder).__name__))
        return {"type": "data.Texts", "column": self.column, "embedder": embedder}

    def _require_alone(self, roles: Roles, who: str) -> None:
        if roles.vector is not None:
            raise DataError(
                f"{who}: the texts of {self.column!r} and the vectors of {roles.vector[0]!r} are both to be mapped. "
                "Name one of them."
            )

    def _texts(self, columns: Mapping[str, np.ndarray], origin: Origin) -> list[str]:
        """The column as strings, complete."""
        if self.column not in columns:
            raise DataError(
                f"{origin.who} has no column {self.column!r} (asked for as text). {did_you_mean(self.column, columns)}"
            )
        values = columns[self.column]
        missing = is_missing(values) if values.dtype.kind == "O" else np.zeros(len(values), bool)
        if values.ndim != 1 or not all(isinstance(value, str) for value in values[~missing]) or missing.all():
            raise DataError(
                f"{origin.who} wants text in {self.column!r}; it holds {_kind(values, missing)}. Name a column of "
                "text, or leave text out to map numbers."
            )
        if missing.any():
            row = int(missing.argmax())
            place = f"row {row} (counted from 0)" if origin.first_line is None else f"line {row + origin.first_line}"
            raise DataError(
                f"{origin.who} wants a text in every row of {self.column!r}; {missing.sum()} of {len(values)} are "
                f"missing, the first in {place}. Drop these rows, or fill in a text."
            )
        texts = [str(value) for value in values]
        empty = sum(not text.strip() for text in texts)
        if empty:
            warnings.warn(
                f"{empty} of {len(texts)} texts in {self.column!r} are empty; they all get one and the same vector. "
                "Drop these rows if they mean nothing.",
                DataWarning,
                stacklevel=2,
            )
        return texts

    def _embedded(self, table: Table, texts: list[str], who: str) -> Table:
        x, _ = as_matrix(self.embedder(texts), who=f"{who}, embedded by {self.embedder.name},")
        if len(x) != len(texts):
            raise DataError(
                f"Texts wants one vector for each of {len(texts)} texts; {self.embedder.name} gave {len(x)}. Correct "
                "the embedder."
            )
        return replace(table, x=x, columns=positional_names(x.shape[1]))


def _kind(values: np.ndarray, missing: np.ndarray) -> str:
    """What a column that is no text holds, in words."""
    if values.ndim > 1:
        return f"vectors of shape {values.shape[1:]}"
    if missing.all():
        return "nothing but missing values"
    return f"{values.dtype} values" if values.dtype.kind != "O" else f"{type(values[~missing][0]).__name__} objects"


@lru_cache(maxsize=1)
def _loaded(model: str, device: str) -> Any:
    """The model from a folder or the cache of the hub, or else downloaded."""
    library = require_extra("sentence-transformers", "text", who="SentenceEncoder")
    folder = Path(model).expanduser()
    try:
        with _without_bars():
            return library.SentenceTransformer(
                str(folder) if folder.exists() else model, device=device, local_files_only=True
            )
    except (OSError, ValueError, RuntimeError) as error:
        if folder.exists():
            raise DataError(
                f"SentenceEncoder wants a folder with a sentence-transformers model; {folder} holds none "
                f"({_first_line(error)}). Give the folder that SentenceTransformer.save(folder) writes."
            ) from error
    return _downloaded(library, model, device)


def _downloaded(library: Any, model: str, device: str) -> Any:
    from huggingface_hub import model_info  # pyright: ignore[reportMissingImports]  # an extra

    try:
        model_info(model, timeout=10)  # the library alone would try for more than a minute where there is no network
        return library.SentenceTransformer(model, device=device)
    except Exception as error:  # every version of the hub raises the errors of another HTTP library
        raise DataError(
            f"SentenceEncoder wants the sentence-transformers model {model!r}; there is no such folder, and it is not "
            f"to be had from the Hugging Face hub ({_first_line(error)}). Check name and network, or give the folder "
            "of a model: SentenceEncoder('folder'), --embedder FOLDER."
        ) from error


@contextmanager
def _without_bars() -> Iterator[None]:
    """Without the progress bar for loading weights, which takes less than a second."""
    from transformers.utils import logging  # pyright: ignore[reportMissingImports]  # an extra

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
