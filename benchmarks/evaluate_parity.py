"""The parity gate on a real run: the sound chain, then five planted faults, each in the files of that run.

    python -m benchmarks.evaluate_parity runs/latest --other OTHER_RUN --out parity_faults.json

OTHER_RUN is another training of the same base, whose adapter is swapped in. The exit status is 1 when the sound chain
does not pass or a fault is not named.
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seekforge.compress.gguf import export
from seekforge.compress.stage import merge
from seekforge.core import hardware
from seekforge.core.config import environment
from seekforge.core.files import read_json, write_json
from seekforge.core.gates import Measurement
from seekforge.core.progress import Silent
from seekforge.evaluate.parity.gate import Parity, check
from seekforge.evaluate.parity.source import Source, from_run, narrowed

SPOILT = "Q8_0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table, one row a chain."""
    options = _parser().parse_args(arguments)
    source = narrowed(from_run(options.run.resolve(), environment(), Silent()), None, options.limit)
    source = replace(source, config=source.config.model_copy(update={"positions": options.positions}))
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, spoilt in _cases(source, options.other, Path(scratch)):
            if options.only and name not in options.only:
                continue
            started = time.monotonic()
            found = _check(spoilt, Path(scratch) / "check" / name.replace(" ", "-"))
            rows.append({"fault": name, "seconds": round(time.monotonic() - started, 1), **_row(found)})
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    right = all(row["passed"] if row["fault"] == "none" else row["fault"] in row["names"] for row in rows)
    if options.out:
        write_json(options.out, {"hardware": hardware.describe(), "rows": rows, "right": right})
    return 0 if right else 1


def _cases(source: Source, other: Path | None, scratch: Path) -> Iterator[tuple[str, Source]]:
    yield "none", source
    merged = source.lineage.merged
    spoils: dict[str, Callable[[Path], None]] = {
        "chat template": _other_template,
        "lost BOS": _no_bos,
        "rope base": _other_rope,
    }
    for name, spoil in spoils.items():
        if name == "lost BOS":  # the demo's template has none: both sides get one, then the file loses it
            merged = _with_bos(source.lineage.merged, scratch / "with-bos")
        folder = scratch / name.replace(" ", "-")
        shutil.copytree(merged, folder)
        spoil(folder)
        base: dict[str, Path | None] = {"base": merged, "trained": None} if name == "lost BOS" else {}
        yield name, _with_file(source, folder, scratch / f"{folder.name}-file", SPOILT, merged=merged, **base)
        merged = source.lineage.merged
    yield "full precision", _with_file(source, merged, scratch / "full", "F16")
    if other is not None:
        assert source.lineage.base is not None
        merge(source.lineage.base, (other / "train").resolve(), scratch / "other")
        yield "swapped adapter", _with_file(source, scratch / "other", scratch / "other-file", SPOILT)


def _with_file(source: Source, folder: Path, target: Path, stored: str, **changed: Path | None) -> Source:
    """The lineage with one file, written from another folder."""
    target.mkdir(parents=True)
    path = target / f"model-{SPOILT.lower()}.gguf"
    export(folder, path, stored, Silent())
    if stored != SPOILT:
        raw = path.read_bytes()
        at = raw.index(b"general.file_type") + len(b"general.file_type") + 4
        path.write_bytes(raw[:at] + struct.pack("<I", 7) + raw[at + 4 :])  # it says that it is Q8_0
    return replace(source, lineage=replace(source.lineage, files={SPOILT: path}, **changed))


def _other_template(folder: Path) -> None:
    """What is put in where a conversation has no system prompt; the demo's all have one."""
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text("utf-8").replace("<|im_start|>system", "<|im_start|>developer"), "utf-8")


def _with_bos(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    path = target / "chat_template.jinja"
    path.write_text("{{ bos_token }}" + path.read_text("utf-8"), "utf-8")
    return target


def _no_bos(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    write_json(path, {key: value for key, value in read_json(path).items() if key != "bos_token"})


def _other_rope(folder: Path) -> None:
    config = read_json(folder / "config.json")
    rope = config.get("rope_parameters") or config
    rope["rope_theta"] = float(rope["rope_theta"]) / 10
    write_json(folder / "config.json", config)


def _check(source: Source, folder: Path) -> Parity:
    def measure(name: str, value: float, unit: str, title: str, advice: str) -> Measurement:
        return Measurement(name, value, unit, "python -m benchmarks.evaluate_parity", hardware.where(), title, advice)

    work = folder / "work"
    return check(source.lineage, source.questions, source.config, environment(), Silent(), folder, work, measure)


def _row(found: Parity) -> dict[str, Any]:
    last = found.steps[-1].figures(found.metric)
    return {
        "passed": found.passed,
        "names": [cause.name for step in found.steps for cause in step.causes],
        "causes": [f"{step.seen.title}: {cause}" for step in found.steps for cause in step.causes],
        "agreement": last["start_agreement"][0],
        "loss": last["loss"][0] if "loss" in last else None,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--other", type=Path, help="another training's run")
    parser.add_argument("--only", action="append", help="one chain by its name; repeat for each")
    parser.add_argument("--positions", type=int, default=300)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--out", type=Path)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
