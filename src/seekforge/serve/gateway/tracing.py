"""OpenTelemetry traces, if they are asked for: one span a request, named as the GenAI conventions name it.

The names are written down here, as the conventions are still in development and a library's update would rename what
dashboards look for. Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/, version 1.37.
"""

from __future__ import annotations

from typing import Any

from seekforge.core.config.gateway import TracingConfig
from seekforge.core.errors import ConfigError
from seekforge.serve.gateway.exchange import Exchange

OPERATION = "gen_ai.operation.name"
MODEL = "gen_ai.request.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
FINISH_REASONS = "gen_ai.response.finish_reasons"
_OPERATIONS = {
    "/v1/chat/completions": "chat",
    "/v1/chat": "chat",
    "/v1/completions": "text_completion",
    "/v1/embeddings": "embeddings",
}


class Tracer:
    """Writes spans.

    Args:
        provider: OpenTelemetry's `TracerProvider`.
    """

    def __init__(self, provider: Any) -> None:  # noqa: ANN401  the package is optional
        self._provider = provider
        self._tracer = provider.get_tracer("seekforge.gateway")

    def begin(self, exchange: Exchange) -> Any:  # noqa: ANN401
        """Starts a request's span, under the client's own if it sends `traceparent`."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = exchange.request_headers.get(b"traceparent")
        carrier = {"traceparent": parent.decode("latin-1")} if parent is not None else {}
        context = TraceContextTextMapPropagator().extract(carrier)
        operation = _OPERATIONS.get(exchange.path, exchange.path)
        return self._tracer.start_span(operation, context=context, kind=SpanKind.SERVER)

    def end(self, span: Any, exchange: Exchange) -> None:  # noqa: ANN401
        """Ends the span with what is known; no text of the request or of the answer is in it."""
        from opentelemetry.trace import Status, StatusCode

        operation = _OPERATIONS.get(exchange.path, exchange.path)
        span.update_name(f"{operation} {exchange.model}".strip())
        span.set_attributes(
            {
                OPERATION: operation,
                MODEL: exchange.model,
                INPUT_TOKENS: exchange.tokens("prompt"),
                OUTPUT_TOKENS: exchange.tokens("completion"),
                "http.response.status_code": exchange.status,
                "seekforge.request_id": exchange.id,
                "seekforge.upstream": exchange.upstream,
                "seekforge.outcome": exchange.outcome,
            }
        )
        if exchange.finish_reason is not None:
            span.set_attribute(FINISH_REASONS, [exchange.finish_reason])
        if exchange.first is not None:
            span.set_attribute("seekforge.ttft_seconds", exchange.first - exchange.started)
        if exchange.outcome == "error":
            span.set_attribute("error.type", str(exchange.status))
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


def open_tracer(config: TracingConfig) -> Tracer:
    """A tracer that sends to a collector.

    Raises:
        ConfigError: The packages are not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError(
            "tracing needs OpenTelemetry", where="tracing", mend="Install seekforge[otel], or leave `tracing` out"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": config.service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=config.endpoint)))
    return Tracer(provider)
