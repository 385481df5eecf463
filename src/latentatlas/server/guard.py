"""What stands before every request: who may ask, how much may be sent, and what a browser may do with the answer."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, final
from urllib.parse import parse_qsl

__all__ = ["Guard"]

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_COOKIE = "latentatlas_token"
_MONTH = 30 * 24 * 3600
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'self' http://localhost:* http://127.0.0.1:*; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class _TooLarge(Exception):
    """A body is longer than is read."""


@final
class Guard:
    """An ASGI application around another.

    Without a token only requests that name this machine (localhost) as their host are answered, so that no page of
    another site can reach the explorer under a name of its own. With a token every request must bring it: in the header
    `Authorization: Bearer TOKEN`, or in the cookie that `/?token=TOKEN` sets. Requests that a browser sends for another
    site are refused in both cases.

    Args:
        app: what answers.
        token: secret that requests must bring; None where only this machine can reach the port.
        most_bytes: longest body that is read.
    """

    def __init__(self, app: _App, *, token: str | None, most_bytes: int):
        self.app = app
        self.token = token
        self.most_bytes = most_bytes

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _answer(send, *refusal)
        elif self._brings_token(scope):
            await _answer(send, 303, "", location="/", cookie=f"{_cookie(scope)}={self.token}")
        else:
            await self._pass_on(scope, receive, send)

    def _refusal(self, scope: _Message, headers: dict[str, str]) -> tuple[int, str] | None:
        host = _name_of(headers.get("host", ""))
        if self.token is None and host not in _LOOPBACK:
            return 403, f"The explorer answers to localhost only; the request is for {host!r}."
        foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if foreign and scope["path"].startswith("/api/"):  # a link to the page itself may stand anywhere
            return 403, "The explorer answers to its own page only; the request came from another site."
        if self.token is not None and not (self._brings_token(scope) or self._has_token(scope, headers)):
            return 401, "The explorer wants the token that was printed when it was started: open the address with it."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.most_bytes:
            return 413, f"The explorer reads up to {self.most_bytes:,} bytes of a request; this one has {length[:20]}."
        return None

    def _brings_token(self, scope: _Message) -> bool:
        if self.token is None or scope["path"] != "/":
            return False
        return any(name == "token" and self._equals(value) for name, value in parse_qsl(_text(scope["query_string"])))

    def _has_token(self, scope: _Message, headers: dict[str, str]) -> bool:
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._equals(value)
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_cookie(scope))
        except CookieError:
            return False
        return cookie is not None and self._equals(cookie.value)

    def _equals(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    async def _pass_on(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        read, started = 0, False

        async def counted() -> _Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most_bytes:
                raise _TooLarge
            return message

        async def marked(message: _Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", []), *_encoded(_HEADERS)]
            await send(message)

        try:
            await self.app(scope, counted, marked)
        except _TooLarge:
            if not started:
                await _answer(send, 413, f"The explorer reads up to {self.most_bytes:,} bytes of a request.")


def _cookie(scope: _Message) -> str:
    """Its name: browsers keep cookies by host, and one host may have an explorer on each of several ports."""
    return f"{_COOKIE}_{scope['server'][1]}"


def _name_of(host: str) -> str:
    """A host without its port."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


async def _answer(send: _Send, status: int, error: str, *, location: str = "", cookie: str = "") -> None:
    headers = {"content-type": "application/json", "cache-control": "no-store", **_HEADERS}
    if location:
        headers |= {"location": location}
        headers |= {"set-cookie": f"{cookie}; Path=/; Max-Age={_MONTH}; HttpOnly; SameSite=Strict"}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": json.dumps({"error": error}).encode()})


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _text(value: bytes) -> str:
    return value.decode("latin-1")
