"""Writing a run folder: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from latentatlas.core.errors import StoreError
from latentatlas.store.atomic import fresh_sibling, publish, recover, replacing, sync_folder
from latentatlas.store.contents import FILES, RunContents, write_parts
from latentatlas.store.manifest import MANIFEST, PENDING, Manifest
from latentatlas.store.run import Run

__all__ = ["require_writable", "write_run", "write_whole"]


def write_run(path: str | os.PathLike[str], contents: RunContents, *, overwrite: bool = False) -> Run:
    """Write a run folder atomically: it appears under its name complete, or the name keeps what it had.

    Every file is synced to the disk in a hidden sibling folder, the manifest last; then a rename publishes it.
    A process killed on the way leaves the old run, if there was one, to be found by the next open or write.

    Args:
        path: the run folder; missing parents are made.
        contents: the parts.
        overwrite: replace an existing run.

    Raises:
        StoreError: if the folder is in the way (see `require_writable`) or the disk refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     run = write_run(f"{home}/run", RunContents(spec={"dim": 2}, metrics={"purity": 0.5}))
    ...     run.spec["dim"], run.metrics["purity"], sorted(file.name for file in run.path.iterdir())
    (2, 0.5, ['manifest.json', 'metrics.json', 'spec.json', 'verdicts.json'])
    """
    final = Path(path).resolve()
    require_writable(final, overwrite=overwrite)
    try:
        with fresh_sibling(final) as folder:
            write_parts(folder, contents)
            Manifest.of_folder(folder).write(folder)
            for inside in (*filter(Path.is_dir, folder.iterdir()), folder):
                sync_folder(inside)
            _require_free(final, overwrite=overwrite)  # the name may have been taken since
            publish(folder, final, replace=overwrite)
    except OSError as error:
        raise StoreError(
            f"write_run wanted to write {final}; the system refused: {error}. Free space or choose another folder."
        ) from error
    return Run(path, verify=False)


def require_writable(path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Raise what `write_run` would raise for this folder; call it before a long computation. Changes nothing.

    Raises:
        StoreError: if the path is a file; if it is a folder with content and `overwrite` is false; if `overwrite` is
            true but the folder is no run, or holds files that no run writes (they would be lost); if it cannot be
            written.
    """
    final = Path(path).resolve()
    try:
        recover(final)
        _require_free(final, overwrite=overwrite)
        _require_permission(final)
    except OSError as error:
        raise StoreError(f"A run folder was wanted at {final}; {error}. Choose another folder.") from error


def _require_free(final: Path, *, overwrite: bool) -> None:
    if not final.exists():
        return
    if not final.is_dir():
        raise StoreError(f"A run folder was wanted at {final}; there is a file. Choose another folder.")
    if not any(final.iterdir()):
        return
    if not overwrite:
        raise StoreError(
            f"A run folder was wanted at {final}; it exists and is not empty. "
            "Pass overwrite=True (--overwrite) or another folder."
        )
    if not (final / MANIFEST).is_file():
        raise StoreError(
            f"A run was to be overwritten at {final}; the folder is not a run (no {MANIFEST}) and is left alone. "
            "Choose another folder, or remove it yourself."
        )
    strangers = _strangers(final)
    if strangers:
        raise StoreError(
            f"A run was to be overwritten at {final}; the folder also holds files that are no part of the run: "
            f"{', '.join(strangers[:5])}{' …' if len(strangers) > 5 else ''}. Move them away or choose another folder."
        )


def _strangers(folder: Path) -> list[str]:
    """Files that are no part of a run; where the manifest cannot be read, the files of this version are known."""
    try:
        known = set(Manifest.read(folder).files)
    except StoreError:
        known = set(FILES)
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(
        name for name in names if name.removesuffix(PENDING) not in known and not name.startswith((MANIFEST, "."))
    )


def _require_permission(final: Path) -> None:
    ancestor = final.parent
    while not ancestor.exists():
        ancestor = ancestor.parent
    if not ancestor.is_dir() or not os.access(ancestor, os.W_OK | os.X_OK):
        raise StoreError(
            f"A run folder was wanted at {final}; {ancestor} is not a folder that may be written. "
            "Choose another folder."
        )


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file that is either whole or absent; a file of that name is replaced.

    Raises:
        StoreError: if it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise StoreError(f"A file was wanted at {path}; {error.strerror}. Choose another place.") from error
