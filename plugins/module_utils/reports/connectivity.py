# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the connectivity test went on a whole cluster: for people, for JUnit, for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text.tables import line, table
from .problems import verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Said = Mapping[str, Mapping[str, Any]]

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
#: So many failures of a scenario are shown.
_SHOWN = 5
_HEADS = ("Scenario", "Result", "Actions", "Seconds", "")


def summary(
    names: Sequence[str],
    probed: Said,
    failures: Mapping[str, str],
    dropped: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    underlay: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return how each scenario went.

    :param names: the scenarios that were asked for, in the order of the report.
    :param probed: by host what M(podnet.fabric.connectivity_info) returned.
    :param failures: why hosts did not ask, by their names.
    :param dropped: by host the recorded drops that nobody expected; None: nobody has looked.
    :param underlay: what is in the way between nodes; None: nobody has looked.
    """
    results: dict[str, list[dict[str, Any]]] = {}
    for host, said in probed.items():
        for one in said["results"]:
            results.setdefault(one["scenario"], []).append({"host": host, **one})
    scenarios = []
    for name in names:
        if name == _DROPS and dropped is not None:
            found = [_drop(host, one) for host, all_ in dropped.items() for one in all_]
            scenarios.append(_of(name, found or [_silent(probed)], ""))
        elif name == _UNDERLAY and underlay is not None:
            found = [{**_EMPTY, "saw": sentence, "ok": False} for sentence in underlay]
            scenarios.append(_of(name, found or [{**_EMPTY, "ok": True}], ""))
        else:
            reasons = [
                said["left_out"][name] for said in probed.values() if name in said["left_out"]
            ]
            scenarios.append(
                _of(name, results.get(name, []), reasons[0] if reasons else "nobody asked")
            )
    counts = {
        word: sum(one["result"] == word for one in scenarios) for word in (PASSED, FAILED, SKIPPED)
    }
    failing = [f"{host}: {why}" for host, why in failures.items()]
    problems = [*failing, *(one for each in scenarios for one in each["failures"])]
    return {"ok": not problems, **counts, "scenarios": scenarios, "problems": problems}


_DROPS, _UNDERLAY = "no-unexpected-drops", "underlay"
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(("host", "source", "target", "command", "saw"), ""),
    "expected": "nothing in the way",
    "seconds": 0.0,
}


def _drop(host: str, one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_EMPTY,
        "host": host,
        "source": one["source"],
        "target": one["destination"],
        "command": "podnet.fabric.drops_info",
        "expected": "no drop",
        "saw": f"{one['packets']} dropped at {one['hook']}: {one['reason']} ({one['protocol']})",
        "ok": False,
    }


def _silent(probed: Said) -> dict[str, Any]:
    return {**_EMPTY, "host": ", ".join(probed), "expected": "no drop", "ok": True}


def _of(name: str, results: list[dict[str, Any]], reason: str) -> dict[str, Any]:
    failed = [one for one in results if not one["ok"]]
    result = FAILED if failed else PASSED if results else SKIPPED
    return {
        "name": name,
        "result": result,
        "reason": reason if result == SKIPPED else "",
        "actions": results,
        "failures": [f"{name}: {sentence(one)}" for one in failed],
        "seconds": round(max((one["seconds"] for one in results), default=0.0), 3),
    }


def sentence(one: Mapping[str, Any]) -> str:
    """Say what an action was, what it expected, and what it saw."""
    ends = " -> ".join(str(one[word]) for word in ("source", "target") if one[word])
    where = f"{one['host']}: " if one["host"] else ""
    asked = f"{ends} ({one['command']}): " if one["command"] else ""
    return f"{where}{asked}expected {one['expected']}, saw {one['saw'] or 'nothing'}"


def render(found: Mapping[str, Any]) -> list[str]:
    """Return the report: a verdict, a table, and what failed."""
    counts = ", ".join(f"{found[word]} {word}" for word in (PASSED, FAILED, SKIPPED))
    rows = []
    for one in found["scenarios"]:
        bad, count = len(one["failures"]), len(one["actions"])
        shown = f"{bad}/{count} failed" if bad else str(count)
        left = "" if one["result"] == SKIPPED else f"{one['seconds']:.2f}"
        rows.append((one["name"], one["result"], shown if count else "", left, one["reason"]))
    return [
        line("Connectivity test", counts),
        line("Verdict", verdict(found["problems"])),
        *(line("Problem", one) for one in _few(found)),
        *table(_HEADS, rows),
    ]


def failure(found: Mapping[str, Any]) -> str:
    """Say in a sentence what failed; empty: nothing did."""
    failed = [one["name"] for one in found["scenarios"] if one["result"] == FAILED]
    others = [one for one in found["problems"] if not _is_of(one, found)]
    if not found["problems"]:
        return ""
    of_all = f"{len(failed)} of {len(found['scenarios'])} scenarios failed: {', '.join(failed)}"
    return "; ".join([*others, *([of_all] if failed else [])]) + "."


def _few(found: Mapping[str, Any]) -> Iterable[str]:
    yield from (one for one in found["problems"] if not _is_of(one, found))
    for each in found["scenarios"]:
        yield from each["failures"][:_SHOWN]
        if len(each["failures"]) > _SHOWN:
            yield f"{each['name']}: … and {len(each['failures']) - _SHOWN} more of its actions"


def tested(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the scenarios as the page takes them (see ``page/scenarios.py``)."""
    return [
        {
            **{word: one[word] for word in ("name", "seconds", "reason")},
            "state": one["result"],
            "actions": [
                {
                    "name": " ".join(filter(None, (each["host"], each["source"], each["target"]))),
                    "seen": each["saw"],
                    **{word: each[word] for word in ("ok", "command", "expected")},
                }
                for each in one["actions"]
            ],
        }
        for one in found["scenarios"]
    ]


def junit(found: Mapping[str, Any]) -> str:
    """Return the report as JUnit XML: a test suite, and a test case for each scenario."""
    # Ansible imports all filters in every run, and this brings along half of the internet.
    from xml.sax.saxutils import escape, quoteattr  # noqa: PLC0415

    cases = []
    for one in found["scenarios"]:
        name, seconds = quoteattr(one["name"]), quoteattr(str(one["seconds"]))
        head = f'  <testcase classname="podnet.connectivity" name={name} time={seconds}'
        inside = ""
        if one["result"] == FAILED:
            text = "\n".join(one["failures"])
            inside = f"<failure message={quoteattr(one['failures'][0])}>{escape(text)}</failure>"
        elif one["result"] == SKIPPED:
            inside = f"<skipped message={quoteattr(one['reason'])}/>"
        said = "\n".join(sentence(each) for each in one["actions"])
        cases.append(f"{head}>{inside}<system-out>{escape(said)}</system-out></testcase>")
    others = [one for one in found["problems"] if not _is_of(one, found)]
    cases += [
        f'  <testcase classname="podnet.connectivity" name="hosts">'
        f"<error message={quoteattr(one)}/></testcase>"
        for one in others
    ]
    total = len(found["scenarios"]) + len(others)
    counts = (
        f'tests="{total}" failures="{found[FAILED]}" errors="{len(others)}" '
        f'skipped="{found[SKIPPED]}"'
    )
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<testsuite name="podnet.connectivity" {counts}>',
            *cases,
            "</testsuite>",
            "",
        ]
    )


def _is_of(problem: str, found: Mapping[str, Any]) -> bool:
    return any(problem in one["failures"] for one in found["scenarios"])
