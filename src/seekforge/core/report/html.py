"""Renders a run's report as one self-contained HTML page.

The page holds its own style and drawings and nothing else: no script, and no address it would fetch from, which its
content security policy also forbids. Every text in a report may come from a user's data, so the template escapes all of
it, and class names are chosen from fixed sets, never taken from the report.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from seekforge.core.report.contamination import contamination
from seekforge.core.report.data import data
from seekforge.core.report.evaluation import comparison
from seekforge.core.report.search import search
from seekforge.core.report.sections import View, compress, mapping, mappings, parity, serve, train
from seekforge.core.report.units import against_rule, duration, finite, format_value, period

_STATUSES: Final = {"ran": "ran", "reused": "reused", "resumed": "resumed"}
_TITLES: Final = {
    "flow": "The flow",
    "gates": "Gates",
    "before-after": "Before and after",
    "contamination": "Test against training",
    "data": "Data",
    "training": "Training",
    "search": "Search",
    "compression": "Compression",
    "parity": "Parity",
    "serving": "Serving",
    "measurements": "Every measurement",
    "lineage": "Lineage",
    "next": "What next",
}
# The page's section: the stage whose details it shows, and what reads them.
_SECTIONS: Final[Mapping[str, tuple[str, Callable[[Mapping[str, Any]], View | None]]]] = {
    "before-after": ("evaluate", comparison),
    "contamination": ("evaluate", contamination),
    "data": ("data", data),
    "training": ("train", train),
    "search": ("search", search),
    "compression": ("compress", compress),
    "parity": ("parity", parity),
    "serving": ("serve", serve),
}


@cache
def environment(*folders: Path) -> Environment:
    """Where templates are found, in further folders first, and how they are filled in: every text is escaped."""
    loader = FileSystemLoader([*folders, Path(__file__).parent])
    # Escaping is set outright: Jinja's usual choice goes by file name, and would leave a ".j2" unescaped.
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: "" if value is None else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _verdict(verdict: object, gates: list[View]) -> View:
    total, failed = len(gates), sum(1 for gate in gates if not gate["passed"])
    of_gates = f"of {total} gate{'' if total == 1 else 's'}"
    if verdict not in ("passed", "failed"):
        # A run that stopped early is never shown as a success, and a gate that failed before it stopped still shows.
        if failed:
            return {"kind": "fail", "text": "Unfinished", "note": f"{failed} {of_gates} reached so far failed."}
        note = f"{total} {of_gates} reached so far passed." if total else ""
        return {"kind": "open", "text": "Unfinished", "note": note}
    if failed:
        return {"kind": "fail", "text": f"{failed} {of_gates} failed", "note": ""}
    if verdict == "failed":
        note = "Every gate that was measured passed; the run itself was marked as failed." if total else ""
        return {"kind": "fail", "text": "Failed", "note": note}
    if not total:
        return {"kind": "open", "text": "Finished", "note": "No gates were set, so nothing was promised."}
    return {"kind": "pass", "text": f"All {total} gates passed" if total > 1 else "The one gate passed", "note": ""}


def hardware_line(hardware: Mapping[str, Any]) -> str:
    """The machine in one line, from `core.hardware.describe`."""
    cores, memory = finite(hardware.get("cores")), finite(hardware.get("memory_gib"))
    parts = [
        str(hardware.get("cpu") or ""),
        f"{cores:g} core{'' if cores == 1 else 's'}" if cores is not None else "",
        f"{memory:g} GiB memory" if memory is not None else "",
        str(hardware["gpu"] or "no GPU") if "gpu" in hardware else "",
        str(hardware.get("system") or ""),
        f"Python {hardware['python']}" if hardware.get("python") else "",
    ]
    return ", ".join(part for part in parts if part)


def _facts(report: Mapping[str, Any]) -> list[View]:
    versions = ", ".join(f"{name} {version}" for name, version in mapping(report.get("versions")).items())
    seconds = finite(report.get("seconds"))
    facts = [
        ("When", period(report.get("started"), report.get("finished")), False),
        ("How long", "" if seconds is None else duration(seconds), False),
        ("Hardware", hardware_line(mapping(report.get("hardware"))), False),
        ("Versions", versions, False),
        ("Run", str(report.get("id") or ""), True),
        ("Command", str(report.get("command") or ""), True),
    ]
    return [{"name": name, "text": text, "code": code} for name, text, code in facts if text]


def _gates(report: Mapping[str, Any]) -> list[View]:
    gates = []
    for gate in mappings(report.get("gates")):
        value, rule = against_rule(gate.get("value"), gate.get("unit"), gate.get("rule"))
        gates.append(
            {
                "name": gate.get("name"),
                "title": gate.get("title") or gate.get("name"),
                "stage": gate.get("stage"),
                # Only a gate that says it passed has passed: one without a result kept no promise.
                "passed": gate.get("passed") is True,
                "value": value,
                "rule": rule,
                "raw_rule": gate.get("rule"),
                "how": gate.get("how"),
                "advice": gate.get("advice"),
            }
        )
    return sorted(gates, key=lambda gate: bool(gate["passed"]))


def _flow(stages: list[Mapping[str, Any]], gates: list[View]) -> list[View]:
    boxes = []
    for stage in stages:
        results = [gate["passed"] for gate in gates if gate["stage"] == stage.get("name")]
        status, seconds = stage.get("status"), finite(stage.get("seconds"))
        boxes.append(
            {
                "name": stage.get("name"),
                "kind": _STATUSES.get(str(status), "missing"),
                "status": status or "not reached",
                "seconds": "" if seconds is None else duration(seconds),
                "summary": stage.get("summary"),
                "hash": str(mapping(stage.get("artifact")).get("content_hash") or "")[:12],
                "gates": len(results),
                "failed": results.count(False),
            }
        )
    return boxes


def _measurements(stages: list[Mapping[str, Any]]) -> list[View]:
    groups = []
    for stage in stages:
        rows = [
            {"value": format_value(row.get("value"), row.get("unit"))}
            | {key: row.get(key) for key in ("name", "unit", "how", "where")}
            for row in mappings(stage.get("measurements"))
        ]
        if rows:
            groups.append({"stage": stage.get("name"), "rows": rows})
    return groups


def _depth(key: str, parents: Mapping[str, list[str]], above: frozenset[str] = frozenset()) -> int:
    """Count the artifacts above one; a hash already above itself ends the count, so a loop cannot hang the page."""
    known = [parent for parent in parents.get(key, []) if parent in parents and parent not in above | {key}]
    return 1 + max(_depth(parent, parents, above | {key}) for parent in known) if known else 0


def _lineage(stages: list[Mapping[str, Any]]) -> list[View]:
    artifacts = [found for stage in stages if (found := mapping(stage.get("artifact")))]
    hashes = [str(artifact.get("content_hash") or "") for artifact in artifacts]
    given = [artifact.get("parents") for artifact in artifacts]
    parents = [[str(parent) for parent in some] if isinstance(some, list | tuple) else [] for some in given]
    tree = {key: above for key, above in zip(hashes, parents, strict=True) if key}
    names = {key: artifact.get("path") for key, artifact in zip(hashes, artifacts, strict=True)}
    return [
        {
            "path": artifact.get("path"),
            "kind": artifact.get("kind"),
            "hash": key,
            "depth": min(_depth(key, tree), 8),
            "parents": [{"path": names.get(parent), "hash": parent[:12]} for parent in above],
        }
        for artifact, key, above in zip(artifacts, hashes, parents, strict=True)
    ]


def render(report: Mapping[str, Any]) -> str:
    """Render a run's report as one HTML page that needs nothing but itself.

    Args:
        report: The content of the run's report.json. Sections it holds nothing for are left out, and keys it should
            not have are ignored.

    Returns:
        The page, in text that can be written as UTF-8.
    """
    stages, gates = mappings(report.get("stages")), _gates(report)
    details = {str(stage.get("name")): mapping(stage.get("details")) for stage in stages}
    some = report.get("next")
    views: View = {
        "flow": _flow(stages, gates),
        "gates": gates,
        **{key: build(details.get(stage, {})) for key, (stage, build) in _SECTIONS.items()},
        "measurements": _measurements(stages),
        "lineage": _lineage(stages),
        "next": [str(step) for step in some] if isinstance(some, list | tuple) else [],
    }
    template = environment().get_template("template.html.j2")
    page = template.render(
        recipe=report.get("recipe") or "Run report",
        description=report.get("description"),
        verdict=_verdict(report.get("verdict"), gates),
        facts=_facts(report),
        views=views,
        sections=[(key, title) for key, title in _TITLES.items() if views[key]],
        titles=_TITLES,
    )
    # A model can emit half of a surrogate pair; one of them must not keep the whole page from being written.
    return page.encode("utf-8", "replace").decode("utf-8")
