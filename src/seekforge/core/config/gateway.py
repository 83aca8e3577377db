"""Config of the gateway: the engines behind it, the names in front of it, how long and how much it bears."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from seekforge.core.config.address import Address
from seekforge.core.config.base import Config
from seekforge.core.config.recipe import PriceConfig

Reasoning = Literal["auto", "deepseek", "off"]
WORKER = "worker"  # the upstream that `seekforge serve` starts itself
EMBEDDER = "embedder"  # likewise, for --embed


class UpstreamConfig(Config):
    """One OpenAI-compatible server: our worker, vLLM, SGLang, llama-server, a paid API."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="For the logs, the metrics and `targets`.")
    url: Address = Field(description="`http://host:port`, with or without `/v1` at the end.")
    models: tuple[str, ...] | None = Field(
        None, description="Models that clients may ask of it by its own names; by default whatever it knows."
    )
    api_key_file: Path | None = Field(None, description="A file with the key that is sent to it; none is sent without.")
    usage_in_streams: bool = Field(True, description="It understands `stream_options.include_usage`.")
    embeds: bool = Field(False, description="It has embeddings only, so it says nothing of the others' readiness.")
    devices: int = Field(1, ge=1, description="Devices that it occupies, for the cost.")
    price: PriceConfig | None = Field(None, description="Of one device; without it no cost is shown.")


class TargetConfig(Config):
    """Who answers for a model name."""

    upstream: str = Field(description="The upstream's name.")
    model: str | None = Field(None, description="The model's name there; by default the same as here.")


class ModelConfig(Config):
    """A name that clients use, and what stands behind it."""

    name: str = Field(min_length=1, description="What clients write as `model`.")
    targets: tuple[TargetConfig, ...] = Field(min_length=1, description="The least busy one answers.")
    reasoning: Reasoning = Field(
        "off",
        description="`auto` moves a leading <think> part to `reasoning_content`; `deepseek` also takes an answer "
        "that begins inside it, because the chat template has written the tag; `off` leaves the text alone.",
    )


class LimitsConfig(Config):
    """How long and how much the gateway bears. Times are seconds."""

    body_bytes: int = Field(8 << 20, ge=1024, description="Largest request body, also after inflating.")
    header_seconds: float = Field(10.0, gt=0, description="For a request's head, and for an idle connection.")
    body_seconds: float = Field(30.0, gt=0, description="For a request's body.")
    request_seconds: float = Field(600.0, gt=0, description="For a whole request, the wait for a place included.")
    connect_seconds: float = Field(5.0, gt=0, description="For a connection to an upstream.")
    first_seconds: float = Field(120.0, gt=0, description="For a stream's first piece.")
    idle_seconds: float = Field(30.0, gt=0, description="Between two pieces of a stream.")
    send_seconds: float = Field(30.0, gt=0, description="For one send to a client that has stopped reading.")
    max_running: int = Field(256, ge=1, description="Requests with an upstream at once.")
    max_waiting: int = Field(1024, ge=0, description="Requests that wait for a place; more are sent away with 429.")
    answer_bytes: int = Field(64 << 20, ge=1024, description="Largest whole answer of an upstream.")


class RetryConfig(Config):
    """What happens when an upstream fails before anything of an answer was sent."""

    attempts: int = Field(3, ge=1, le=10, description="Tries of one request, the first included.")
    cooldown_seconds: float = Field(5.0, ge=0, description="For so long a failed upstream is the last choice.")
    budget: float = Field(0.2, ge=0, le=1, description="Retries a request, on average over all requests.")
    reserve: int = Field(10, ge=0, description="Retries that are always there after a quiet time.")
    longest_wait: float = Field(2.0, ge=0, description="Longest `Retry-After` that is waited out; else 429 at once.")


class TracingConfig(Config):
    """OpenTelemetry; needs the extra `otel`."""

    endpoint: str = Field(description="OTLP over HTTP, such as `http://collector:4318/v1/traces`.")
    service: str = Field("seekforge-gateway", description="The service's name in the traces.")


class GatewayConfig(Config):
    """What the gateway forwards to, and how much it bears."""

    upstreams: tuple[UpstreamConfig, ...] = Field((), description="The engines, besides the worker.")
    models: tuple[ModelConfig, ...] = Field((), description="Names for clients, besides those of the upstreams.")
    default_model: str | None = Field(None, description="For requests without a model; by default the first known.")
    limits: LimitsConfig = Field(LimitsConfig(), description="How long and how much.")
    retry: RetryConfig = Field(RetryConfig(), description="Second tries.")
    access_log: Path | None = Field(None, description="One JSON a request, without any text of it.")
    tracing: TracingConfig | None = Field(None, description="Traces; none without.")
    ready_seconds: float = Field(5.0, gt=0, description="For so long an answer counts as a sign of life.")
    drain_seconds: float = Field(30.0, ge=0, description="For running requests to end after SIGTERM.")

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> GatewayConfig:
        known = [upstream.name for upstream in self.upstreams]
        _unique("upstreams", known)
        known = known if WORKER in known else [*known, WORKER]
        _unique("models", [model.name for model in self.models])
        for model in self.models:
            for target in model.targets:
                if target.upstream not in known:
                    facts: dict[str, Any] = {"model": model.name, "name": target.upstream, "known": ", ".join(known)}
                    raise PydanticCustomError(
                        "no_upstream", "model '{model}': no upstream '{name}'; there is {known}", facts
                    )
        return self


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PydanticCustomError("twice", "{what}: '{name}' is there twice", {"what": what, "name": twice[0]})
