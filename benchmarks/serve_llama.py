r"""Our endpoint beside llama.cpp's server, on the same file, in the same run.

    python -m benchmarks.serve_llama --llama-server llama.cpp/build/bin/llama-server --json llama.json

Sides: `llama-server`; `seekforge`, the command `seekforge serve` with keys: gateway with guard, keys, limits, metrics,
audit record and access log in front of the worker; `worker alone`, that worker asked without the gateway; and `bare
engine`, ours in a process of its own that is given the prompts' token ids, which shows what HTTP and Python cost. All
load one GGUF file (by default the demo model as Q8_0), are up all the time, and take turns: every round asks each of
them once, in an order that is turned by one each round. A first round warms them with batches like the measured ones
and is thrown away.

Every request is a chat of exactly 128 tokens, template included, and an answer of 64 tokens, greedy and past any end
token, streamed. No prompt is sent twice to a process and each begins with another number, so a prefix cache can only
give the template's beginning; both servers keep theirs on, as they come. TTFT is the time to the first event with text.
One load generator asks all (`sse_load.py`), one socket a request.

llama-server is run as its own pages say for throughput: a slot a client, a context that holds all of them, a thread a
core, continuous batching and flash attention as they come. Before the rounds the variants below are tried and the
fastest one is taken, for each number of clients by itself; `--llama-options` skips that.

To have llama-server with nothing but PyPI, cmake and a compiler (llama-cpp-python's source package holds llama.cpp):

    pip download --no-deps --no-binary llama-cpp-python llama-cpp-python==0.3.36
    tar xzf llama_cpp_python-0.3.36.tar.gz
    cd llama_cpp_python-0.3.36/vendor/llama.cpp
    cmake -B build -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DBUILD_SHARED_LIBS=OFF -DLLAMA_OPENSSL=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
    cmake --build build --target llama-server -j

`others` is the share of the machine that went to processes other than those measured: the other sides', which should
sleep, included. Much of it, or unequal amounts, make the figures worth little, and the script says so. Give it the
processor by `nice -n -15`, not by `chrt`: in real time a thread that computes is never put aside for one that reads or
writes, and answers wait for that.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import psutil
from benchmarks.serve_prompts import ANSWER_TOKENS, PROMPT_TOKENS, Prompt, make_prompts, next_batch
from benchmarks.serve_rows import Row, measure, table, verdicts
from benchmarks.serve_sides import Child, Side, bare, llama_server, ours

from seekforge.cli.models import servable
from seekforge.core.config import environment
from seekforge.core.errors import SeekforgeError
from seekforge.core.files import sha256_file
from seekforge.core.hardware import describe
from seekforge.core.models import resolve
from seekforge.core.progress import Silent

VARIANTS = ("", "--kv-unified", "--cache-ram 0", "--flash-attn off", "--ubatch-size 128", "--poll 0", "--parallel 1")


def llama_options(clients: Sequence[int], variant: str) -> list[str]:
    """llama-server's command line: a slot a client, room for prompt and answer in each, a thread a core."""
    cores, slots = str(psutil.cpu_count(logical=False) or psutil.cpu_count() or 1), max(clients)
    room = 2 * (PROMPT_TOKENS + ANSWER_TOKENS)
    basic = ["--parallel", str(slots), "--ctx-size", str(slots * room), "--threads", cores, "--threads-batch", cores]
    return [*basic, *shlex.split(variant)]


def try_variants(
    start: Callable[[str], contextlib.AbstractContextManager[Side]],
    variants: Sequence[str],
    clients: Sequence[int],
    prompts: Iterator[Prompt],
    load: Child,
) -> tuple[dict[int, str], list[Row]]:
    """The fastest variant for each number of clients, and what all of them did."""
    rows: list[tuple[str, Row]] = []
    for variant in variants:
        with start(variant) as side:
            for at_once in clients:
                side.run(next_batch(prompts, at_once, 1))
                row = measure(side, next_batch(prompts, at_once), -1, load)
                rows.append((variant, row))
                print(
                    f"  {at_once:>3} clients {row.tokens_per_second:7.1f} tokens/s  {variant or 'as it comes'}",
                    flush=True,
                )
    best = {
        n: max(((v, r) for v, r in rows if r.at_once == n), key=lambda pair: pair[1].tokens_per_second)[0]
        for n in clients
    }
    return best, [row for _, row in rows]


def rounds(sides: Mapping[int, Sequence[Side]], count: int, prompts: Iterator[Prompt], load: Child) -> Iterator[Row]:
    """All sides in turn; the first round warms them and gives no rows."""
    for number in range(count + 1):
        for at_once, members in sides.items():
            turn = number % len(members)
            for side in (*members[turn:], *members[:turn]):
                row = measure(side, next_batch(prompts, at_once), number, load)
                speed = f"{row.tokens_per_second:7.1f} tokens/s, others {row.others:4.0%}"
                print(f"  round {number}: {at_once:>3} clients {speed}  {side.name}", flush=True)
                if number:
                    yield row


def compare(options: argparse.Namespace, model: Path) -> dict[str, object]:
    """Starts all sides, lets them take turns, and gives what came of it."""
    binary, clients, prompts = options.llama_server, options.clients, make_prompts(model)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seekforge-")))
        load = stack.enter_context(Child("benchmarks.sse_load"))

        def start(variant: str) -> contextlib.AbstractContextManager[Side]:
            return llama_server(binary, model, llama_options(clients, variant), load, folder / "llama.log")

        trials: list[Row] = []
        chosen = dict.fromkeys(clients, options.llama_options or "")
        if binary is not None and options.llama_options is None:
            print("llama-server's options, one batch each:")
            chosen, trials = try_variants(start, VARIANTS, clients, prompts, load)
        llama = {v: stack.enter_context(start(v)) for v in set(chosen.values())} if binary is not None else {}
        own: list[Side] = [*stack.enter_context(ours(model, load, folder)), stack.enter_context(bare(model))]
        sides = {n: [*([llama[chosen[n]]] if llama else []), *own] for n in clients}
        rows = list(rounds(sides, options.rounds, prompts, load))
    print(f"\n{table(rows)}\n")
    print("\n".join(verdicts(rows, llama=binary is not None)))
    for n in llama and clients:
        print(f"{n} clients: llama-server {' '.join(llama_options(clients, chosen[n]))}")
    return {
        "hardware": describe(),
        "model": {"file": model.name, "sha256": sha256_file(model)},
        "llama_server": None if binary is None else {"version": _version(binary), "options": chosen},
        "trials": [asdict(row) for row in trials],
        "rows": [asdict(row) for row in rows],
    }


def _version(binary: Path) -> str:
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


def q8_0(reference: str) -> Path:
    """A `.gguf` file as it is; anything else as Q8_0, written once and kept in the cache."""
    from seekforge.engines.weights import hf_folder

    given = environment()
    if Path(reference).suffix == ".gguf":
        return servable(reference, given, Silent())
    return servable(str(hf_folder(resolve(reference), given, Silent())), given, Silent())


def main() -> int:
    """Runs the comparison."""
    parser = argparse.ArgumentParser(description="Measure our endpoint beside llama.cpp's server.")
    parser.add_argument("--llama-server", type=Path, help="its binary; without it only our own sides are measured")
    parser.add_argument("--llama-options", help="one variant of its options, in place of trying them")
    parser.add_argument("--model", default="demo", help="demo, a folder, a hub id (as Q8_0), or a .gguf file")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no side is left behind
    try:
        found = compare(options, q8_0(options.model))
    except SeekforgeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
