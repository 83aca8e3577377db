import os
import subprocess
import sys
import time

import psutil
import pytest

from seekforge.serve.busy import CpuTimes, CpuWatch, others_share


@pytest.mark.parametrize(
    ("machine", "own", "share"),
    [(0.0, 0.0, 0.0), (20.0, 20.0, 0.0), (20.0, 5.0, 0.75), (10.0, 0.0, 0.5), (5.0, 5.2, 0.0), (99.0, 0.0, 1.0)],
)
def test_the_share_of_others(machine: float, own: float, share: float) -> None:
    assert others_share(CpuTimes(0, 100, 7), CpuTimes(10, 100 + machine, 7 + own), cores=2) == pytest.approx(share)


def test_no_time_is_no_share() -> None:
    assert others_share(CpuTimes(1, 1, 1), CpuTimes(1, 2, 1), cores=2) == 0


def test_work_of_another_process_shows_unless_it_is_ours() -> None:
    """The same second, watched twice: once with the busy child as ours, once as a stranger."""
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with CpuWatch([os.getpid()]) as stranger, CpuWatch([os.getpid(), child.pid]) as ours:
            began = psutil.Process(child.pid).cpu_times().user
            until = time.monotonic() + 20
            while psutil.Process(child.pid).cpu_times().user - began < 0.5 and time.monotonic() < until:
                time.sleep(0.05)
    finally:
        child.kill()
        child.wait()
    assert stranger.others > ours.others
