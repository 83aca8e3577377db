"""`seekforge serve`: an OpenAI-compatible endpoint on one model."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    model: Annotated[str, typer.Argument(help="demo, a folder, a .gguf file, a hub id, or NAME@champion.")],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    name: Annotated[str | None, typer.Option(help="The model's name for clients; by default MODEL.")] = None,
) -> None:
    """Serve a model over HTTP: POST /v1/chat/completions (streamed or not), POST /v1/chat, /healthz, /readyz, /metrics.

    Prints `ready http://HOST:PORT` once a real answer was decoded. Ctrl-C stops it.

    Example: seekforge serve risk_desk@champion --port 8000
    """
    from seekforge.cli.models import servable
    from seekforge.core.config import environment
    from seekforge.core.progress import for_terminal
    from seekforge.serve import serve_forever

    progress = for_terminal()
    serve_forever(servable(model, environment(), progress), host, port, name or model, progress)
