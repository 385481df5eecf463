"""The page as a widget of a notebook. Needs the extra `notebook` as soon as it is imported."""

from __future__ import annotations

from typing import final

import anywidget
import traitlets

__all__ = ["PageWidget"]


@final
class PageWidget(anywidget.AnyWidget):
    """A frame with the page, and what passes between page and code.

    Questions of the page come as messages {id, method, path, body}; answers go back as {id, status} with the content as
    a buffer.

    Attributes:
        _esm: the module that makes the frame; the name is anywidget's.
        page: the HTML of the frame.
        bits: the selected rows, one bit each, in base64; None while nothing is selected. Page and code both set it.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    page = traitlets.Unicode().tag(sync=True)
    bits = traitlets.Unicode(None, allow_none=True).tag(sync=True)
