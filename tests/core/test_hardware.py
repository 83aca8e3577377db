"""What this machine is said to be."""

import pytest

from seekforge.core import hardware

ZEN_3 = "fpu vme avx avx2 fma sse4a"


@pytest.mark.parametrize(
    ("flags", "has"),
    [(ZEN_3, False), (f"{ZEN_3} avx512bw", False), (f"{ZEN_3} avx512_bf16", True), ("asimd bf16", True), ("", False)],
)
def test_bfloat16_needs_instructions(flags: str, has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_cpu_flags", lambda: frozenset(flags.split()))
    assert hardware.has_bfloat16() is has


def test_this_processor_says_what_it_can_do() -> None:
    flags = hardware._cpu_flags()
    assert flags & {"fpu", "fp"}
    assert not any(":" in flag for flag in flags)
