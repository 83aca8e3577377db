"""Asks for what is not yet known, and keeps what was answered (`core/answers.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seekforge.core.answers import FILE as FILE
from seekforge.core.answers import Answers as Answers
from seekforge.core.errors import EngineError
from seekforge.core.files import sha256_json
from seekforge.engines.chat.protocol import Heard, Reply

_DEAD = 8  # when so many texts and all of them find nobody, nobody is there any more
Ask = Callable[[Sequence[str], Heard], list[Reply]]


def remembered(answers: Answers, what: Sequence[str], texts: Sequence[str], ask: Ask) -> list[Reply]:
    """Asks for what is not yet known, each different text once; failures are not kept.

    Args:
        answers: What is known.
        what: All that an answer depends on besides the text: who is asked, and for what.
        texts: What to ask about.
        ask: Asks, and says each answer as it comes.

    Raises:
        EngineError: Whoever answers is gone: not one of many texts got through. What was answered stays kept.
    """
    keys = {text: sha256_json([*what, text]) for text in texts}
    known: dict[str, Reply] = {}
    for text, key in keys.items():
        if (answer := answers.get(key)) is not None:
            known[text] = Reply(answer)
    missing = [text for text in keys if text not in known]

    def heard(index: int, reply: Reply) -> None:
        if not reply.failure:
            answers.put(keys[missing[index]], reply.text)

    replies = ask(missing, heard) if missing else []
    if len(replies) >= _DEAD and all(reply.gone for reply in replies):
        raise EngineError(
            f"no answer to any of {len(replies)} texts ({replies[0].failure})",
            where=what[0],
            mend="Mend that and run again: what was answered before is kept",
        )
    known.update(zip(missing, replies, strict=True))
    return [known[text] for text in texts]
