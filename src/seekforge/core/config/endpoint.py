"""Config of `seekforge serve`: the model, the worker behind the door, and the whole of the door."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from seekforge.core.config.access import FeedbackConfig, RateLimitsConfig, TemplatesConfig
from seekforge.core.config.base import Config
from seekforge.core.config.embed import EmbedConfig
from seekforge.core.config.gateway import GatewayConfig, Reasoning
from seekforge.core.config.guard import GuardConfig
from seekforge.core.config.recipe import PriceConfig
from seekforge.core.config.vllm import VllmConfig
from seekforge.core.registry import nearest

ENGINES = ("auto", "openvino", "vllm", "fake")


class RestartConfig(Config):
    """What happens when the worker ends by itself. Times are seconds."""

    attempts: int = Field(5, ge=0, description="New starts in a row; then the command ends.")
    first_delay: float = Field(0.5, ge=0, description="Before the second new start; the first one is at once.")
    longest_delay: float = Field(10.0, ge=0, description="The delay doubles up to this.")
    stable_seconds: float = Field(60.0, ge=0, description="A worker that answered for so long begins a new row.")


class WorkerConfig(Config):
    """The process with the engine in it, which the command starts and keeps. Times are seconds."""

    max_running: int = Field(64, ge=1, description="Requests decoded at once; the others wait.")
    prefix_caching: bool = Field(
        True,
        description="Keep what beginnings of prompts were computed to. Without it a question costs the same each time, "
        "and asked again alone it gets the same answer to the letter.",
    )
    max_waiting: int = Field(256, ge=0, description="Requests that may wait in the worker; more get 429.")
    warm: Path | None = Field(
        None, description="JSON lines of conversations or system prompts that are read before `ready`."
    )
    reasoning: Reasoning | None = Field(
        None, description="How thoughts are found, as in `gateway.models`; by default as the model's template has it."
    )
    price: PriceConfig | None = Field(None, description="Of this machine; by default the recipe's, else none is shown.")
    api_key_file: Path | None = Field(None, description="A file with the key that an engine at a URL asks for.")
    ready_seconds: float = Field(
        300.0, gt=0, description="For loading and the first decode; by default six times as long for vLLM."
    )
    stop_seconds: float = Field(10.0, gt=1, description="To end by itself before it is killed.")
    restart: RestartConfig = Field(RestartConfig(), description="When it ends by itself.")
    vllm: VllmConfig = Field(VllmConfig(), description="How vLLM serves, where it is the engine.")


class EndpointConfig(Config):
    """A whole endpoint. Paths in a file are taken from the file's folder."""

    model: str | None = Field(None, description="What is served, as in `seekforge serve MODEL`.")
    name: str | None = Field(None, min_length=1, max_length=256, description="Its name for clients; by default MODEL.")
    engine: str = Field("auto", description="`auto`, `openvino`, `vllm`, `fake`, or the URL of a server.")
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    folder: Path | None = Field(
        None,
        description="Where feedback, access log, audit record and the worker's log go unless they have a path of "
        "their own; by default `endpoints/NAME` in the runs folder.",
    )
    worker: WorkerConfig = Field(WorkerConfig(), description="The process with the engine.")
    embed: EmbedConfig | None = Field(None, description="The process with the embedder; without it there is none.")
    guard: GuardConfig = Field(GuardConfig(), description="What may go in and come out.")
    keys: Path | None = Field(None, description="The key file of `seekforge keys`; without it everybody may ask.")
    rate_limits: RateLimitsConfig = Field(RateLimitsConfig(), description="Where the keys' limits are counted.")
    templates: TemplatesConfig = Field(TemplatesConfig(), description="Prompt templates.")
    feedback: FeedbackConfig | None = Field(FeedbackConfig(), description="The store of ratings; null takes none.")
    gateway: GatewayConfig = Field(GatewayConfig(), description="Further engines, names, limits, logs.")

    @field_validator("engine")
    @classmethod
    def _engine_is_known(cls, engine: str) -> str:
        if not is_url(engine) and engine.partition(":")[0] not in ENGINES:
            facts = {"engine": engine, "mend": nearest(engine, [*ENGINES, "http://HOST:PORT"])}
            raise PydanticCustomError("engine", "unknown engine '{engine}'; {mend}", facts)
        return engine


def is_url(engine: str) -> bool:
    """Whether an engine is a server that somebody else runs."""
    return engine.startswith(("http://", "https://"))
