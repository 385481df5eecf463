"""Train and test of windows: whole records or whole subjects, never single windows."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from latentatlas.core import DataError, SpecError, did_you_mean
from latentatlas.data.table import Table

__all__ = ["HeldOutGroups", "hold_out_groups"]


class HeldOutGroups(NamedTuple):
    """Two tables that share no group.

    Attributes:
        train: rows to learn from.
        test: rows of the groups that were held out.
    """

    train: Table
    test: Table


def hold_out_groups(table: Table, by: str = "subject", *, share: float = 0.3, seed: int = 0) -> HeldOutGroups:
    """Hold out a share of the groups, with all their windows.

    Windows of one record are alike, and those that overlap share samples: a split by window tests on what was learnt.

    Args:
        table: of windows.
        by: the column of groups, "subject" or "record" for example.
        share: of the groups that is held out, one at least and not all.
        seed: which.

    Cost: O(n log n).

    >>> table = Table(np.eye(4, dtype=np.float32), metadata={"record": np.array(["a", "a", "b", "b"])})
    >>> [len(set(part.metadata["record"])) for part in hold_out_groups(table, "record", share=0.5)]
    [1, 1]

    Raises:
        DataError: if there is no such column, it tells windows apart, or it holds one group alone.
        SpecError: if the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise SpecError(f"hold_out_groups wants a share between 0 and 1; got {share}. 0.3 is usual.")
    known = table.rows()
    if by not in known:
        raise DataError(f"hold_out_groups: {table.name!r} has no column {by!r}. {did_you_mean(by, known)}")
    groups, number = np.unique(known[by], return_inverse=True)
    if by == "sample":
        raise DataError(
            f"hold_out_groups wants groups of windows; {by!r} is the place of each window. Split by "
            "'record' or 'subject'."
        )
    if len(groups) < 2:
        raise DataError(
            f"hold_out_groups wants two groups or more in {by!r}; got {len(groups)}. Read more records, or split by "
            "another column."
        )
    count = min(len(groups) - 1, max(1, math.floor(share * len(groups) + 0.5)))
    held = np.isin(number, np.random.default_rng(seed).choice(len(groups), count, replace=False))
    return HeldOutGroups(table.take(~held), table.take(held))
