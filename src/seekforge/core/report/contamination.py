"""What the report shows of a test's contamination: how much of it, and the pairs that prove it."""

from collections.abc import Mapping
from typing import Any

from seekforge.core.report.sections import View, mapping, mappings
from seekforge.core.report.units import clip, finite, format_value

_HOW = {"exact": "the same question", "near": "nearly the same question", "runs": "quoted in training"}


def contamination(details: Mapping[str, Any]) -> View | None:
    """Test records that the training data gave away, each beside the training record that did."""
    found = mapping(details.get("contamination"))
    tests, count = finite(found.get("tests")), finite(found.get("contaminated"))
    if tests is None or count is None:
        return None
    examples = [
        {
            "how": _HOW.get(str(row.get("how")), row.get("how")),
            "share": format_value(row.get("share"), "fraction"),
            "test": row.get("test"),
            "train": row.get("train"),
            "question": clip(row.get("question"), 400),
            "trained": clip(row.get("trained"), 400),
            "answer_too": row.get("answer_too") is True,
        }
        for row in mappings(found.get("examples"))
    ]
    of = f"{format_value(count, 'count')} of {format_value(tests, 'count')} test records"
    looked = f"{format_value(found.get('trained'), 'count')} training records were looked through"
    return {"text": of, "note": looked, "examples": examples, "more": int(count) - len(examples)}
