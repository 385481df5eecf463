"""`latentatlas explore`: a run in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentatlas.cli.output import JsonOption, RunArgument, print_json, say, warn


def explore(
    run: RunArgument,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; the next free one if it is taken.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Interface to listen on; any but this machine's own opens the run to the network.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(help="Secret that requests must bring; made up where one is needed.")
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = False,
    page: Annotated[
        Path | None, typer.Option(help="Write one HTML file that needs no server instead, for up to 50,000 rows.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Another run of the same rows, shown beside it with how far rows moved.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Walk a run in the browser: map, basins, certificate and the rows themselves. Needs the extra `explore`."""
    from latentatlas.core.errors import SpecError
    from latentatlas.server import address_of, serve

    if page is not None:
        if compare is not None:
            raise SpecError("explore writes one run to a page; --compare needs the explorer. Leave one of them out.")
        _write_page(run, page, as_json=as_json)
        return
    address, listener = address_of(host, port, token=token)

    def ready() -> None:
        if as_json:
            print_json({"run": str(run), **address._asdict()})
        else:
            if address.token is not None:
                warn(
                    f"The explorer listens on {host}, not on this machine alone, and without encryption: whoever has "
                    "the address below can read the run and write annotations."
                )
            say(f"{run} is at {address.url} until you press Ctrl+C.")
        if browser:
            import webbrowser

            webbrowser.open(address.url)

    with listener:
        serve(run, address, listener, ready=ready, compare=compare)


def _write_page(run: Path, page: Path, *, as_json: bool) -> None:
    from latentatlas.core.errors import require_extra
    from latentatlas.store import write_whole

    require_extra("duckdb", "explore", who="explore")
    from latentatlas.server.offline import offline_page

    content = offline_page(run).encode()
    write_whole(page, content)
    if as_json:
        print_json({"run": str(run), "page": str(page), "bytes": len(content)})
    else:
        say(f"{len(content) / 1e6:.1f} MB → {page}; open it in a browser.")
