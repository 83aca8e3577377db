"""Whether the decoder layers of a training are compiled: a pure decision from the work that lies ahead."""

from __future__ import annotations

import shutil
from typing import Literal

from seekforge.core.config import TrainConfig
from seekforge.core.config.train import Method
from seekforge.core.errors import ConfigError

# Floating-point operations from which it pays. Compiled layers do the same in five sixths of the time, so the minute
# that they cost comes back after some seven, in which an H100 or H200 does this much.
_WORTH = 2e17
# Compiled layers compute what all records begin with for each of them. Where that is more than this share of the
# tokens, computing it once saves more.
_SHARED = 1 / 6
_COMPILERS = ("cc", "gcc", "clang")


def chooses_compile(
    config: TrainConfig,
    device: Literal["cuda", "cpu"],
    devices: int,
    work: float,
    shared: float,
    able: bool,
    before: bool | None = None,
) -> bool:
    """As the recipe says; by itself on one GPU, for long trainings. One that is taken up goes on as it began if it can.

    Args:
        config: The train part of the recipe.
        device: What trains.
        devices: How many of them.
        work: Floating-point operations of the whole training.
        shared: Share of the tokens that all records begin with, 0 to 1.
        able: Whether the machine has what it takes, by `has_compiler`.
        before: What its checkpoints were written with; None where there are none.

    Raises:
        ConfigError: The recipe asks for what cannot be.

    >>> chooses_compile(TrainConfig(), "cuda", 1, work=1e18, shared=0.0, able=True)
    True
    >>> chooses_compile(TrainConfig(), "cuda", 1, work=1e15, shared=0.0, able=True)
    False
    """
    if config.compile is None:
        pays = device == "cuda" and work >= _WORTH and shared < _SHARED
        return devices == 1 and able and (pays if before is None else before)
    if config.compile and devices > 1:
        raise ConfigError(
            "layers are compiled on one device only", where="train.compile", mend="Leave it out, or use one device"
        )
    if config.compile and not able:
        raise ConfigError(
            "torch compiles with a C compiler, and there is none",
            where="train.compile",
            mend="Install gcc, or set train.compile=false",
        )
    return config.compile


def has_compiler() -> bool:
    """Whether torch finds a C compiler, which its generated code is built with, on a GPU too."""
    return any(shutil.which(name) for name in _COMPILERS)


def work_of(method: Method, parameters: int, tokens: float) -> float:
    """Floating-point operations of a training: 2 a parameter and token going forward, and for each gradient as many.

    Adapters want the gradients of what goes through the weights, full fine-tuning those of the weights too (Kaplan et
    al. 2020, "Scaling laws for neural language models", section 2.1).
    """
    return (6.0 if method == "full" else 4.0) * parameters * tokens
