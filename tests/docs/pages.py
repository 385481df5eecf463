"""Runs a page of the documentation as a reader would: every `python` and `sh` block, in order, in one folder.

    python tests/docs/pages.py docs/start.md

Blocks of one page share the names of Python and the working folder. A `text` block right after one that ran is what
that block prints, apart from spaces and numbers; … stands for anything. `<!-- skip: reason -->` above a block leaves it
out, `<!-- needs: FILE -->` runs it only where the folder holds FILE. The last line lists what was left out, as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"(?:<!-- (skip|needs): (.+?) -->\n\n?)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?")
_FRAMES = re.compile(r"[─━│┃┏┓┗┛┡┩╇┳╷╵]+")


def run_page(page: Path) -> list[str]:
    """Run the blocks of a page in the working folder; returns the reasons of those left out.

    Raises:
        SystemExit: with the place and the output of the first block that fails, or prints something else.
    """
    text, names, left_out = page.read_text(), {"__name__": "__page__"}, []
    printed, end = None, 0
    for block in _BLOCK.finditer(text):
        mark, reason, kind, code = block.groups()
        place = f"{page.name}, line {text.count(chr(10), 0, block.start(3)) + 1}"
        follows = not text[end : block.start()].strip()
        end = block.end()
        if kind == "text" and printed is not None and follows:
            _require_same(code, printed, place)
        if kind not in ("python", "sh"):
            printed = None
        elif mark == "skip" or (mark == "needs" and not Path(reason).exists()):
            left_out.append(f"{mark}: {reason}")
            printed = None
        else:
            printed = _run_python(code, names, place) if kind == "python" else _run_shell(code, place)
    return left_out


def _run_python(code: str, names: dict[str, Any], place: str) -> str:
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(code, place, "exec"), names)
    except Exception:
        sys.exit(f"{place}: {traceback.format_exc()}{out.getvalue()}")
    return out.getvalue()


def _run_shell(code: str, place: str) -> str:
    programs = sysconfig.get_path("scripts")  # of the interpreter that runs the page
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}
    command = ["bash", "-euo", "pipefail", "-c", code]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{place}: ended with {done.returncode}\n{done.stdout}")
    return done.stdout


def _require_same(wanted: str, printed: str, place: str) -> None:
    pieces = [re.escape(_plain(piece)) for piece in wanted.split("…")]
    if not re.search(r".*".join(pieces), _plain(printed)):
        sys.exit(f"{place}: the page says\n{wanted}\nand what is printed is\n{printed}")


def _plain(text: str) -> str:
    return " ".join(_NUMBER.sub("#", _FRAMES.sub(" ", text)).split())


if __name__ == "__main__":
    left_out = run_page(Path(sys.argv[1]).resolve())
    print(json.dumps(left_out, ensure_ascii=False))
