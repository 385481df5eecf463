"""Selections as bits: row r is bit r mod 8 of byte r // 8."""

from __future__ import annotations

import base64
import binascii

import numpy as np

from latentatlas.core.errors import DataError

__all__ = ["mask_of", "packed"]


def packed(mask: np.ndarray) -> bytes:
    r"""The bits of a truth value per row.

    >>> packed(np.array([True, False, True, False, False, False, False, False, True]))
    b'\x05\x01'
    """
    return np.packbits(mask, bitorder="little").tobytes()


def mask_of(text: str | None, rows: int) -> np.ndarray | None:
    """A truth value per row from bits in base64; None stays None, which is every row.

    >>> mask_of("BQE=", 9).nonzero()[0].tolist()
    [0, 2, 8]

    Raises:
        DataError: if it is not base64, or has another length than the rows need.
    """
    if text is None:
        return None
    try:
        bits = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"A selection wants bits in base64; {error}. Encode them.") from error
    if len(bits) != (rows + 7) // 8:
        raise DataError(
            f"A selection wants one bit for each of {rows:,} rows, {(rows + 7) // 8:,} bytes; got {len(bits):,}. "
            "Load the page again."
        )
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=rows, bitorder="little").astype(bool)
