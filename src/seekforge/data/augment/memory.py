"""What was paid for is kept: answers by the hash of what was asked, on disk as soon as each has come."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from seekforge.core.errors import EngineError
from seekforge.core.files import sha256_json
from seekforge.engines.chat.protocol import Heard, Reply

FILE = "answers.sqlite"
_DEAD = 8  # when so many texts and all of them find nobody, nobody is there any more
Ask = Callable[[Sequence[str], Heard], list[Reply]]


class Answers:
    """A file of answers; after kill -9 everything that had been put is there.

    Args:
        folder: Where the file lies; None keeps the answers in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        # An endpoint's answers may come in a thread of its own, but never in two at once.
        self._base = sqlite3.connect(
            ":memory:" if folder is None else folder / FILE, timeout=60, isolation_level=None, check_same_thread=False
        )
        # Write-ahead with NORMAL: a commit survives the process, and costs no wait for the disk.
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        self._base.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT NOT NULL)")

    def get(self, key: str) -> str | None:
        """The answer, if it is there."""
        row = self._base.execute("SELECT text FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, text: str) -> None:
        """Keeps an answer."""
        self._base.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, text))

    def __len__(self) -> int:
        """How many there are."""
        return int(self._base.execute("SELECT count(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        """Closes the file."""
        self._base.close()


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
