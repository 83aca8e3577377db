"""Tables for the terminal."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence

from seekforge.core.gates import Verdict
from seekforge.core.report.units import format_value

_NARROWEST, _WIDEST = 60, 110  # columns
_NAME = 16  # of them, a row's name keeps at least so many


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table as text, as wide as the terminal at most; the columns with the given indices are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        # The first column names the row: it is the last to be broken where the terminal is narrow.
        widest = max((len(row[index]) for row in rows), default=0) if index == 0 else 0
        grid.add_column(
            column, justify="right" if index in numbers else "left", overflow="fold", min_width=min(widest, _NAME)
        )
    for row in rows:
        grid.add_row(*row)
    stream = io.StringIO()
    width = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))
    console = Console(file=stream, width=width, no_color=True, highlight=False, markup=False)
    if title:
        console.print(title)  # not the table's own: it would be folded to a narrow table's width
    console.print(grid)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def gate_table(verdicts: Sequence[Verdict]) -> str:
    """PASS or FAIL, what was promised, what was measured."""
    if not verdicts:
        return "no gates in this recipe"
    passed = sum(verdict.passed for verdict in verdicts)
    rows = [("PASS" if v.passed else "FAIL", v.title, format_value(v.value, v.unit), v.rule, v.name) for v in verdicts]
    title = f"gates: {passed} of {len(verdicts)} passed"
    return table(title, ("", "promise", "measured", "rule", "measurement"), rows, numbers=(2, 3))
