"""Our CPU engine: GGUF files on OpenVINO GenAI, continuously batched."""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

from seekforge.core import hardware
from seekforge.core.errors import EngineError, ModelError, SeekforgeError
from seekforge.core.memory import release
from seekforge.engines.chat_template import from_metadata
from seekforge.engines.checks import check_prompt, check_sampling
from seekforge.engines.detokenise import Detokeniser
from seekforge.engines.gguf_header import GgufHeader, read_header, read_metadata
from seekforge.engines.int8_inputs import steps_in
from seekforge.engines.int8_rows import RowModel, row_model
from seekforge.engines.openvino_options import generation_config, generation_options
from seekforge.engines.openvino_text import OpenVinoTokenizer, own_tokenizer
from seekforge.engines.protocol import Delta, EngineStats, Generation, Messages, Sampling, Tools
from seekforge.engines.pump import Event, Job, Pump

# Compute in float32, whatever the processor would rather do. Measured on a Zen 4 with bf16, SmolLM2-135M, output
# tokens/s at 16 requests at once: Q8_0 as it comes 372 and garbage (activations quantised on the fly, computed in
# bf16), with f32 330 and right; F16 as it comes 272 and 97.7 % of the merged model's next tokens, with f32 214 and
# over 99 %. Keys and values in float16 cost nothing that parity can see and halve what attention reads.
_PROPERTIES = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f16"}
_QUANTISATIONS = ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1")
_ARCHITECTURES = ("llama", "qwen2", "qwen3")
_ROWS = "Q8_0"  # the one quantisation that is faster with one scale a row


class OpenVinoEngine:
    """One GGUF file, loaded. Safe to use from several threads and event loops at once.

    Args:
        model_file: Llama, Qwen2 or Qwen3 as GGUF, quantised as F16, BF16, F32, Q8_0, Q4_0 or Q4_1.
        kv_cache_gib: Size of the KV cache. Pages are touched as they are used.
        max_running: Requests decoded at once; the others wait.
        prefix_caching: Keep the KV cache of common beginnings.
        step_tokens: Tokens computed in one step, which bounds how long a long prompt holds up the others' next token.
        cache: Where converted models are kept: a Q8_0 file is then computed with one scale a row, which is faster, and
            by the processor's INT8 matrix instructions where the file brings steps for its activations along. None
            computes with the file's own blocks.
        piece_seconds: Least time between two pieces of one answer, the first aside. A reader sees no difference, and
            every piece costs all who pass it on.
        serving: Compute without Python's lock, so that a server in this process answers meanwhile. An error within a
            step then ends the process in place of raising.

    Raises:
        ModelError: The file is missing or broken, or OpenVINO does not load its architecture or quantisation.
        ResourceError: The cache cannot be written.
    """

    def __init__(
        self,
        model_file: Path,
        *,
        kv_cache_gib: int = 1,
        max_running: int = 64,
        prefix_caching: bool = True,
        step_tokens: int = 512,
        cache: Path | None = None,
        piece_seconds: float = 0.025,
        serving: bool = False,
    ) -> None:
        self._header = _check(model_file)
        metadata = read_metadata(model_file)
        self._template = from_metadata(metadata, str(model_file))
        text = own_tokenizer(metadata, str(model_file))
        import openvino_genai

        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = kv_cache_gib
        scheduler.max_num_seqs = max_running
        scheduler.max_num_batched_tokens = step_tokens
        scheduler.enable_prefix_caching = prefix_caching
        try:
            steps = steps_in(metadata) if hardware.has_int8_matrices() else ()
            rows = row_model(model_file, cache, steps) if cache and self._header.quantisation == _ROWS else None
            pipeline = _pipeline(model_file, rows, scheduler)
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot load it ({_last_line(error)})", where=str(model_file), mend=""
            ) from error
        self._where = str(model_file)
        self._text = text or OpenVinoTokenizer(pipeline.get_tokenizer())
        self._pump = Pump(pipeline, _add_request, max_running, piece_seconds, unlocked=serving)

    @property
    def name(self) -> str:
        """Engine and format."""
        return f"OpenVINO {self._header.quantisation}"

    @property
    def context_length(self) -> int:
        """Longest prompt and answer together, in tokens."""
        return self._header.context_length

    def render(self, messages: Messages, tools: Tools = ()) -> str:
        """The conversation as the chat template in the GGUF file writes it, ready for the answer.

        Raises:
            InputError: The template refuses the conversation, or takes no tools.
            ModelError: The file has no template.
        """
        if self._template is None:
            raise ModelError("the GGUF file has no chat template", where=self._where, mend="Use an instruct model")
        return self._template.render(messages, tools)

    def encode(self, text: str) -> list[int]:
        """Token ids; the template has already written every special token."""
        return self._text.encode(text)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of token ids, control tokens left out; bytes that are no character become U+FFFD, as in transformers."""
        return self._text.decode(token_ids)

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

    async def stream(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        answered: Sequence[int] = (),
        *,
        seconds: float | None = None,
    ) -> AsyncGenerator[Delta, None]:
        """Answers one prompt piece by piece, behind `answered`; closing or cancelling frees the slot at the next step.

        Raises:
            InputError: As `generate`, when the first piece is asked for.
            EngineError: As `generate`.
            TimeoutError: The answer took longer than `seconds`.
        """
        arrived: asyncio.Queue[Event | TimeoutError] = asyncio.Queue()
        job = self._job(prompt, sampling, arrived.put_nowait, text=True, answered=answered)
        job.loop = asyncio.get_running_loop()
        timer = None if seconds is None else job.loop.call_later(seconds, arrived.put_nowait, TimeoutError())
        self._pump.submit(job)
        try:
            while True:
                event = await arrived.get()
                if isinstance(event, SeekforgeError | TimeoutError):
                    raise event
                yield event
                if event.finish_reason is not None:
                    return
        finally:
            if timer is not None:
                timer.cancel()
            self._pump.cancel(job)

    def stats(self) -> EngineStats:
        """The load now."""
        return self._pump.stats()

    def close(self) -> None:
        """Ends the engine's thread and frees its memory; unfinished requests get an `EngineError`."""
        self._pump.close()
        release()

    def _job(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        put: Callable[[Event], None],
        *,
        text: bool,
        answered: Sequence[int] = (),
    ) -> Job:
        whole = (*prompt, *answered)
        check_prompt(whole, self.context_length, self._header.vocabulary)
        check_sampling(sampling, self._header.vocabulary)
        options = generation_options(sampling, self.context_length - len(whole), self._header.end_tokens)
        ends = frozenset[int]() if sampling.ignore_eos else self._header.end_tokens | set(sampling.stop_token_ids)
        detokeniser = Detokeniser(self.decode, sampling.stop, answered) if text else None
        return Job(whole, options, ends, detokeniser, put, logprobs=deque() if sampling.logprobs else None)

    def _join(self, job: Job, deltas: Sequence[Delta]) -> Generation:
        token_ids = tuple(i for delta in deltas for i in delta.token_ids)
        reason = deltas[-1].finish_reason
        if reason is None:
            raise EngineError("the engine's answer has no end")
        text = "".join(delta.text for delta in deltas) if job.detokeniser else self.decode(token_ids)
        return Generation(token_ids, text, reason, len(job.prompt))


def _pipeline(model_file: Path, rows: RowModel | None, scheduler: Any) -> Any:  # noqa: ANN401  OpenVINO has no types
    import openvino_genai

    if rows is None:
        return openvino_genai.ContinuousBatchingPipeline(str(model_file), scheduler, "CPU", _PROPERTIES)
    tokenizer = openvino_genai.Tokenizer(str(model_file))  # for JSON by a schema; texts are cut by ours
    grouped = {**_PROPERTIES, "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(rows.group)}
    return openvino_genai.ContinuousBatchingPipeline(str(rows.folder), tokenizer, scheduler, "CPU", **grouped)


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


def _add_request(pipeline: Any, number: int, job: Job) -> Any:  # noqa: ANN401  OpenVINO has no types
    import numpy as np
    import openvino

    prompt = openvino.Tensor(np.array([job.prompt], dtype=np.int64))
    return pipeline.add_request(number, prompt, generation_config(job.options))


def _numbered(arrived: queue.SimpleQueue[tuple[int, Event]], number: int) -> Callable[[Event], None]:
    return lambda event: arrived.put((number, event))


def _last_line(error: Exception) -> str:
    """The last line of OpenVINO's message; the ones before are places in its source."""
    return str(error).strip().rpartition("\n")[2]
