"""The manifest of a run folder: format, writer, and the size and SHA-256 of every file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, final

import latentatlas
from latentatlas.core.errors import StoreError
from latentatlas.store.atomic import HOLD_SECONDS, fresh_sibling, held, publish, sync_folder, synced

__all__ = [
    "FORMAT",
    "MANIFEST",
    "MIGRATIONS",
    "PENDING",
    "REPLACEABLE",
    "Entry",
    "Manifest",
    "damaged",
    "replace_files",
    "replaced",
    "roll_forward",
    "verify_file",
]

FORMAT = 1
"""The format of run folders that this version writes."""

MIGRATIONS: dict[int, Callable[[Path], None]] = {}
"""Format → function that rewrites a folder of that format in place as the next format, manifest included. It is given
a copy, which takes the place of the folder when it is whole."""

MANIFEST = "manifest.json"
PENDING = ".next"
_PARTIAL = MANIFEST + ".partial"
REPLACEABLE = ("verdicts.json", "metrics.json", "report.html", "map.png")


class Entry(NamedTuple):
    """What a file must be.

    Attributes:
        size: bytes.
        sha256: hexadecimal digest of the content.
    """

    size: int
    sha256: str


@final
@dataclass(frozen=True)
class Manifest:
    """The files of a run folder.

    Attributes:
        files: path inside the folder (with `/`) → entry.
        version: version of latentatlas that wrote the folder.
        format: format number of the folder.
    """

    files: Mapping[str, Entry]
    version: str = latentatlas.__version__
    format: int = FORMAT

    @staticmethod
    def of_folder(folder: Path) -> Manifest:
        """Describe every file below a folder; reads each once, O(bytes)."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return Manifest({path.relative_to(folder).as_posix(): entry_of(path) for path in paths})

    @staticmethod
    def read(folder: Path, name: str = MANIFEST) -> Manifest:
        """Read and check a manifest, migrating an older folder first.

        Raises:
            StoreError: if it is damaged, newer than this version reads, or older without a migration.
        """
        raw = _parse(folder, name)
        if raw["format"] > FORMAT:
            raise StoreError(
                f"latentatlas {latentatlas.__version__} reads run folders up to format {FORMAT}; {folder} has format "
                f"{raw['format']}, written by latentatlas {raw.get('latentatlas')}. Upgrade latentatlas to read it."
            )
        if raw["format"] < FORMAT:
            return _migrate(folder, raw)
        try:
            files = {name: Entry(int(size), str(digest)) for name, (size, digest) in raw["files"].items()}
            manifest = Manifest(files, version=str(raw["latentatlas"]), format=raw["format"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged_manifest(folder, name, "its entries are not in order") from error
        if raw.get("sha256") != manifest.digest():
            raise _damaged_manifest(folder, name, "its own checksum does not match")
        return manifest

    def write(self, folder: Path, name: str = MANIFEST) -> None:
        """Write the manifest into a folder and bring it to the disk."""
        with synced(folder / name) as file:
            file.write(json.dumps({**self._body(), "sha256": self.digest()}, indent=1).encode())

    def is_of_same_run(self, other: Manifest) -> bool:
        """Whether both describe one run, before and after replacements of the small files that may be replaced."""
        return self._lasting() == other._lasting()

    def digest(self) -> str:
        """SHA-256 of the manifest's own content."""
        return hashlib.sha256(json.dumps(self._body(), sort_keys=True).encode()).hexdigest()

    def _lasting(self) -> dict[str, Entry]:
        return {name: entry for name, entry in self.files.items() if name not in REPLACEABLE}

    def _body(self) -> dict[str, Any]:
        return {"format": self.format, "latentatlas": self.version, "files": dict(self.files)}


def entry_of(path: Path) -> Entry:
    """Size and digest of a file."""
    with open(path, "rb") as file:
        return Entry(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def verify_file(folder: Path, name: str, entry: Entry, *, checksum: bool) -> None:
    """Compare a file with its entry: existence and size, and with `checksum` the content, O(bytes).

    Raises:
        StoreError: naming the file, what is wrong with it, and what to do.
    """
    path = folder / name
    if not path.is_file():
        raise damaged(folder, name, "it is missing")
    try:
        size = path.stat().st_size
        if size != entry.size:
            raise damaged(folder, name, f"it has {size:,} bytes, not {entry.size:,}")
        if checksum and entry_of(path).sha256 != entry.sha256:
            raise damaged(folder, name, "its checksum does not match, so its content has changed")
    except OSError as error:
        raise StoreError(f"Run {folder} wants to read {name}; the system refused: {error}. Check the disk.") from error


def replace_files(folder: Path, opened: Manifest, contents: Mapping[str, bytes]) -> Manifest:
    """Replace small files of a run folder and its manifest, all or none.

    The new files and the new manifest are first written under pending names. Once the pending manifest is on the
    disk the replacement is decided: whoever opens the folder next completes it with `roll_forward`.

    Raises:
        StoreError: if the folder no longer holds the run that `opened` describes; nothing is changed then.
        OSError: if the system refuses.
    """
    with held(folder, wait=HOLD_SECONDS):
        _complete(folder)  # what another process decided and did not live to do
        _remove_undecided(folder)
        manifest = Manifest.read(folder)
        if not manifest.is_of_same_run(opened):
            raise replaced(folder)
        files = dict(manifest.files)
        try:
            for name, content in contents.items():
                with synced(folder / (name + PENDING)) as file:
                    file.write(content)
                files[name] = Entry(len(content), hashlib.sha256(content).hexdigest())
            replace(manifest, files=files).write(folder, _PARTIAL)
            os.replace(folder / _PARTIAL, folder / (MANIFEST + PENDING))
        except OSError:
            _remove_undecided(folder)
            raise
        sync_folder(folder)
        _complete(folder)
        _remove_undecided(folder)  # what was equal to what is there
        return Manifest.read(folder)


def roll_forward(folder: Path) -> None:
    """Complete a decided replacement, if there is one."""
    if (folder / (MANIFEST + PENDING)).is_file():
        with held(folder, wait=HOLD_SECONDS):
            _complete(folder)


def _complete(folder: Path) -> None:
    if not (folder / (MANIFEST + PENDING)).is_file():
        return
    before, after = Manifest.read(folder), Manifest.read(folder, MANIFEST + PENDING)
    for name in after.files:
        if after.files[name] != before.files.get(name):
            with suppress(FileNotFoundError):
                os.replace(folder / (name + PENDING), folder / name)
    with suppress(FileNotFoundError):
        os.replace(folder / (MANIFEST + PENDING), folder / MANIFEST)
    sync_folder(folder)


def _remove_undecided(folder: Path) -> None:
    for name in (*(name + PENDING for name in REPLACEABLE), _PARTIAL):
        with suppress(OSError):
            (folder / name).unlink()


def replaced(folder: Path) -> StoreError:
    """The error for a run that was opened, and then replaced by another one."""
    return StoreError(f"Run {folder} was opened, and then another run took its place. Open it again.")


def damaged(folder: Path, name: str, why: str) -> StoreError:
    """The error for a file that is not as it was written."""
    return StoreError(
        f"Run {folder} wants {name} as it was written; {why}. Restore the folder from a copy, or make the run again."
    )


def _parse(folder: Path, name: str) -> dict[str, Any]:
    try:
        raw = json.loads((folder / name).read_bytes())
    except ValueError as error:
        raise _damaged_manifest(folder, name, "it is not readable JSON") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("format"), int):
        raise _damaged_manifest(folder, name, "it names no format")
    return raw


def _damaged_manifest(folder: Path, name: str, why: str) -> StoreError:
    return damaged(folder, name, f"{why}, so no other file can be trusted")


def _migrate(folder: Path, raw: Mapping[str, Any]) -> Manifest:
    migration = MIGRATIONS.get(raw["format"])
    if migration is None:
        raise StoreError(
            f"latentatlas {latentatlas.__version__} reads run folders of format {FORMAT}; {folder} has format "
            f"{raw['format']} and there is no migration from it. Open it with latentatlas {raw.get('latentatlas')}, "
            "which wrote it, or make the run again."
        )
    folder = folder.resolve()
    with fresh_sibling(folder) as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        migration(copy)
        if _parse(copy, MANIFEST)["format"] <= raw["format"]:
            raise StoreError(
                f"The migration of {folder} from format {raw['format']} did not raise the format. Report this."
            )
        for path in (*copy.rglob("*"), copy):
            sync_folder(path)
        publish(copy, folder, replace=True)
    return Manifest.read(folder)
