"""Names of models: which one a request means and who answers for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from seekforge.core.config.gateway import GatewayConfig, Reasoning
from seekforge.serve.errors import ApiError

_MOST_LABELS = 64


def no_model(name: str, known: Collection[str]) -> ApiError:
    """The error that there is no such model, with those that there are."""
    served = ", ".join(f"'{one}'" for one in sorted(known)) or "no other"
    what = f"the model '{name}' is not served here; {served} is"
    return ApiError(404, what, param="model", code="model_not_found")


@dataclass(frozen=True, slots=True)
class Target:
    """An upstream, and the model's name there; an empty one is left to the upstream."""

    upstream: str
    model: str


@dataclass(frozen=True, slots=True)
class Served:
    """What a name stands for."""

    name: str
    targets: tuple[Target, ...]
    reasoning: Reasoning = "off"


class Directory:
    """All names.

    Args:
        config: The gateway's.
    """

    def __init__(self, config: GatewayConfig) -> None:
        named: dict[str, list[Target]] = {}
        for upstream in config.upstreams:
            for name in upstream.models or ():
                named.setdefault(name, []).append(Target(upstream.name, name))
        self._served = {name: Served(name, tuple(targets)) for name, targets in named.items()}
        for model in config.models:
            targets = tuple(Target(target.upstream, target.model or model.name) for target in model.targets)
            self._served[model.name] = Served(model.name, targets, model.reasoning)
        self.open_to_all = tuple(upstream.name for upstream in config.upstreams if upstream.models is None)
        first = next((model.name for model in config.models), next(iter(self._served), None))
        self._default = config.default_model or first
        self._labels = set(self._served)

    @property
    def names(self) -> list[str]:
        """Names that are known without asking an upstream."""
        return list(self._served)

    def find(self, name: str | None) -> Served:
        """What a request means.

        Args:
            name: The request's `model`.

        Raises:
            ApiError: There is no such model.
        """
        name = name or self._default or ""
        served = self._served.get(name)
        if served is not None:
            return served
        if not self.open_to_all:
            raise no_model(name, self._served)
        return Served(name, tuple(Target(upstream, name) for upstream in self.open_to_all))

    def label(self, name: str) -> str:
        """The name for metrics, of which there are never too many, whatever clients write."""
        if name in self._labels or not name:
            return name
        if len(self._labels) < _MOST_LABELS:
            self._labels.add(name)
            return name
        return "other"
