"""The engine: the same bytes for any shards and workers, after a kill too; bad rows set apart, ids unique."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.patience import LONG

from seekforge.core.config import DataConfig
from seekforge.core.errors import DataError, SeekforgeError
from seekforge.data import DataResult, Work, run_pipeline
from seekforge.data.engine.crew import Pool
from seekforge.data.engine.folder import Folder
from seekforge.data.engine.passes import fresh
from seekforge.data.stage import details

Rows = Sequence[Mapping[str, Any]]
Write = Callable[[str, Rows], Path]
MakeConfig = Callable[..., DataConfig]
FILES = ("train.jsonl", "validation.jsonl", "test.jsonl", "dropped.jsonl", "rejected.jsonl")
WORDS = ["转账", "card", "stolen", "手机", "airport", "金额", "payee", "fee", "lost", "cheque", "限额", "abroad"]


def some(count: int, seed: int = 3) -> list[dict[str, Any]]:
    """Records of random words, exact and near duplicates and invisible ones among them."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        text = " ".join(chance.choices(WORDS, k=9)) + f" {chance.randrange(10**6)}"
        if rows and chance.random() < 0.25:
            text = chance.choice(rows)["instruction"] + chance.choice(["", "!", "  "])
        rows.append({"instruction": text, "output": f"A{number % 3}", "label": "ab"[number % 2], "bank": number % 40})
    rows[count // 2]["instruction"] = "\u200b"
    return rows


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def run(config: DataConfig, folder: Path, **work: Any) -> DataResult:
    folder.mkdir(parents=True, exist_ok=True)
    return run_pipeline(config, 7, None, folder, Work(**work))


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_shards_and_workers_change_no_byte(ending: str, write: Write, config: MakeConfig, tmp_path: Path) -> None:
    made = config(write(f"raw.{ending}", some(300)), leak={"disjoint": ["bank"]}, split={"by": "bank"})
    whole = run(made, tmp_path / "whole", workers=1)
    assert min(len(part) for _, part in whole.splits) > 10
    assert whole.dropped_by("exact") > 5 < whole.dropped_by("minhash")
    run(made, tmp_path / "shards", workers=1, rows=37)
    assert content(tmp_path / "shards") == content(tmp_path / "whole")
    if ending == "jsonl":
        run(made, tmp_path / "pool", workers=2, rows=90)
        assert content(tmp_path / "pool") == content(tmp_path / "whole")
    assert not list((tmp_path / "shards").glob("scratch/*"))


CHILD = """
import sys
from pathlib import Path
from seekforge.core.config import DataConfig
from seekforge.data import Work, run_pipeline

if __name__ == "__main__":
    source, folder, workers = sys.argv[1:]
    config = DataConfig.model_validate({"sources": [{"path": source}]})
    run_pipeline(config, 7, None, Path(folder), Work(workers=int(workers), rows=40))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_taken_up_again(workers: int, write: Write, config: MakeConfig, tmp_path: Path) -> None:
    """Killed with -9 as the first marks of ever later passes appear; then it ends with the bytes of an unbroken run."""
    source = write("raw.jsonl", some(400))
    run(config(source), tmp_path / "whole", workers=1)
    folder = tmp_path / "killed"
    folder.mkdir()
    command = [sys.executable, "-c", CHILD, str(source), str(folder), str(workers)]
    scratch = folder / "scratch" / "data"
    for last in (scratch / "pass-00" / "done" / "000001.json", scratch / "pass-02" / "done" / "000000.json"):
        child = subprocess.Popen(command)
        until = time.monotonic() + LONG
        while not last.exists() and child.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    marks = {path: path.stat().st_mtime_ns for path in scratch.glob("pass-0*/done/*.json")}
    assert marks or (folder / "train.jsonl").exists()
    kept = Folder(scratch / "pass-00")
    before = kept.mark(0)
    run(config(source), folder, workers=1, rows=40)
    assert content(folder) == content(tmp_path / "whole")
    assert before is None or before["rows"] > 0


def test_finished_shards_are_not_done_again(
    write: Write, config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seekforge.data.engine import task

    made = config(write("raw.jsonl", some(200)))
    run(made, tmp_path / "whole", workers=1)
    calls: list[int] = []
    write_shard = task._write

    def failing(work: Any, number: int, *rest: Any) -> None:
        if len(calls) == 5:
            raise SeekforgeError("stopped")
        calls.append(number)
        write_shard(work, number, *rest)

    monkeypatch.setattr(task, "_write", failing)
    with pytest.raises(SeekforgeError, match="stopped"):
        run(made, tmp_path / "out", workers=1, rows=50)
    assert calls == [0, 1, 2, 3, 0]
    calls.clear()
    calls.extend([9] * 6)
    run(made, tmp_path / "out", workers=1, rows=50)
    assert calls[6:] == [1, 2, 3, 0, 1, 2, 3]
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_another_config_begins_anew(tmp_path: Path) -> None:
    root = tmp_path / "data"
    fresh(root, {"a": 1})
    (root / "pass-00").mkdir()
    fresh(root, {"a": 1})
    assert (root / "pass-00").exists()
    fresh(root, {"a": 2})
    assert not (root / "pass-00").exists()


def test_bad_rows_are_set_apart_with_place_reason_and_text(write: Write, config: MakeConfig, tmp_path: Path) -> None:
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in some(300)]
    lines[5] = b'{"instruction": "q"'
    lines[70] = "{'问题'}".encode()
    lines[140] = b'{"instruction": "\xd6\xd0", "output": "a"}'
    lines[220] = lines[219].replace(b'{"ins', b'{"id": "raw-220", "ins')
    path = tmp_path / "raw.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    result = run(config(path, max_rejected=0.02), tmp_path / "out", workers=1, rows=64)
    found = list(result.rejections())
    assert [(row["where"], row["reason"]) for row in found] == [
        (f"{path}:6", "not JSON: Expecting ',' delimiter at column 20"),
        (f"{path}:71", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        (f"{path}:141", "not UTF-8: byte 0xd6"),
        (f"{path}:221", f"the id 'raw-220' was used before, at {path}:220"),
    ]
    raw = [row["raw"].encode("utf-8", "surrogateescape") for row in found]
    assert raw == [lines[5], lines[70], lines[140], lines[220]]
    assert (result.read, result.rejected) == (296, 4)
    assert len(result.splits) + len(result.drops) == 296
    assert "296 read, 4 rejected (rejected.jsonl)" in str(result)


def test_too_many_bad_rows_are_one_line_with_the_first(config: MakeConfig, tmp_path: Path) -> None:
    good = [json.dumps(row) for row in some(200)]
    path = tmp_path / "raw.jsonl"
    path.write_text("\n".join([*good, "{", "[]", "no"]), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        run(config(path), tmp_path / "out", workers=1, rows=50)
    assert str(caught.value).startswith(f"{path}:201: not JSON: Expecting property name")
    assert "the first of 3 bad rows; data.max_rejected is 0.01" in str(caught.value)
    assert not list((tmp_path / "out").iterdir())
    assert run(config(path, max_rejected=0.05), tmp_path / "out", workers=1).rejected == 3


def test_a_bad_row_of_csv_is_kept_as_it_stands(config: MakeConfig, tmp_path: Path) -> None:
    rows = [f"question number {number} {number**7},answer" for number in range(200)]
    rows[100] = '"a"b,c'
    rows[150] = "one,two,three"
    path = tmp_path / "raw.csv"
    path.write_text("\n".join(["instruction,output", *rows, '"open,x', "y,z"]), encoding="utf-8")
    result = run(config(path, max_rejected=0.1), tmp_path / "out", workers=1, rows=30)
    found = [(row["where"], row["raw"]) for row in result.rejections()]
    assert found == [(f"{path}:102", rows[100]), (f"{path}:152", rows[150]), (f"{path}:202", '"open,x\ny,z')]


def test_a_result_is_looked_into_without_holding_it(write: Write, config: MakeConfig, tmp_path: Path) -> None:
    result = run(config(write("raw.jsonl", some(300))), tmp_path / "out", workers=1, rows=50)
    near = list(result.drops_by("minhash"))
    assert len(near) == result.dropped_by("minhash") == sum(result.reasons()["minhash"].values())
    drawn = result.sample("minhash", 5)
    assert drawn == result.sample("minhash", 5) != result.sample("minhash", 5, seed=1)
    assert {drop.record.id for drop in drawn} <= {drop.record.id for drop in near}
    kind = next(iter(result.reasons()["minhash"]))
    assert all(drop.kind == kind for drop in result.sample("minhash", 5, kind=kind))
    assert [len(list(part)) for _, part in result.splits] == [len(part) for _, part in result.splits]
    assert result.before.labels.total() == 300
    assert sum(result.after.lengths) == len(result.splits)


@pytest.mark.parametrize("action", ["mask", "report", "drop"])
def test_the_report_repeats_no_personal_data(action: str, write: Write, config: MakeConfig, tmp_path: Path) -> None:
    rows = some(60)
    rows[3] = {**rows[3], "instruction": "Call me at 13800138000, please, on my case"}
    result = run(config(write("raw.jsonl", rows), ops=[{"op": "pii", "action": action}]), tmp_path / "out", workers=1)
    shown = json.dumps(details(result))
    assert "13800138000" not in shown
    assert "(not shown)" in shown
    assert ("[PHONE" in shown) == (action == "mask")


def test_a_killed_worker_is_one_clear_error() -> None:
    with pytest.raises(SeekforgeError, match=r"a worker process died: .* Run the same command again"):
        list(Pool(2).map(os._exit, [1, 1]))


def _slow(seconds: float) -> float:
    if not seconds:
        raise DataError("no good")
    time.sleep(seconds)
    return seconds


def test_the_error_of_a_task_ends_the_others() -> None:
    started = time.monotonic()
    with pytest.raises(DataError, match="no good"):
        list(Pool(2).map(_slow, [0, 3600]))
    assert time.monotonic() - started < 3000


def test_when_nothing_is_left_the_error_says_so(write: Write, config: MakeConfig, tmp_path: Path) -> None:
    rows = [{"instruction": "\u200b", "output": f"A{number}"} for number in range(50)]
    with pytest.raises(DataError, match="the train split is empty: 0 records in all"):
        run(config(write("raw.jsonl", rows)), tmp_path / "out", workers=1, rows=20)
    assert not list((tmp_path / "out").iterdir())


def test_a_result_without_a_folder_cleans_up_after_itself(write: Write, config: MakeConfig) -> None:
    result = run_pipeline(config(write("raw.jsonl", some(100))))
    folder = result.folder
    assert len(list(result.splits.train)) == len(result.splits.train) > 0
    train, drops = result.splits.train, result.drops
    del result
    assert len(list(train)) == len(train), "a part of the result keeps the files of all"
    assert len(list(drops)) == len(drops) > 0
    del train, drops
    assert not folder.exists()
