"""From an endpoint's config to one that leaves nothing open: files have paths, the model its upstream and name."""

from __future__ import annotations

from pathlib import Path

from seekforge.core.config import EmbedConfig, EndpointConfig, GatewayConfig, validate
from seekforge.core.config.endpoint import is_url
from seekforge.core.config.gateway import EMBEDDER, WORKER, ModelConfig, Reasoning, TargetConfig, UpstreamConfig
from seekforge.core.errors import ConfigError
from seekforge.core.registry import nearest

NOWHERE = "http://127.0.0.1:9"  # the worker's address until it has one
_WHERE = "gateway"


def settle(config: EndpointConfig, runs: Path, reasoning: Reasoning) -> EndpointConfig:
    """The same with everything said.

    Args:
        config: With its `name`, unless there is no `model`.
        runs: The runs folder.
        reasoning: How the model's thoughts are found where the config does not say.

    Raises:
        ConfigError: There is nothing to serve, two things have one name, or a name leads nowhere.
    """
    folder = config.folder or runs / "endpoints" / (config.name or _WHERE).replace("/", "-")
    guard, feedback, gateway = config.guard, config.feedback, config.gateway
    if guard.audit is None:
        guard = guard.model_copy(update={"audit": folder / "guard"})
    if feedback is not None and "path" not in feedback.model_fields_set:
        feedback = feedback.model_copy(update={"path": folder / feedback.path})
    if gateway.access_log is None:
        gateway = gateway.model_copy(update={"access_log": folder / "access.jsonl"})
    if config.embed is not None:
        gateway = _with_embedder(embedder_name(config.embed), gateway)
    if config.model is not None:
        gateway = _with_model(config, gateway, config.worker.reasoning or reasoning)
    elif not gateway.upstreams:
        raise ConfigError(
            "there is nothing to serve", where="serve", mend="Give a MODEL, --embed, or a file with `gateway.upstreams`"
        )
    settled = {"folder": folder, "guard": guard, "feedback": feedback, "gateway": gateway}
    config = config.model_copy(update=settled)
    _check_names(config)
    return config


def _check_names(config: EndpointConfig) -> None:
    """What only the whole config can show: targets and templates of models that there are."""
    gateway = config.gateway
    upstreams = {upstream.name for upstream in gateway.upstreams}
    for model in gateway.models:
        if any(target.upstream not in upstreams for target in model.targets):
            raise ConfigError(
                f"model '{model.name}' is answered by '{WORKER}', and no worker is started",
                where="gateway.models",
                mend="Give `model`, or name an upstream",
            )
    if any(upstream.models is None for upstream in gateway.upstreams):
        return  # such an upstream may know any name
    names = [model.name for model in gateway.models]
    names += [name for upstream in gateway.upstreams for name in upstream.models or ()]
    meant = [("templates.by_model", name) for name in config.templates.by_model]
    if gateway.default_model is not None:
        meant.append(("gateway.default_model", gateway.default_model))
    for where, name in meant:
        if name not in names:
            raise ConfigError(f"no model '{name}'", where=where, mend=nearest(name, names))


def embedder_name(embed: EmbedConfig) -> str:
    """The embedder's name for clients: what it was given, else of a path its end and of anything else all of it."""
    path = Path(embed.model).expanduser()
    return embed.name or (path.resolve().name if path.is_dir() else embed.model)


def _with_embedder(name: str, gateway: GatewayConfig) -> GatewayConfig:
    _check_free(EMBEDDER, gateway)
    own = validate(UpstreamConfig, {"name": EMBEDDER, "url": NOWHERE, "models": (name,), "embeds": True}, "embed")
    return validate(GatewayConfig, {**dict(gateway), "upstreams": (*gateway.upstreams, own)}, _WHERE)


def _check_free(name: str, gateway: GatewayConfig) -> None:
    if any(upstream.name == name for upstream in gateway.upstreams):
        raise ConfigError(
            f"'{name}' is the name of the model's own upstream", where="gateway.upstreams", mend="Use another"
        )


def _with_model(config: EndpointConfig, gateway: GatewayConfig, reasoning: Reasoning) -> GatewayConfig:
    assert config.name is not None
    assert config.model is not None
    is_remote = is_url(config.engine)
    _check_free(WORKER, gateway)
    if config.embed is not None and embedder_name(config.embed) == config.name:
        raise ConfigError(f"model and embedder are both called '{config.name}'", where="embed.name", mend="Name one")
    there = config.model if is_remote else config.name
    own = {
        "name": WORKER,
        "url": config.engine if is_remote else NOWHERE,
        "models": (),
        "api_key_file": config.worker.api_key_file,
        "price": config.worker.price,
    }
    upstream = validate(UpstreamConfig, own, "engine")
    models = [_aimed(model, there) for model in gateway.models]
    if all(model.name != config.name for model in models):
        target = TargetConfig(upstream=WORKER, model=there)
        models.insert(0, ModelConfig(name=config.name, targets=(target,), reasoning=reasoning))
    tree = {**dict(gateway), "upstreams": (upstream, *gateway.upstreams), "models": tuple(models)}
    return validate(GatewayConfig, tree, _WHERE)


def _aimed(model: ModelConfig, there: str) -> ModelConfig:
    """Targets at the worker that name no model mean its only one."""
    targets = tuple(
        target.model_copy(update={"model": there}) if target.upstream == WORKER and target.model is None else target
        for target in model.targets
    )
    return model.model_copy(update={"targets": targets})
