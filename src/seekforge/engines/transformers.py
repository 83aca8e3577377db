"""The reference engine: plain `transformers`. What training produced is what this engine says it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from seekforge.core import hardware
from seekforge.core.config.environment import quiet_libraries
from seekforge.core.config.train import Arithmetic
from seekforge.core.errors import InputError, ModelError
from seekforge.core.memory import release
from seekforge.engines.detokenise import Detokeniser
from seekforge.engines.protocol import FinishReason, Generation, Messages, Sampling

if TYPE_CHECKING:
    import torch

# Without any of these `transformers` makes up a tokenizer of its own and says nothing.
_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json")


def load_tokenizer(folder: Path) -> Any:  # noqa: ANN401  transformers has no types that mypy may follow here
    """The folder's tokenizer, padding on the left as generation needs it.

    Raises:
        ModelError: No tokenizer, or one without a chat template.
    """
    quiet_libraries()
    from transformers import AutoTokenizer

    try:
        if not any((folder / name).exists() for name in _VOCABULARIES):
            raise FileNotFoundError(folder / _VOCABULARIES[0])
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError("no usable tokenizer", where=str(folder), mend="The folder needs tokenizer.json") from error
    if tokenizer.chat_template is None:
        raise ModelError("the tokenizer has no chat template", where=str(folder), mend="Use an instruct model")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def fast_dtype() -> Arithmetic:
    """The arithmetic that this device does fastest: bfloat16 where it has instructions for it.

    Two Zen 3 cores, which have none, do a linear layer of SmolLM2-135M at 80.5 GFLOP/s in float32, 9.6 in bfloat16.
    """
    import torch

    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = hardware.has_bfloat16()
    return "bfloat16" if native else "float32"


def load_model(folder: Path, dtype: str = "bfloat16", **settings: Any) -> Any:  # noqa: ANN401
    """The folder's causal language model in evaluation mode.

    Args:
        folder: A Hugging Face model folder.
        dtype: `bfloat16` or `float32`.
        settings: More of `from_pretrained`, such as `quantization_config`.

    Raises:
        ModelError: The weights are missing or do not fit the config.
    """
    quiet_libraries()
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    options = {"dtype": getattr(torch, dtype), "output_loading_info": True, **settings}
    try:
        model, report = AutoModelForCausalLM.from_pretrained(folder, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"weights cannot be loaded ({error})", where=str(folder), mend="Fetch the model again"
        ) from error
    # What a file lacks would be filled with random numbers.
    if missing := sorted(report["missing_keys"]):
        raise ModelError(
            f"{len(missing)} tensors are missing, '{missing[0]}' among them",
            where=str(folder),
            mend="Fetch the model again",
        )
    return model.eval()


def load_trained(base: Path, trained: Path, dtype: str = "bfloat16") -> Any:  # noqa: ANN401
    """What a train artifact made: its `model` folder, or its `adapter` merged into the base weights.

    The sum is taken in float32 and rounded once, so every later step starts from the same bytes.

    Raises:
        ModelError: The folder holds neither.
    """
    import torch

    if (trained / "model").is_dir():
        return load_model(trained / "model", dtype)
    merged = load_adapted(base, trained).merge_and_unload()
    # Parameters only: `merged.to(bfloat16)` would round the rotary frequencies too, which no loaded model has rounded.
    for parameter in merged.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).to(getattr(torch, dtype))
    return merged.eval()


def load_adapted(base: Path, trained: Path) -> Any:  # noqa: ANN401
    """The base weights with the adapter beside them, not merged: a `PeftModel` in float32.

    Args:
        base: The base model's folder.
        trained: A train artifact's folder, or the adapter's own.

    Raises:
        ModelError: There is no adapter, or it is of another model.
    """
    from peft import PeftModel

    model = load_model(base, "float32")
    try:
        return PeftModel.from_pretrained(model, adapter_folder(trained)).eval()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"the adapter does not fit the base model ({str(error).splitlines()[0]})",
            where=str(trained),
            mend=f"Give the base that it was trained on, not {base}",
        ) from error


def adapter_folder(trained: Path) -> Path:
    """Where a train artifact's adapter lies; the folder may be the adapter's own.

    Raises:
        ModelError: There is none.
    """
    for folder in (trained / "adapter", trained):
        if (folder / "adapter_config.json").is_file():
            return folder
    raise ModelError("neither adapter/ nor model/ in the folder", where=str(trained), mend="Give a train artifact")


class TransformersEngine:
    """Batched greedy or sampled generation with a model folder.

    Args:
        folder: A Hugging Face model folder; its tokenizer is used in any case.
        dtype: `bfloat16` or `float32`; by default what this device computes fastest.
        batch_size: Prompts at once.
        model: A model that is loaded already, used in place of the folder's weights.
    """

    def __init__(
        self,
        folder: Path,
        dtype: str | None = None,
        batch_size: int = 16,
        model: Any = None,  # noqa: ANN401
    ) -> None:
        self._dtype, self._batch_size = dtype or fast_dtype(), batch_size
        self.tokenizer = load_tokenizer(folder)
        self.model = model if model is not None else load_model(folder, self._dtype)
        self._end_tokens = self._take_over_generation()

    @classmethod
    def tuned(cls, base: Path, trained: Path, batch_size: int = 16) -> TransformersEngine:
        """The engine on what a train artifact made of `base`."""
        dtype = fast_dtype()
        return cls(base, dtype, batch_size, load_trained(base, trained, dtype))

    @classmethod
    def without_weights(cls, folder: Path) -> TransformersEngine:
        """The folder's chat template and tokenizer alone: it renders, encodes and decodes."""
        nothing = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=None))
        return cls(folder, "float32", model=nothing)

    @property
    def name(self) -> str:
        """Engine and format."""
        return f"transformers {'BF16' if self._dtype == 'bfloat16' else 'FP32'}"

    def render(self, messages: Messages) -> str:
        """The conversation as the chat template writes it, ready for the answer."""
        rendered = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        return str(rendered)

    def encode(self, text: str) -> list[int]:
        """Token ids; the template has already written every special token."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of token ids, special tokens left out."""
        return str(self.tokenizer.decode(list(token_ids), skip_special_tokens=True))

    @property
    def end_token(self) -> int:
        """The token that ends an answer."""
        return int(self.tokenizer.eos_token_id)

    def piece(self, token_id: int) -> str:
        """One token as text, special tokens shown."""
        return str(self.tokenizer.decode([token_id], skip_special_tokens=False))

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        """Answers all prompts, those of like length together to waste little on padding."""
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        answers: dict[int, Generation] = {}
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            answers.update(zip(chosen, self._batch([prompts[i] for i in chosen], sampling), strict=True))
        return [answers[i] for i in range(len(prompts))]

    def logits(self, prompt: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
        """Next-token logits at each position of a teacher-forced answer: float32, shape (len(answer), vocabulary)."""
        import torch

        ids = torch.tensor([[*prompt, *answer]], device=self.model.device)
        with torch.inference_mode():
            kept: torch.Tensor = self.model(ids, logits_to_keep=len(answer) + 1).logits
        return kept[0, :-1].float()

    def close(self) -> None:
        """Frees the weights."""
        self.model = None
        release()

    def _take_over_generation(self) -> frozenset[int]:
        """Tokens that end an answer; the folder's own penalties and sampling are put aside: `Sampling` decides."""
        from transformers import GenerationConfig

        named = self.model.generation_config.eos_token_id
        ends = frozenset([named] if isinstance(named, int) else named or ()) | {self.end_token}
        self.model.generation_config = GenerationConfig(eos_token_id=sorted(ends))
        return ends

    def _batch(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        import torch

        width = max(map(len, prompts))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts], device=self.model.device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=self.model.device)
        if sampling.seed is not None:
            torch.manual_seed(sampling.seed)
        with torch.inference_mode():
            out = self.model.generate(ids, attention_mask=mask, **self._options(sampling))
        return [self._finish(row[width:].tolist(), len(p), sampling) for row, p in zip(out, prompts, strict=True)]

    def _options(self, sampling: Sampling) -> dict[str, Any]:
        _refuse_unknown(sampling)
        options: dict[str, Any] = {
            "max_new_tokens": sampling.max_new_tokens,
            "min_new_tokens": sampling.min_new_tokens,
            "repetition_penalty": sampling.repetition_penalty,
            "pad_token_id": self.tokenizer.pad_token_id,
        }
        options["do_sample"] = sampling.temperature > 0
        if sampling.temperature > 0:
            options |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
            options |= {"min_p": sampling.min_p} if sampling.min_p else {}
        if sampling.ignore_eos:
            options["min_new_tokens"] = sampling.max_new_tokens
        return options

    def _finish(self, token_ids: list[int], prompt_tokens: int, sampling: Sampling) -> Generation:
        reason: FinishReason = "length"
        end = next((i for i, token_id in enumerate(token_ids) if token_id in self._end_tokens), None)
        if end is not None and not sampling.ignore_eos:
            token_ids, reason = token_ids[:end], "stop"
        if not sampling.stop:
            return Generation(tuple(token_ids), self.decode(token_ids), reason, prompt_tokens)
        detokeniser = Detokeniser(self.decode, sampling.stop)
        pieces = detokeniser.push(token_ids), detokeniser.finish()
        token_ids, text = [i for piece in pieces for i in piece.token_ids], "".join(piece.text for piece in pieces)
        return Generation(tuple(token_ids), text, "stop" if detokeniser.stopped else reason, prompt_tokens)


def _refuse_unknown(sampling: Sampling) -> None:
    """This engine is the reference, not a server: what it has no use for it does not pass over in silence."""
    plain = Sampling()
    for name in ("stop_token_ids", "frequency_penalty", "presence_penalty", "logprobs", "json_schema"):
        if getattr(sampling, name) != getattr(plain, name):
            raise InputError("transformers is not asked for this here", where=name, mend="Use the served model")
