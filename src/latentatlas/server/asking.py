"""Questions to the explorer without a port: the same application, asked by a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from latentatlas.server.guard import Guard

__all__ = ["Reply", "ask"]

_Message = MutableMapping[str, Any]


class Reply(NamedTuple):
    """What the explorer answers.

    Attributes:
        status: as in HTTP.
        content: JSON, or the bytes of an array or a file.
    """

    status: int
    content: bytes


def ask(app: Guard, method: str, path: str, body: str | None) -> Reply:
    """The answer to one request; in a thread that runs no event loop.

    Args:
        app: the explorer of a run, without a token.
        method: GET, POST or DELETE.
        path: with the query, such as "/api/neighbours/3?k=8".
        body: JSON; None sends none.
    """
    place, _, query = path.partition("?")
    content = (body or "").encode()
    length = str(len(content)).encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(place),
        "raw_path": place.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", length)],
        "client": None,
        "server": ("localhost", 80),
    }
    return asyncio.run(_answer(app, scope, content))


async def _answer(app: Guard, scope: _Message, content: bytes) -> Reply:
    status, parts = 0, []

    async def receive() -> _Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: _Message) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    try:
        await app(scope, receive, send)
    except Exception:  # a mistake of ours, not of the question; a server writes it down as well
        logging.getLogger(__name__).exception("The explorer could not answer %s.", scope["path"])
        status = status or 500
    return Reply(status, b"".join(parts))
