"""Where the explorer listens, and for whom."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from latentatlas.core.errors import SpecError, require_extra

__all__ = ["Address", "address_of", "require_server", "serve"]

_PORTS_TRIED = 100
_QUEUE = 512


class Address(NamedTuple):
    """Where the explorer is.

    Attributes:
        url: to open in a browser, with the token where there is one.
        host: it listens on.
        port: it listens on.
        token: secret that requests must bring; None on the loopback.
    """

    url: str
    host: str
    port: int
    token: str | None


def address_of(host: str, port: int, *, token: str | None = None) -> tuple[Address, socket.socket]:
    """A free port at or above the one wanted, taken; with a token unless only this machine can reach it.

    Args:
        host: name or number of the interface; 127.0.0.1 is this machine only.
        port: first to try, of 100; 0 takes any.
        token: to be used; None makes one where it is needed.

    Raises:
        SpecError: if the host is not one of this machine, no port is free, or the token is too short to be a secret.
    """
    if token is not None and len(token) < 16:
        raise SpecError(f"explore wants a token of 16 letters or more; got {len(token)}. Leave it out to get one.")
    if token is None and not _is_loopback(host):
        token = secrets.token_urlsafe(24)
    listener = _listener(host, port)
    taken = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    query = "" if token is None else f"?token={token}"
    return Address(f"http://{shown}:{taken}/{query}", host, taken, token), listener


def serve(
    path: str | Path,
    address: Address,
    listener: socket.socket,
    *,
    ready: Callable[[], object],
    compare: str | Path | None = None,
) -> None:
    """Show a run until the process is told to stop.

    Args:
        path: the run folder.
        address: from `address_of`.
        listener: likewise.
        ready: called when the first request can be answered.
        compare: folder of another run of the same rows, to be shown beside; None is none.

    Raises:
        StoreError: if a folder is no run, or damaged.
        DataError: if its points have no map, or the runs share no rows.
        SpecError: if the extra is not installed.
    """
    require_server("explore")
    import uvicorn

    from latentatlas.server.app import explorer_app

    app = explorer_app(path, token=address.token, compare=compare)
    listener.listen(_QUEUE)  # the system accepts from here on; answers follow at once
    ready()
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def require_server(who: str) -> None:
    """Nothing, if the packages of the extra `explore` are there.

    Raises:
        SpecError: with the install line, if one is not.
    """
    for package in ("fastapi", "uvicorn", "duckdb"):
        require_extra(package, "explore", who=who)


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    except OSError as error:
        raise SpecError(f"explore wants a host of this machine; {host!r} is none ({error}). Try 127.0.0.1.") from error
    last: OSError | None = None
    for candidate in [0] if port == 0 else range(port, min(port + _PORTS_TRIED, 65536)):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(_QUEUE)  # without SO_REUSEADDR's leave: two servers may bind, only one may listen
            return listener
        except OSError as error:
            listener.close()
            last = error
    raise SpecError(f"explore found no free port from {port} on at {host}: {last}. Pass another --port.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
