"""`seekforge serve`: a production endpoint on one model."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from seekforge.core.progress import Progress

_Model = Annotated[
    str | None,
    typer.Argument(
        help="demo, a folder, a .gguf file, a hub id, NAME@champion, or a single-machine JSON file. With an engine at "
        "a URL, the model's name there. May stand in --config."
    ),
]
_Host = Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all. By default 127.0.0.1.")]
_Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on. By default 8000.")]
_Engine = Annotated[
    str | None,
    typer.Option(
        metavar="auto|openvino|vllm|fake|URL",
        help="What decodes. auto: OpenVINO on the CPU. vllm: once `seekforge engine install vllm` has been run. URL: a "
        "server that runs already, with an OpenAI-compatible API. fake: echoes, to try clients on.",
    ),
]
_Embed = Annotated[
    str | None,
    typer.Option(
        metavar="EMBEDDER",
        help="What answers /v1/embeddings: e5, a sentence-transformers folder or a hub id. Needs no MODEL.",
    ),
]
_Name = Annotated[str | None, typer.Option(help="The model's name for clients; by default MODEL.")]
_Keys = Annotated[Path | None, typer.Option(metavar="FILE", help="Ask for keys: the file of `seekforge keys`.")]
_Config = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="YAML with all settings (guard, limits, templates, further engines ...), or a single-machine JSON file. "
        "Options win over it.",
    ),
]
_Price = Annotated[
    float | None, typer.Option(min=0.0, help="Of this machine, for the cost metric; by default the recipe's.")
]


def command(
    model: _Model = None,
    host: _Host = None,
    port: _Port = None,
    engine: _Engine = None,
    embed: _Embed = None,
    name: _Name = None,
    api_keys: _Keys = None,
    config: _Config = None,
    price_per_hour: _Price = None,
) -> None:
    """Serve a model: an OpenAI-compatible API with guard, keys, limits, feedback and metrics in front of the engine.

    Prints `ready http://HOST:PORT` once a real answer came through all of it; /docs on that address shows the routes.
    Ctrl-C or SIGTERM lets running answers end, up to 30 s; a second one does not wait. A worker that dies is started
    anew. The guard is on; keys are off until --api-keys names a file. Logs, feedback and the guard's audit record go to
    runs/endpoints/NAME.

    Keys: seekforge keys add --id team-a && seekforge serve demo --api-keys keys.jsonl

    A server of your own behind the same door: seekforge serve deepseek-r1 --engine http://127.0.0.1:8001

    Embeddings beside it: seekforge serve demo --embed e5

    Example: seekforge serve risk_desk@champion --port 8000
    """
    from seekforge.core.progress import for_terminal
    from seekforge.serve.stopping import stoppable

    logging.basicConfig(format="%(levelname)s: %(message)s")
    progress = for_terminal()
    given = {
        "model": model,
        "host": host,
        "port": port,
        "engine": engine,
        "name": name,
        "keys": None if api_keys is None else api_keys.absolute(),
        "embed": embed,
    }
    options = {key: value for key, value in given.items() if value is not None}
    with stoppable():
        _serve(config, options, price_per_hour, progress)
    progress.say("stopped")


def _serve(file: Path | None, options: Mapping[str, Any], price_per_hour: float | None, progress: Progress) -> None:
    from seekforge.cli.endpoint import prepare, read
    from seekforge.core.config import environment
    from seekforge.serve.endpoint import run_endpoint
    from seekforge.serve.gateway.check import check_files
    from seekforge.serve.process import check_port

    asked = read(file, options)
    check_port(asked.config.host, asked.config.port)
    check_files(asked.config)
    plan = prepare(asked, price_per_hour, environment(), progress)
    if plan.is_open:
        progress.say(f"warning: whoever reaches {plan.config.host} may ask; --api-keys FILE asks for keys")
    run_endpoint(plan.config, plan.order, progress.say, lambda url: typer.echo(f"ready {url}"), plan.embedder)
