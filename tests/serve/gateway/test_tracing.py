"""Traces: OpenTelemetry's own SDK, with an exporter that keeps spans in memory."""

import subprocess
import sys

import pytest
from tests.serve.gateway.harness import CHAT, completion, config, nasty, running, says

from seekforge.serve.gateway.app import create_app

sdk = pytest.importorskip("opentelemetry.sdk.trace")


def test_a_span_says_what_happened_and_none_of_the_text() -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from seekforge.serve.gateway.tracing import Tracer

    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with nasty(says(completion("my answer"))) as (up,):
        app = create_app(config(up.url))
        app.parts.tracer = Tracer(provider)
        with running(app) as client:
            client.send(
                "POST", CHAT, b'{"model": "up", "messages": [{"role": "user", "content": "hi"}]}', traceparent=trace
            )
            client.send("POST", CHAT, b"{")
            client.send("GET", "/healthz")
        assert up.seen[0].headers["traceparent"] == trace
        good, bad = exporter.get_finished_spans()
    assert (good.name, bad.name) == ("chat up", "chat")
    assert good.context is not None
    assert f"{good.context.trace_id:032x}" == trace.split("-")[1]
    facts = dict(good.attributes or {})
    assert (facts["gen_ai.operation.name"], facts["gen_ai.request.model"]) == ("chat", "up")
    assert (facts["gen_ai.usage.input_tokens"], facts["gen_ai.usage.output_tokens"]) == (3, 2)
    assert facts["gen_ai.response.finish_reasons"] == ("stop",)
    assert facts["http.response.status_code"] == 200
    assert "my answer" not in good.to_json()
    assert dict(bad.attributes or {})["seekforge.outcome"] == "refused"


def test_nothing_of_it_is_loaded_without_it() -> None:
    code = (
        "import sys; from seekforge.core.config import GatewayConfig\n"
        "from seekforge.serve.gateway.app import create_app\n"
        "create_app(GatewayConfig.model_validate({'upstreams': [{'name': 'a', 'url': 'http://x'}]}))\n"
        "sys.stdout.write(str([m for m in sys.modules if m.startswith('opentelemetry')]))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]"


def test_tracing_without_its_packages_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from seekforge.core.errors import ConfigError

    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigError, match=r"seekforge\[otel\]"):
        create_app(config("http://x", tracing={"endpoint": "http://collector:4318/v1/traces"}))
