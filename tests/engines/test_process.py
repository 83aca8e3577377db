"""An engine in a process of its own: the same answers, the same errors, and it ends with whoever asked for it."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests.patience import wait_for

from seekforge.core.errors import EngineError, InputError, ModelError
from seekforge.engines.fake import FakeEngine
from seekforge.engines.process import EngineProcess
from seekforge.engines.protocol import Sampling
from seekforge.engines.transformers import TransformersEngine

ASKED = [{"role": "user", "content": "hold?"}]
PARENT = """
import sys
from seekforge.engines.fake import FakeEngine
from seekforge.engines.process import EngineProcess
if __name__ == "__main__":
    engine = EngineProcess(FakeEngine)
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_it_answers_as_the_engine_does() -> None:
    engine, there = FakeEngine(reply="HOLD."), EngineProcess(partial(FakeEngine, reply="HOLD."))
    assert there.name == engine.name
    prompt = engine.encode(engine.render(ASKED))
    assert there.encode(there.render(ASKED)) == prompt
    assert there.decode(prompt) == engine.decode(prompt)
    sampling = Sampling(max_new_tokens=3)
    assert there.generate([prompt, prompt], sampling) == engine.generate([prompt, prompt], sampling)
    there.close()


def test_the_real_engine_says_the_same_there(demo_folder: Path) -> None:
    here, there = TransformersEngine(demo_folder), EngineProcess(partial(TransformersEngine, demo_folder))
    said = []
    for engine in (here, there):
        prompt = engine.encode(engine.render(ASKED))
        said.append((engine.name, prompt, engine.generate([prompt], Sampling(max_new_tokens=4))))
        engine.close()
    assert said[0] == said[1]


def test_what_goes_wrong_there_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no usable tokenizer") as raised:
        EngineProcess(partial(TransformersEngine, tmp_path))
    assert raised.value.where == str(tmp_path)
    there = EngineProcess(partial(FakeEngine, context_length=2))
    with pytest.raises(InputError):
        there.generate([[1, 2, 3]], Sampling(max_new_tokens=3))
    assert there.decode([65]) == "A", "it lives on"
    (child,) = (child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline()))
    child.kill()
    with pytest.raises(EngineError, match="the process of the engine ended"):
        there.decode([65])
    there.close()


def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    family = psutil.Process(parent.pid).children(recursive=True)
    assert family
    parent.kill()
    parent.communicate()
    wait_for(lambda: not any(child.is_running() and child.status() != "zombie" for child in family), 60)
