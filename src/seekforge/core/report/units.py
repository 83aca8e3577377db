"""How numbers, times and texts of a report are written for people."""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from numbers import Real
from typing import Final

NOT_MEASURED: Final = "not measured"
_SIGNS: Final = {">=": "≥", "<=": "≤", "==": "=", "=": "=", "!=": "≠", "<": "<", ">": ">"}
_RULE: Final = re.compile(r"\s*(>=|<=|==|!=|=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


def number(value: object) -> float | None:
    """Return a real number as a float; anything else (None, NaN, a flag, a text) is None."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    found = float(value)
    return None if math.isnan(found) else found


def finite(value: object) -> float | None:
    """Return a number that can be drawn: like `number`, without the infinities."""
    found = number(value)
    return None if found is None or math.isinf(found) else found


def significant(value: float, digits: int = 4) -> str:
    """Write a number with at least `digits` significant digits, whole numbers in full."""
    if value.is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    if not 1e-6 <= abs(value) < 1e15:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(value: float, extra: int) -> str:
    """Write a size or a time: few decimals when large, three digits when small."""
    if abs(value) >= 1:
        return f"{value:,.{(1 if abs(value) >= 10 else 2) + extra}f}"
    return significant(value, 3 + extra)


def _fraction(value: float, extra: int) -> str:
    decimals = (2 if 0 < abs(value) < 0.01 else 1) + extra
    text = f"{100 * value:.{decimals}f}"
    # 0.9999 must not read as 100.0 %, nor 0.0001 as 0.0 %: a promise of "all" or "none" hangs on the difference.
    while decimals < 8 and value not in (0.0, 1.0) and float(text) in (0.0, 100.0):
        decimals += 1
        text = f"{100 * value:.{decimals}f}"
    return f"{text} %"


_FORMATS: Final[dict[str, Callable[[float, int], str]]] = {
    "ratio": lambda value, extra: f"{value:,.{(3 if abs(value) < 10 else 1) + extra}f}×",
    "fraction": _fraction,
    "points": lambda value, extra: f"{value:+.{1 + extra}f} points",
    "bytes": lambda value, extra: f"{_scaled(value / 1e6, extra)} MB",
    "seconds": lambda value, extra: f"{_scaled(value, extra)} s",
    "tokens/s": lambda value, extra: f"{value:,.{1 + extra}f} tokens/s",
    "score": lambda value, extra: f"{value:,.{1 + extra}f}",  # BLEU and its like, of 100
    "perplexity": lambda value, extra: significant(value, 4 + extra),
    "p": lambda value, extra: significant(value, 2 + extra),
    "count": lambda value, extra: significant(value, 4 + extra),
}


def format_value(value: object, unit: object = None, extra: int = 0) -> str:
    """Write a measured value with its unit.

    Args:
        value: A number; None and NaN read as "not measured".
        unit: The unit's name in the report, such as "fraction" or "bytes".
        extra: How many decimals to add to the usual ones.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value:
        return value
    found = number(value)
    if found is None:
        return NOT_MEASURED
    name = str(unit or "")
    if math.isinf(found):
        text = f"{'∞' if found > 0 else '-∞'} {name}".rstrip()
    elif name in _FORMATS:
        text = _FORMATS[name](found, extra)
    else:
        text = f"{significant(found, 4 + extra)} {name}".rstrip()
    return f"−{text[1:]}" if text.startswith("-") else text


def against_rule(value: object, unit: object, rule: object) -> tuple[str, str]:
    """Write a gate's value and its rule in the same unit, with decimals enough to tell them apart."""
    match = _RULE.fullmatch(str(rule or ""))
    if match is None:
        return format_value(value, unit), str(rule or "")
    bound, measured = float(match[2]), number(value)
    shown, limit = format_value(value, unit), format_value(bound, unit)
    for extra in range(7):
        shown, limit = format_value(value, unit, extra), format_value(bound, unit, extra)
        if shown != limit or measured in (None, bound):
            break
    return shown, f"{_SIGNS[match[1]]} {limit.removeprefix('+')}"


def duration(value: object) -> str:
    """Write a length of time as people say it: "4.2 s", "8 min 32 s", "2 h 5 min"."""
    seconds = finite(value)
    if seconds is None:
        return NOT_MEASURED
    if seconds < 60:
        return format_value(seconds, "seconds")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(value: object) -> datetime | None:
    """Read a point in time, or None where there is none to read."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found


def period(started: object, finished: object) -> str:
    """Write when a run began and ended: "23 November 2026, 21:30 to 21:38 UTC"."""
    start, end = moment(started), moment(finished)
    if start is None:
        return str(started or "")
    zone = " UTC" if start.tzinfo else ""
    text = f"{start.day} {start:%B %Y, %H:%M}"
    if end is None or bool(end.tzinfo) != bool(start.tzinfo):
        return text + zone
    day = "" if end.date() == start.date() else f"{end.day} {end:%B %Y}, "
    return f"{text} to {day}{end:%H:%M}{zone}"


def plain(value: object) -> str:
    """Write a setting, whatever its type."""
    if value is None:
        return "none"
    if isinstance(value, bool | str) or number(value) is not None:
        return format_value(value) if value != "" else "empty"
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value) or "none"
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


_NAMES: Final = {
    "bleu": "BLEU",
    "chrf": "chrF2",
    "distinct1": "Distinct-1",
    "distinct2": "Distinct-2",
    "ece": "Calibration error (ECE)",
    "f1": "F1",
    "macro f1": "Macro-F1",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
}


def label(name: object) -> str:
    """Turn a key such as "exact_match" into words, "Exact match"; metrics have their own names."""
    text = str(name or "").replace("_", " ").strip()
    return _NAMES.get(text) or text[:1].upper() + text[1:]


def token(value: object) -> str:
    """Write a token so that its blanks can be seen: " HOLD" reads "␣HOLD"."""
    return str(value if value is not None else "").replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def clip(value: object, limit: int = 600) -> str:
    """Shorten a long text and say by how much."""
    text = str(value if value is not None else "").strip()
    left = len(text) - limit
    # Cutting a few characters off would take more room to explain than to show.
    return text if left <= 40 else f"{text[:limit].rstrip()} … ({left:,} more characters)"
