"""`seekforge evaluate rate serve`: the HTTP API of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study's file.")],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8100,
) -> None:
    """Serve a study to the page on which people rate: next, submit, progress, results, export, each with a token.

    Prints `ready http://HOST:PORT` once it listens; Ctrl-C or SIGTERM ends it.

    Example: seekforge evaluate rate serve ratings.db --port 8100
    """
    import asyncio

    from seekforge.evaluate.human.api import create_app
    from seekforge.evaluate.human.server import serve
    from seekforge.evaluate.human.store import Store
    from seekforge.serve.process import check_port
    from seekforge.serve.stopping import stoppable

    app = create_app(Store(study))
    check_port(host, port)
    with stoppable():
        asyncio.run(serve(app, host, port, lambda: typer.echo(f"ready http://{host}:{port}")))
