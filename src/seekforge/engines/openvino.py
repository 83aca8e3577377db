"""Our CPU engine: GGUF files on OpenVINO GenAI, continuously batched."""

from __future__ import annotations

import asyncio
import queue
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

from seekforge.core.errors import EngineError, InputError, ModelError, SeekforgeError
from seekforge.core.memory import release
from seekforge.engines.checks import check_prompt, check_sampling
from seekforge.engines.detokenise import Detokeniser
from seekforge.engines.gguf_header import GgufHeader, read_header
from seekforge.engines.protocol import Delta, EngineStats, Generation, Messages, Sampling
from seekforge.engines.pump import Event, Job, Pump

# Compute in float32, whatever the processor would rather do. Measured on a Zen 4 with bf16, SmolLM2-135M, output
# tokens/s at 16 requests at once: Q8_0 as it comes 372 and garbage (activations quantised on the fly, computed in
# bf16), with f32 330 and right; F16 as it comes 272 and 97.7 % of the merged model's next tokens, with f32 214 and
# over 99 %.
_PROPERTIES = {"INFERENCE_PRECISION_HINT": "f32"}
_QUANTISATIONS = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1")
_ARCHITECTURES = ("llama", "qwen2", "qwen3")
_SEED_BITS = 63  # `rng_seed` is a C++ long


class OpenVinoEngine:
    """One GGUF file, loaded. Safe to use from several threads and event loops at once.

    Args:
        model_file: Llama, Qwen2 or Qwen3 as GGUF, quantised as F16, BF16, F32, Q8_0, Q4_0 or Q4_1.
        kv_cache_gib: Size of the KV cache. Pages are touched as they are used.
        max_running: Requests decoded at once; the others wait.
        prefix_caching: Keep the KV cache of common beginnings.
        step_tokens: Tokens computed in one step, which bounds how long a long prompt holds up the others' next token.

    Raises:
        ModelError: The file is missing or broken, or OpenVINO does not load its architecture or quantisation.
    """

    def __init__(
        self,
        model_file: Path,
        *,
        kv_cache_gib: int = 1,
        max_running: int = 64,
        prefix_caching: bool = True,
        step_tokens: int = 256,
    ) -> None:
        self._header = _check(model_file)
        import openvino_genai

        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = kv_cache_gib
        scheduler.max_num_seqs = max_running
        scheduler.max_num_batched_tokens = step_tokens
        scheduler.enable_prefix_caching = prefix_caching
        try:
            pipeline = openvino_genai.ContinuousBatchingPipeline(str(model_file), scheduler, "CPU", _PROPERTIES)
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot load it ({_last_line(error)})", where=str(model_file), mend=""
            ) from error
        self._where = str(model_file)
        self._tokenizer = pipeline.get_tokenizer()
        self._bytes = _byte_table(self._tokenizer, self._header)
        self._pump = Pump(pipeline, _add_request, max_running)

    @property
    def name(self) -> str:
        """Engine and format."""
        return f"OpenVINO {self._header.quantisation}"

    @property
    def context_length(self) -> int:
        """Longest prompt and answer together, in tokens."""
        return self._header.context_length

    def render(self, messages: Messages) -> str:
        """The conversation as the chat template in the GGUF file writes it, ready for the answer.

        Raises:
            InputError: The template refuses the conversation.
            ModelError: The file has no template.
        """
        if not self._tokenizer.chat_template:
            raise ModelError("the GGUF file has no chat template", where=self._where, mend="Use an instruct model")
        try:
            return str(self._tokenizer.apply_chat_template([dict(m) for m in messages], add_generation_prompt=True))
        except RuntimeError as error:
            raise InputError(
                f"the chat template refuses these messages ({_last_line(error)})", where="messages"
            ) from error

    def encode(self, text: str) -> list[int]:
        """Token ids; the template has already written every special token."""
        if not text:
            return []
        ids: list[int] = self._tokenizer.encode([text], add_special_tokens=False).input_ids.data[0].tolist()
        return ids

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of token ids, control tokens left out; bytes that are no character become U+FFFD, as in transformers."""
        if self._bytes is not None:
            return b"".join([self._bytes[i] for i in token_ids]).decode("utf-8", "replace")
        return str(self._tokenizer.decode(list(token_ids))) if token_ids else ""

    def generate(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Generation]:
        """Answers all prompts; blocks.

        Raises:
            InputError: A prompt is empty, too long or holds unknown ids, or the sampling is out of range.
            EngineError: The engine is closed or has failed.
        """
        arrived: queue.SimpleQueue[tuple[int, Event]] = queue.SimpleQueue()
        jobs = [self._job(p, sampling, _numbered(arrived, i), text=bool(sampling.stop)) for i, p in enumerate(prompts)]
        pieces: list[list[Delta]] = [[] for _ in jobs]
        try:
            for job in jobs:
                self._pump.submit(job)
            left = len(jobs)
            while left:
                number, event = arrived.get()
                if isinstance(event, SeekforgeError):
                    raise event
                pieces[number].append(event)
                left -= event.finish_reason is not None
        finally:
            for job in jobs:
                self._pump.cancel(job)
        return [self._join(job, deltas) for job, deltas in zip(jobs, pieces, strict=True)]

    async def stream(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Delta, None]:
        """Answers one prompt piece by piece; closing or cancelling frees the slot at the next step.

        Raises:
            InputError: As `generate`, when the first piece is asked for.
            EngineError: As `generate`.
        """
        arrived: asyncio.Queue[Event] = asyncio.Queue()
        job = self._job(prompt, sampling, arrived.put_nowait, text=True)
        job.loop = asyncio.get_running_loop()
        self._pump.submit(job)
        try:
            while True:
                event = await arrived.get()
                if isinstance(event, SeekforgeError):
                    raise event
                yield event
                if event.finish_reason is not None:
                    return
        finally:
            self._pump.cancel(job)

    def stats(self) -> EngineStats:
        """The load now."""
        return self._pump.stats()

    def close(self) -> None:
        """Ends the engine's thread and frees its memory; unfinished requests get an `EngineError`."""
        self._pump.close()
        release()

    def _job(self, prompt: Sequence[int], sampling: Sampling, put: Callable[[Event], None], *, text: bool) -> Job:
        check_prompt(prompt, self.context_length, self._header.vocabulary)
        check_sampling(sampling)
        room = self.context_length - len(prompt)
        options = _options(sampling, min(sampling.max_new_tokens, room), self._header.end_tokens)
        ends = frozenset[int]() if sampling.ignore_eos else self._header.end_tokens
        detokeniser = Detokeniser(self.decode, sampling.stop) if text else None
        return Job(tuple(prompt), options, ends, detokeniser, put)

    def _join(self, job: Job, deltas: Sequence[Delta]) -> Generation:
        token_ids = tuple(i for delta in deltas for i in delta.token_ids)
        reason = deltas[-1].finish_reason
        if reason is None:
            raise EngineError("the engine's answer has no end")
        text = "".join(delta.text for delta in deltas) if job.detokeniser else self.decode(token_ids)
        return Generation(token_ids, text, reason, len(job.prompt))


def _check(model_file: Path) -> GgufHeader:
    header = read_header(model_file)
    if header.architecture not in _ARCHITECTURES:
        raise ModelError(
            f"OpenVINO does not load the GGUF architecture '{header.architecture}'",
            where=str(model_file),
            mend=f"Use one of: {', '.join(_ARCHITECTURES)}",
        )
    unknown = sorted(header.types - set(_QUANTISATIONS))
    if unknown:
        raise ModelError(
            f"tensors of type {', '.join(unknown)} are not supported",
            where=str(model_file),
            mend=f"Quantise it as one of: {', '.join(_QUANTISATIONS)}",
        )
    return header


def _options(sampling: Sampling, max_new_tokens: int, end_tokens: frozenset[int]) -> dict[str, Any]:
    """Keyword arguments of `GenerationConfig`; stop texts are the detokeniser's business."""
    options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "ignore_eos": sampling.ignore_eos}
    if not sampling.ignore_eos:
        options["stop_token_ids"] = set(end_tokens)
    if sampling.temperature > 0:
        # Without a seed of its own every request would draw the same numbers: the default is 0.
        seed = random.getrandbits(_SEED_BITS) if sampling.seed is None else sampling.seed
        options |= {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p}
        options["rng_seed"] = seed & ((1 << _SEED_BITS) - 1)
    return options


def _add_request(pipeline: Any, number: int, job: Job) -> Any:  # noqa: ANN401  OpenVINO has no types
    import numpy as np
    import openvino
    import openvino_genai

    prompt = openvino.Tensor(np.array([job.prompt], dtype=np.int64))
    return pipeline.add_request(number, prompt, openvino_genai.GenerationConfig(**job.options))


def _byte_table(tokenizer: Any, header: GgufHeader) -> list[bytes] | None:  # noqa: ANN401  OpenVINO has no types
    """The bytes of each token of a byte-level tokeniser: decoding by table takes 1 µs where OpenVINO takes 90."""
    if header.tokenizer != "gpt2":
        return None
    table = [b""] * header.vocabulary
    for text, token_id in tokenizer.get_vocab().items():
        if token_id not in header.control_tokens:
            table[token_id] = text
    return table


def _numbered(arrived: queue.SimpleQueue[tuple[int, Event]], number: int) -> Callable[[Event], None]:
    return lambda event: arrived.put((number, event))


def _last_line(error: Exception) -> str:
    """The last line of OpenVINO's message; the ones before are places in its source."""
    return str(error).strip().rpartition("\n")[2]
