"""Files of public data sets: a prepared copy, the cache, or a download, always with the right checksum."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from latentatlas.core import DataError

__all__ = ["RemoteFile", "cache_folder", "fetch", "sha256_of"]

_HOME = "LATENTATLAS_DATA"


@final
@dataclass(frozen=True)
class RemoteFile:
    """A public file.

    Attributes:
        name: file name, also in the prepared and the cache folder.
        sha256: checksum, 64 hexadecimal digits.
        size: bytes.
        urls: where to download it, best first.
    """

    name: str
    sha256: str
    size: int
    urls: tuple[str, ...]


def cache_folder() -> Path:
    """Where downloads are kept: the user's cache folder of this system."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("latentatlas"))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits. Cost: O(bytes)."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(corpus: str, files: Sequence[RemoteFile]) -> list[Path]:
    """Verified local copies of the files of a corpus, in their order.

    Each file is looked for in `$LATENTATLAS_DATA/<corpus>`, then in the cache; else it is downloaded to the cache.

    Raises:
        DataError: if a prepared file has a wrong checksum, or a file is nowhere and cannot be downloaded.
    """
    return [_prepared(corpus, file) or _downloaded(corpus, file) for file in files]


def _prepared(corpus: str, file: RemoteFile) -> Path | None:
    home = os.environ.get(_HOME)
    path = Path(home).expanduser() / corpus / file.name if home else None
    if path is None or not path.is_file():
        return None
    found = sha256_of(path)
    if found != file.sha256:
        raise DataError(
            f"Corpus {corpus!r} wants {path} with SHA-256 {file.sha256}; found {found}. The file is damaged or another "
            f"one: remove it and run `latentatlas data get {corpus}`, which downloads it anew."
        )
    return path


def _downloaded(corpus: str, file: RemoteFile) -> Path:
    import pooch

    folder, reasons = cache_folder() / corpus, []
    for url in file.urls:
        try:
            return Path(pooch.retrieve(url, known_hash=f"sha256:{file.sha256}", fname=file.name, path=folder))
        except (OSError, ValueError) as error:  # no network, no permission, HTTP errors, wrong checksum
            reasons.append(f"{url}: {str(error).splitlines()[0] if str(error) else type(error).__name__}")
    raise DataError(
        f"Corpus {corpus!r} wants {file.name} ({file.size / 1e6:.1f} MB); it is neither in ${_HOME}/{corpus} nor in "
        f"{folder}, and the download failed ({'; '.join(reasons)}). With a network run `latentatlas data get "
        f"{corpus}`; without one, set {_HOME} to a folder that holds {corpus}/{file.name}."
    )
