"""The embedding worker as a process."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from seekforge.core.errors import ConfigError
from seekforge.engines.embed.protocol import Prompts
from seekforge.serve.main import add_common, run, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one embedding worker until SIGTERM or SIGINT; returns the exit status."""
    return run(_parser().parse_args(arguments), _run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m seekforge.serve.embed", description="Serve one embedder over HTTP."
    )
    parser.add_argument("--model", required=True, help="`e5`, `fake`, a sentence-transformers folder or a hub id")
    parser.add_argument("--query-prompt", help="what is put before queries; by default what the model's folder says")
    parser.add_argument("--passage-prompt", help="what is put before passages")
    parser.add_argument("--matryoshka", default="", help="shorter dimensions that the model was trained for: 256,512")
    parser.add_argument("--batch-texts", type=int, default=32, help="texts embedded at once")
    parser.add_argument("--batch-tokens", type=int, default=8192, help="tokens embedded at once, padding included")
    add_common(parser)
    return parser


def _run(options: argparse.Namespace) -> None:
    import uvloop

    from seekforge.core.config import environment
    from seekforge.core.progress import for_terminal
    from seekforge.engines.embed import open_embedder
    from seekforge.serve.embed.app import create_app
    from seekforge.serve.embed.batch import BatchLimits
    from seekforge.serve.intake import Limits

    prompts = None
    if options.query_prompt is not None or options.passage_prompt is not None:
        prompts = Prompts(options.query_prompt or "", options.passage_prompt or "")
    embedder = open_embedder(
        options.model, environment(), for_terminal(), prompts=prompts, matryoshka=_lengths(options.matryoshka)
    )
    try:
        limits = Limits(
            waiting=options.max_waiting, answer_seconds=options.answer_seconds, body_seconds=options.body_seconds
        )
        batch = BatchLimits(options.batch_texts, options.batch_tokens)
        app = create_app(embedder, options.name or Path(options.model).name, limits, batch)
        try:
            uvloop.run(serve(app, options))
        finally:
            app.state.service.close()
    finally:
        embedder.close()


def _lengths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigError("no list of numbers", where="--matryoshka", mend="Write 256,512") from error
