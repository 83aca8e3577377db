"""What every config model shares: frozen, unknown and missing keys named with the mend."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from seekforge.core.registry import nearest


class Config(BaseModel):
    """Base of all config models. Compose them; never inherit from one that has fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _name_the_key(cls, data: Any) -> Any:  # noqa: ANN401  whatever stood in the YAML
        if isinstance(data, dict):
            known = list(cls.model_fields)
            for key in data:
                if key not in known:
                    facts = {"key": str(key), "mend": nearest(str(key), known)}
                    raise PydanticCustomError("unknown_key", "unknown key '{key}'; {mend}", facts)
            for name, field in cls.model_fields.items():
                if field.is_required() and name not in data:
                    about = {"name": name, "about": field.description or ""}
                    raise PydanticCustomError("missing_key", "the key '{name}' is missing. {about}", about)
        return data
