"""What is known of the rows of a fit beside their features, as terms may read it."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import Batch, Nuisance
from latentatlas.data import DataWarning, Table, encode_labels
from latentatlas.metrics import DebiasedCKA, is_categorical
from latentatlas.models import Stem

__all__ = ["Known", "warn_of_dependence"]

_DEPENDENT = 0.1
_COMPARED_ROWS = 1000


@final
@dataclass(frozen=True, eq=False)
class Known:
    """Columns beside the features.

    Attributes:
        nuisance: what the latent is to be free of, by name.
        environment: of each row.
        label: of each row; only where a term asks for it, since labels are not trained on otherwise.
    """

    nuisance: Mapping[str, np.ndarray]
    environment: np.ndarray | None = None
    label: np.ndarray | None = None

    @classmethod
    def of(cls, table: Table, *, reads: Collection[str]) -> Known:
        """What terms that read these fields may know of a table."""
        return cls(table.nuisance, table.environment, table.label if "label" in reads else None)

    def batch(self, stem: Stem, rows: Tensor, numbers: np.ndarray) -> Batch:
        """Stem coordinates of these rows of the table, and what is known about them, as tensors."""
        return Batch(
            x=torch.cat([stem(block) for block in rows.split(16_384)]),
            row=torch.from_numpy(numbers.astype(np.int64)),
            label=None if self.label is None else _tensor(self.label, numbers),
            nuisance=self._nuisance(numbers),
            environment=None if self.environment is None else _codes(self.environment, numbers),
        )

    def _nuisance(self, numbers: np.ndarray) -> Nuisance | None:
        """One column alone, several by name; numbers that stand beside others have mean 0 and spread 1."""
        if len(self.nuisance) > 1:
            return {name: _tensor(_standard(column), numbers) for name, column in self.nuisance.items()}
        return next((_tensor(column, numbers) for column in self.nuisance.values()), None)


def warn_of_dependence(table: Table) -> None:
    """Warn of nuisances that depend on the label, where they are to be removed as a whole.

    Warns:
        DataWarning: for each nuisance with a debiased CKA with the label above .1.
    """
    label = table.label
    if label is None or not is_categorical(label) or len(table) < 4:
        return
    compared = DebiasedCKA(rows=_COMPARED_ROWS)
    for name, column in table.nuisance.items():
        found = compared(label, column)
        if found > _DEPENDENT:
            warnings.warn(
                f"{name!r} depends on y (debiased CKA {found:.2f}): a latent that is free of it has lost some of what "
                "tells y. To remove only what it shows within each class pass "
                "nuisance_term=latentatlas.terms.ConditionalHSIC(), which trains on y.",
                DataWarning,
                stacklevel=3,
            )


def _tensor(column: np.ndarray, numbers: np.ndarray) -> Tensor:
    """Codes of categories, or numbers, of these rows."""
    if is_categorical(column):
        return _codes(column, numbers)
    return torch.from_numpy(column.astype(np.float32)[numbers])


def _codes(column: np.ndarray, numbers: np.ndarray) -> Tensor:
    return torch.from_numpy(encode_labels(column)[0][numbers])


def _standard(column: np.ndarray) -> np.ndarray:
    return column if is_categorical(column) else (column - column.mean()) / (column.std() or 1.0)
