"""A step without Python's lock, on the real pipeline."""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seekforge.engines.unlocked import unlocked_step

STEPS = 40


@pytest.fixture(scope="module")
def pipeline(demo_gguf_q8: Path) -> Any:
    import openvino_genai

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.num_kv_blocks = 64
    return openvino_genai.ContinuousBatchingPipeline(str(demo_gguf_q8), scheduler, "CPU", {})


@pytest.fixture
def no_forced_switches() -> Iterator[None]:
    """Python's lock changes hands only where it is given away."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


def another_thread_ran(pipeline: Any, step: Callable[[], None]) -> bool:
    """Whether a thread that wanted Python's lock all the while got it while an answer was computed."""
    import openvino
    import openvino_genai

    held, ran = threading.Lock(), threading.Event()

    def want() -> None:
        held.acquire()
        ran.set()

    with held:
        thread = threading.Thread(target=want)
        thread.start()
        config = openvino_genai.GenerationConfig(max_new_tokens=STEPS, ignore_eos=True)
        prompt = openvino.Tensor(np.ones((1, 200), np.int64))
        handle = pipeline.add_request(1, prompt, config)
    steps = 0
    while pipeline.has_non_finished_requests():
        step()
        steps += 1
    found = ran.is_set()
    thread.join()
    assert steps == STEPS
    assert sum(len(o.generated_ids) for o in handle.read().values()) > 0
    return found


@pytest.mark.usefixtures("no_forced_switches")
def test_other_threads_run_during_a_step(pipeline: Any) -> None:
    step = unlocked_step(pipeline)
    assert step is not None
    assert not another_thread_ran(pipeline, pipeline.step), "the binding gives the lock away: this module can go"
    assert another_thread_ran(pipeline, step)


def test_what_is_no_such_pipeline_has_none() -> None:
    import openvino_genai

    assert unlocked_step(object()) is None
    assert unlocked_step(openvino_genai.SchedulerConfig()) is None
