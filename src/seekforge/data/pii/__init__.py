"""Personal data in text: found by form and check digit (`find`), replaced by typed placeholders (`mask`)."""

from seekforge.data.pii.find import KINDS, Finding, find
from seekforge.data.pii.mask import mask

__all__ = ["KINDS", "Finding", "find", "mask"]
