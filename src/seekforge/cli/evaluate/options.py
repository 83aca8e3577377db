"""Options that several commands have, so that they are called the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KeyFile = Annotated[
    Path | None, typer.Option("--api-key-file", "--key-file", help="A file with the key that the endpoint asks for.")
]
AtOnce = Annotated[
    int, typer.Option("--at-once", "--concurrency", min=1, max=256, help="Questions under way at the endpoint.")
]
Endpoint = Annotated[
    str | None, typer.Option(help="Ask this OpenAI-compatible endpoint, http://host:port/v1, and load no model.")
]
ModelName = Annotated[str | None, typer.Option(help="The model's name at the endpoint.")]
Label = Annotated[list[str] | None, typer.Option(help="A permitted label; repeat for each.")]
System = Annotated[str | None, typer.Option(help="System line for conversations that have none.")]
Lexicon = Annotated[Path | None, typer.Option(help="Terms that stay whole where Chinese is cut into words.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use at most this many records.")]
