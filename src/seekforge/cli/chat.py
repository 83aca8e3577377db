"""`seekforge chat`: talk to a model in the terminal."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from seekforge.engines.protocol import Engine, Sampling


def command(
    model: Annotated[str, typer.Argument(help="demo, a folder, a .gguf file, a hub id, or NAME@champion.")],
    message: Annotated[str | None, typer.Option("--message", "-m", help="Ask once and leave.")] = None,
    system: Annotated[str | None, typer.Option(help="System line.")] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0 is greedy.")] = 0.7,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 512,
) -> None:
    """Talk to a model; answers are streamed. An empty line, Ctrl-D or Ctrl-C leaves.

    Example: seekforge chat demo -m "What is a bank's risk desk?"
    """
    from seekforge.cli.models import servable
    from seekforge.core.config import environment
    from seekforge.core.progress import for_terminal
    from seekforge.engines.openvino import OpenVinoEngine
    from seekforge.engines.protocol import Sampling

    machine = environment()
    engine = OpenVinoEngine(servable(model, machine, for_terminal()), cache=machine.cache)
    try:
        _talk(engine, Sampling(max_new_tokens=max_tokens, temperature=temperature), system, message)
    finally:
        engine.close()


def _talk(engine: Engine, sampling: Sampling, system: str | None, message: str | None) -> None:
    turns: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    while True:
        text = message if message is not None else _ask()
        if not text:
            return
        turns.append({"role": "user", "content": text})
        turns.append({"role": "assistant", "content": asyncio.run(_answer(engine, turns, sampling))})
        if message is not None:
            return


def _ask() -> str:
    try:
        return input("you> ").strip()
    except (EOFError, KeyboardInterrupt):
        return ""


async def _answer(engine: Engine, turns: list[dict[str, str]], sampling: Sampling) -> str:
    pieces = []
    async for delta in engine.stream(engine.encode(engine.render(turns)), sampling):
        pieces.append(delta.text)
        sys.stdout.write(delta.text)
        sys.stdout.flush()
    sys.stdout.write("\n")
    return "".join(pieces)
