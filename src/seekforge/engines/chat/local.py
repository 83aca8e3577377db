"""A chat model in this process, by any batched generator (`engines/protocol.py`)."""

from __future__ import annotations

from collections.abc import Sequence

from seekforge.engines.chat.protocol import Heard, Reply, spoken, unheard
from seekforge.engines.protocol import Generator, Messages, Sampling


class LocalChat:
    """Asks a generator, all conversations at once.

    Args:
        generator: Renders, encodes and answers.
        sampling: How.
        model: What the user called it, for `name`.
    """

    def __init__(self, generator: Generator, sampling: Sampling, model: str) -> None:
        self._generator, self._sampling, self._model = generator, sampling, model

    @property
    def name(self) -> str:
        """Engine, model, sampling."""
        sampling = self._sampling
        return f"{self._generator.name} {self._model} t={sampling.temperature:g} n={sampling.max_new_tokens}"

    def check(self) -> None:
        """A generator that could be made can answer."""

    def ask(self, conversations: Sequence[Messages], heard: Heard = unheard) -> list[Reply]:
        """The answers, thoughts left out; one that was cut off counts as failed."""
        prompts = [self._generator.encode(self._generator.render(messages)) for messages in conversations]
        replies = []
        for index, answer in enumerate(self._generator.generate(prompts, self._sampling)):
            cut = answer.finish_reason == "length"
            failure = f"no end within {len(answer.token_ids)} tokens"
            reply = Reply(failure=failure, partial=answer.text) if cut else spoken(answer.text)
            heard(index, reply)
            replies.append(reply)
        return replies


def open_local(model: str, max_tokens: int = 512) -> LocalChat:
    """A chat model by its reference, through `transformers`, which always says the likeliest word.

    Args:
        model: `demo`, a folder or a hub id.
        max_tokens: Longest answer.

    Raises:
        ModelError: There is no such model, or it has no chat template.
    """
    from seekforge.core.config import environment
    from seekforge.core.models import resolve
    from seekforge.core.progress import Silent
    from seekforge.engines.transformers import TransformersEngine
    from seekforge.engines.weights import hf_folder

    folder = hf_folder(resolve(model), environment(), Silent())
    return LocalChat(TransformersEngine(folder), Sampling(max_new_tokens=max_tokens), model)
