"""Embedders: whatever turns texts into unit vectors. `protocol.py` says what each can do."""

from __future__ import annotations

from collections.abc import Sequence

from seekforge.core.config import Environment
from seekforge.core.errors import ModelError
from seekforge.core.progress import Progress
from seekforge.engines.embed.protocol import Embedder, Prompts

E5, FAKE = "e5", "fake"


def open_embedder(
    text: str,
    environment: Environment,
    progress: Progress,
    *,
    prompts: Prompts | None = None,
    matryoshka: Sequence[int] = (),
) -> Embedder:
    """The embedder that a reference names.

    Args:
        text: `e5` (the packaged multilingual-e5-small), `fake`, a sentence-transformers folder or a hub id.
        environment: Knows the cache.
        progress: Is told what takes long.
        prompts: What is put before queries and passages, in place of what the model's folder says.
        matryoshka: Shorter dimensions that the model was trained for.

    Raises:
        ModelError: There is no such model, it is no embedder, or its library is not installed.
    """
    if text == FAKE:
        from seekforge.engines.embed.fake import FakeEmbedder

        return FakeEmbedder(matryoshka=matryoshka)
    if text == E5:
        from seekforge.engines.embed.e5 import E5Embedder

        if prompts is not None or matryoshka:
            raise ModelError("its prompts and its dimension are fixed", where=E5, mend="Leave those options out")
        return E5Embedder()
    from seekforge.core.models import resolve
    from seekforge.engines.embed.sentence_transformers import SentenceTransformersEmbedder
    from seekforge.engines.weights import hf_folder

    ref = resolve(text)
    if ref.kind == "gguf":
        raise ModelError("a GGUF file is no embedder here", where=text, mend="Give `e5`, a folder or a hub id")
    folder = hf_folder(ref, environment, progress)
    return SentenceTransformersEmbedder(folder, prompts=prompts, matryoshka=matryoshka)
