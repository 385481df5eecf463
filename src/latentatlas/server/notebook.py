"""The explorer inside a notebook, and what is selected there for the code around it."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from latentatlas.core.errors import DataError, SpecError, require_extra
from latentatlas.server.masks import mask_of, packed
from latentatlas.server.serving import require_server
from latentatlas.store import Run

if TYPE_CHECKING:
    from latentatlas.estimator import Atlas

__all__ = ["Exploration", "explore"]

_WORKERS = 4


@final
class Exploration:
    """The explorer as a widget below the cell whose last value it is. Made by `explore`.

    Page and code speak through the notebook's own connection: no port is opened, and the browser may be on another
    machine than the code. While a cell runs, the page waits for its answers.

    Attributes:
        widget: the widget of ipywidgets, to be put beside others.
    """

    def __init__(self, widget: Any, rows: int, *, close: Callable[[], None]):
        self.widget = widget
        self._rows = rows
        self._close = close

    @property
    def selection(self) -> np.ndarray | None:
        """Numbers of the rows that are selected on the page, ascending; None while nothing is.

        Setting it selects these rows on the page, whatever was selected there before; None clears the selection.

        Raises:
            DataError: when set to anything but numbers of rows.
        """
        mask = mask_of(self.widget.bits, self._rows)
        return None if mask is None else np.flatnonzero(mask)

    @selection.setter
    def selection(self, rows: Any) -> None:
        bits = None if rows is None else packed(_mask_of_rows(rows, self._rows))
        self.widget.bits = None if bits is None else base64.b64encode(bits).decode()

    def close(self) -> None:
        """Stop answering, and take the page out of the notebook."""
        self.widget.close()
        self._close()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.widget._repr_mimebundle_(include=include, exclude=exclude)


def explore(run: str | Path | Run | Atlas) -> Exploration:
    """Show a run in a notebook: let the result be the last value of a cell.

    Args:
        run: the folder, a run that is open, or a fitted atlas (which is saved to a temporary folder until `close`).

    Raises:
        StoreError: if the folder is no run, or damaged.
        DataError: if its points have no map.
        SpecError: if the extra `notebook` is not installed, the page is not built, or there is nothing to explore.
    """
    require_server("explore")
    require_extra("anywidget", "notebook", who="explore")
    from latentatlas.server.app import application_of
    from latentatlas.server.asking import ask
    from latentatlas.server.explorer import Explorer
    from latentatlas.server.offline import built, page_with
    from latentatlas.server.widget import PageWidget

    with ExitStack() as opened:
        explorer = Explorer(_folder_of(run, opened))
        app = application_of(explorer, token=None)
        widget = PageWidget(_esm=built("widget.js"), page=page_with('<meta name="notebook">'))
        pool = ThreadPoolExecutor(_WORKERS)
        opened.callback(pool.shutdown, wait=False, cancel_futures=True)

        def answer(question: dict[str, Any]) -> None:
            reply = ask(app, str(question["method"]), str(question["path"]), question.get("body"))
            widget.send({"id": question["id"], "status": reply.status}, buffers=[reply.content])

        widget.on_msg(lambda _, question, __: pool.submit(answer, question))
        return Exploration(widget, explorer.columns.rows, close=opened.pop_all().close)


def _folder_of(run: str | Path | Run | Atlas, opened: ExitStack) -> str | Path:
    """Where the run is; an atlas is saved first."""
    if isinstance(run, str | Path):
        return run
    if isinstance(run, Run):
        return run.path
    from latentatlas.estimator import Atlas

    if not isinstance(run, Atlas):
        raise SpecError(f"explore wants a run folder, a run or a fitted Atlas; got {type(run).__name__}. Pass one.")
    home = opened.enter_context(tempfile.TemporaryDirectory(prefix="latentatlas-"))
    return run.save(Path(home) / "run").path


def _mask_of_rows(rows: Any, count: int) -> np.ndarray:
    """A truth value per row from numbers of rows, or from such values."""
    given = np.asarray(rows)
    if given.dtype == bool and given.shape == (count,):
        return given
    whole = given.size == 0 or given.dtype.kind in "iu"
    if given.ndim != 1 or not whole or (given.size and not 0 <= given.min() <= given.max() < count):
        raise DataError(
            f"A selection wants numbers of rows from 0 to {count - 1}, or {count:,} truth values; got {given.dtype} of "
            f"shape {given.shape}. Pass np.flatnonzero(condition)."
        )
    mask = np.zeros(count, dtype=bool)
    mask[given.astype(np.int64)] = True
    return mask
