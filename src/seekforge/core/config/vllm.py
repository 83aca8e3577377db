"""Config of a vLLM server. Names and defaults are vLLM's own; what is None is left to it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seekforge.core.config.base import Config


class VllmConfig(Config):
    """How vLLM serves a model."""

    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="Of weights and activations; `auto` is the model's own."
    )
    quantization: str | None = Field(
        None,
        pattern=r"^[a-z0-9_-]+$",
        description="`fp8` quantises to FP8 while loading (GPU only); by default what the model's config says.",
    )
    max_model_len: int | None = Field(
        None, ge=16, description="Longest prompt and answer together, in tokens; by default the model's."
    )
    gpu_memory_utilization: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Share of the device's memory for weights and KV cache; on a CPU of the machine's.",
    )
    max_num_seqs: int | None = Field(None, ge=1, description="Requests decoded at once.")
    tensor_parallel_size: int = Field(1, ge=1, description="Devices that one model is spread over.")
    kv_cache_gib: int | None = Field(None, ge=1, description="Size of the KV cache on a CPU, in GiB.")
    options: tuple[str, ...] = Field((), description="More options of vLLM's server, as they are written there.")
