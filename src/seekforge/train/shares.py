"""How several devices share the records of one optimiser step, so that a step stays what it is on one."""

from __future__ import annotations

from typing import NamedTuple

from seekforge.core.errors import ConfigError


class Share(NamedTuple):
    """What one device does in an optimiser step: forward passes of `batch` records, `accumulate` of them."""

    batch: int
    accumulate: int


def share_of(batch_size: int, accumulate: int, devices: int) -> Share:
    """As few forward passes as `batch_size`, which one device can hold, allows.

    Args:
        batch_size: Records a forward pass of one device, at the most.
        accumulate: Forward passes that one device alone would need for the step.
        devices: That share it.

    Raises:
        ConfigError: The step's records cannot be shared equally.

    >>> share_of(32, 1, devices=4)
    Share(batch=8, accumulate=1)
    >>> share_of(8, 16, devices=4)
    Share(batch=8, accumulate=4)
    """
    records = batch_size * accumulate
    if records % devices:
        more = -(-batch_size // devices) * devices
        raise ConfigError(
            f"{devices} devices cannot share the {records} records of a step equally",
            where="train.batch_size",
            mend=f"Set train.batch_size={more}, or take fewer devices",
        )
    each = records // devices
    batch = max(size for size in range(1, min(batch_size, each) + 1) if each % size == 0)
    return Share(batch, each // batch)
