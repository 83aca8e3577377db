"""Starts a command as a process group that ends, all of it, when its leader or the process that started it ends.

A process that is killed with -9 cannot clean up, and the kernel's own signal for that (PR_SET_PDEATHSIG) reaches only
the child, not what the child has started: vLLM's engine would stay behind with the memory. So a second, tiny process in
the same group watches both and kills the group. This file runs alone, without the package, so that it starts quickly.
"""

import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

_REFUSED = 70  # sysexits.h: internal software error


def reaped(command: Sequence[str]) -> list[str]:
    """The command with its reaper. Must be started with `start_new_session=True`, as the leader of its own group."""
    return [sys.executable, "-IS", str(Path(__file__).resolve()), str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> NoReturn:
    """Forks the reaper, then becomes the command."""
    parent, command = int(arguments[0]), list(arguments[1:])
    try:
        leader, above = os.pidfd_open(os.getpid()), os.pidfd_open(parent)
    except ProcessLookupError:
        os._exit(_REFUSED)
    # The parent may have died before, and its number may be another's by now.
    if os.getppid() != parent or os.getpgrp() != os.getpid():
        os._exit(_REFUSED)
    if os.fork() == 0:
        _watch(leader, above)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


def _watch(leader: int, above: int) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the group is asked to end; the reaper ends last
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # or who reads the command's output would wait for the reaper
        os.dup2(nothing, stream)
    poll = select.poll()
    for watched in (leader, above):
        poll.register(watched, select.POLLIN)
    poll.poll()
    # The reaper is in the group, so the group's number can be nobody else's.
    os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
