"""The parity gate: is what is served what was trained? One lineage, step by step."""

from seekforge.evaluate.parity.positions import (
    PROBES,
    Agreement,
    Difference,
    Position,
    agreement,
    choices,
    differences,
    teacher_forced,
    unequal_prompts,
    unequal_token_ids,
)

__all__ = [
    "PROBES",
    "Agreement",
    "Difference",
    "Position",
    "agreement",
    "choices",
    "differences",
    "teacher_forced",
    "unequal_prompts",
    "unequal_token_ids",
]
