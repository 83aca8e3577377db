"""The base model as each method needs it: in bfloat16, in float32, or in 4 bits."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from seekforge.core import hardware
from seekforge.core.config import TrainConfig
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.errors import ModelError, ResourceError
from seekforge.engines.transformers import fast_dtype, load_model
from seekforge.train.plan import Device
from seekforge.train.shapes import Shape, shape_of


def load_base(folder: Path, config: TrainConfig) -> Any:  # noqa: ANN401
    """The folder's model in the precision that the method trains in.

    Raises:
        ResourceError: QLoRA without a CUDA GPU or without bitsandbytes.
        ModelError: The weights are missing or do not fit the config.
    """
    if config.method == "qlora":
        check_qlora()
        return load_4bit(folder)
    return load_model(folder, weight_dtype(config))


def shape_of_folder(folder: Path) -> Shape:
    """The shape of the model in a folder, by its `config.json` and its architecture's defaults."""
    quiet_libraries()
    from transformers import AutoConfig

    try:
        return shape_of(AutoConfig.from_pretrained(folder).to_dict())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"its config.json is not usable ({error})", where=str(folder), mend="Fetch the model again"
        ) from error


def this_device(processes: int = 1) -> Device:
    """This process's CUDA GPU if torch sees one, else its part of main memory.

    Args:
        processes: That train on this machine.
    """
    import torch

    if torch.cuda.is_available():
        return Device("cuda", int(torch.cuda.mem_get_info()[0]), fast_dtype())
    return Device("cpu", hardware.free_memory() // processes, fast_dtype())


def visible_gpus() -> int:
    """CUDA GPUs that torch sees."""
    import torch

    return torch.cuda.device_count()


def weight_dtype(config: TrainConfig) -> str:
    """Frozen weights are of the arithmetic's precision; weights that are trained are better float32.

    At a rate of 3e-5 most of AdamW's updates are smaller than half a bfloat16 step and would be rounded away.
    """
    return config.precision if config.method == "full" else config.arithmetic(fast_dtype())


def check_qlora() -> None:
    """Said before anything is fetched or loaded.

    Raises:
        ResourceError: The machine lacks what QLoRA needs.
    """
    import torch

    if not torch.cuda.is_available():
        raise ResourceError("train.method: qlora needs a CUDA GPU, torch sees none", mend="Set train.method=lora")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ResourceError("train.method: qlora needs bitsandbytes", mend="pip install 'seekforge[qlora]'")


def load_4bit(folder: Path) -> Any:  # noqa: ANN401
    """Linear layers as 4-bit NormalFloat with doubly quantised scales (Dettmers et al. 2023, section 3).

    What is no linear layer stays bfloat16: embedding, norms, and the routed experts of a mixture, which are one tensor
    a projection. PEFT's `prepare_model_for_kbit_training` would make all that float32; training runs under autocast and
    has no need of it.

    Raises:
        ModelError: The weights are missing or do not fit the config.
    """
    import torch
    from transformers import BitsAndBytesConfig

    quantisation = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return load_model(folder, quantization_config=quantisation)
