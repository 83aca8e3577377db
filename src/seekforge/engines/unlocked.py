"""One step of an OpenVINO pipeline without Python's lock.

The binding of `ContinuousBatchingPipeline.step` keeps the lock (2026.4), though the C++ method needs no Python. It is
called through ctypes here, which gives the lock away, on the object that pybind11's conduit hands out: its protocol for
extensions that share an object, https://github.com/pybind/pybind11/pull/5296. Where anything is not as expected the
conduit gives nothing, and the binding's own method is left.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

_CLASS = b"N2ov5genai26ContinuousBatchingPipelineE"  # ov::genai::ContinuousBatchingPipeline, as gcc and clang spell it
_STEP = "_ZN2ov5genai26ContinuousBatchingPipeline4stepEv"
_ABI = b"system_libstdcpp_gxx_abi_1xxx_use_cxx11_abi_1"  # pybind11's word for gcc on Linux
_TYPE_INFO = b"St9type_info"


class _TypeInfo(ctypes.Structure):
    """C++'s `std::type_info`, which is looked up and compared by its name."""

    _fields_ = (("methods", ctypes.c_void_p), ("name", ctypes.c_char_p))


_WANTED = _TypeInfo(None, _CLASS)  # kept: pybind11 may remember where it lies


def unlocked_step(pipeline: object) -> Callable[[], None] | None:
    """`pipeline.step` that lets other threads run meanwhile; None where it cannot be had.

    An error in it ends the process, as no C++ exception comes through ctypes.
    """
    try:
        address = _address(pipeline)
        return None if address is None else _method(address)
    except (OSError, TypeError, ValueError, RuntimeError):  # another pybind11, or another OpenVINO GenAI
        return None


def _method(address: int) -> Callable[[], None] | None:
    import openvino_genai

    for library in Path(openvino_genai.__file__).parent.glob("libopenvino_genai.so*"):
        step = getattr(ctypes.CDLL(str(library), os.RTLD_NOLOAD | os.RTLD_NOW), _STEP, None)  # the binding's, no second
        if step is not None:
            step.argtypes, step.restype = (ctypes.c_void_p,), None
            return lambda: step(address)
    return None


def _address(pipeline: object) -> int | None:
    """Where the C++ object is; None for an object that is not such a pipeline."""
    conduit = getattr(pipeline, "_pybind11_conduit_v1_", None)
    if conduit is None:
        return None
    wrap, unwrap = ctypes.pythonapi.PyCapsule_New, ctypes.pythonapi.PyCapsule_GetPointer
    wrap.argtypes, wrap.restype = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p), ctypes.py_object
    unwrap.argtypes, unwrap.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_void_p
    found = conduit(_ABI, wrap(ctypes.addressof(_WANTED), _TYPE_INFO, None), b"raw_pointer_ephemeral")
    return None if found is None else int(unwrap(found, _CLASS))
