"""Small recipes and an environment in a folder of the test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seekforge.core.config import Environment, Recipe

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def machine(tmp_path: Path, runs: Path) -> Environment:
    return Environment(runs=runs, cache=tmp_path / "cache", tracking_uri=f"sqlite:///{runs / 'mlflow.db'}")


@pytest.fixture
def recipe() -> MakeRecipe:
    """A recipe that is valid; keyword arguments replace its keys."""

    def make(**keys: object) -> Recipe:
        tree = {"name": "tiny", "model": "demo", "data": {"sources": [{"path": "x.jsonl"}]}, **keys}
        return Recipe.model_validate(tree)

    return make
