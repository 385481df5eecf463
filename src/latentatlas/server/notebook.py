"""The explorer inside a notebook, and what is selected there for the code around it."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from latentatlas.core.errors import AtlasError
from latentatlas.server.serving import Address, address_of, require_server

if TYPE_CHECKING:
    from latentatlas.store import Run

__all__ = ["Exploration", "explore"]

_PATIENCE = 30.0  # seconds for the server to start or end
_STEP = 0.01


@final
class Exploration:
    """An explorer that answers in the background; a notebook shows its page below the cell. Made by `explore`.

    The page is a frame from an address of the machine that runs the code, so the browser must be on that machine too.

    Attributes:
        address: where it is.
    """

    def __init__(self, address: Address, selected: Callable[[], np.ndarray | None], stop: Callable[[], None]):
        self.address = address
        self._selected = selected
        self._stop = stop

    @property
    def selected(self) -> np.ndarray | None:
        """Numbers of the rows that are selected on the page, ascending; None while nothing is."""
        return self._selected()

    def close(self) -> None:
        """Stop answering."""
        self._stop()

    def _repr_html_(self) -> str:
        url = html.escape(self.address.url, quote=True)
        return f'<iframe src="{url}" width="100%" height="720" style="border:1px solid #d0d4da"></iframe>'


def explore(run: str | Path | Run, *, port: int = 0) -> Exploration:
    """Show a run folder in a notebook: let the result be the last value of a cell.

    Args:
        run: the folder, or a run that is open.
        port: of this machine, to answer on; 0 takes any.

    Raises:
        StoreError: if the folder is no run, or damaged.
        DataError: if its points have no map.
        SpecError: if the extra `explore` is not installed, or the port and the next hundred are taken.
    """
    require_server("explore")
    import uvicorn

    from latentatlas.server.app import application_of
    from latentatlas.server.explorer import Explorer
    from latentatlas.server.guard import Guard

    explorer = Explorer(run if isinstance(run, str | Path) else run.path)
    address, listener = address_of("127.0.0.1", port)
    app: Guard = application_of(explorer, token=None)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    _wait_for(server)

    def stop() -> None:
        server.should_exit = True
        thread.join(_PATIENCE)
        listener.close()

    return Exploration(address, lambda: explorer.selected, stop)


def _wait_for(server: Any) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        if time.monotonic() > deadline:
            raise AtlasError(f"explore wanted to answer within {_PATIENCE:.0f} s; it did not start. Try again.")
        time.sleep(_STEP)
