# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who reaches whom: a row for each node that probed, a column for each that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Rows and columns that people can still read; nodes with a problem come first.
NODES = 24
_SIDES = {"host": "node", "endpoint": "health endpoint"}
_KINDS = {"icmp": "ICMP", "http": "HTTP"}


def shown(
    summary: Mapping[str, Any],
    probed: Mapping[str, Sequence[Mapping[str, Any]]],
    failures: Mapping[str, str],
) -> dict[str, Any]:
    """Return ``rows`` of cells, ``heads``, how many nodes are left out, and the slowest answer.

    A cell has ``state`` (``ok``, ``bad``, ``none``), ``text`` (the slowest answer in milliseconds)
    and ``title``, what each probe said.
    """
    found = {
        name: {probe["name"]: _cell(name, probe) for probe in probes}
        for name, probes in probed.items()
    }
    cells = [cell for row in found.values() for cell in row.values()]
    wrong = {*failures}
    for name, row in found.items():
        wrong |= {each for other, cell in row.items() if cell["state"] == "bad" for each in (name, other)}
    names = [node["name"] for node in summary["nodes"]]
    if len(names) > NODES:
        names = sorted(names, key=lambda name: name not in wrong)
    heads = names[:NODES]
    return {
        "heads": heads,
        "rows": [
            {
                "name": name,
                "failed": failures.get(name, ""),
                "cells": [found.get(name, {}).get(other, _nothing(name, other)) for other in heads],
            }
            for name in heads
        ],
        "more": len(names) - len(heads),
        "slowest": max((cell["slowest"] for cell in cells), default=None),
        "bad": sum(cell["state"] == "bad" for cell in cells),
        "probed": len(cells),
    }


def _nothing(name: str, other: str) -> dict[str, Any]:
    return {"state": "none", "text": "", "title": f"{name} did not probe {other}", "slowest": 0.0}


def _cell(name: str, probe: Mapping[str, Any]) -> dict[str, Any]:
    sides = [side for side in _SIDES if side in probe]
    answers = [probe[side][kind] for side in sides for kind in _KINDS]
    failed = sum(not one["ok"] for one in answers)
    slowest = max((one["rtt"] * 1000 for one in answers if one["rtt"] is not None), default=0.0)
    return {
        "state": "bad" if failed else "ok",
        "text": f"{failed}/{len(answers)}" if failed else f"{slowest:.2f}",
        "title": "\n".join([f"{name} to {probe['name']}", *_said(probe, sides)]),
        "slowest": slowest,
    }


def _said(probe: Mapping[str, Any], sides: Sequence[str]) -> Iterator[str]:
    for side in sides:
        for kind, word in _KINDS.items():
            one = probe[side][kind]
            said = f"{one['rtt'] * 1000:.2f} ms" if one["ok"] else one["error"]
            yield f"{word} to its {_SIDES[side]} {probe[side]['address']}: {said}"
