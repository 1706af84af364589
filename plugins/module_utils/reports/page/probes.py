# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who reaches whom: a row for each node that probed, a column for each that was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    bad = {(name, one["name"]) for name, row in probed.items() for one in row if _failed(one)}
    wrong = {*failures, *(name for pair in bad for name in pair)}
    names = [node["name"] for node in summary["nodes"]]
    if len(names) > NODES:
        names = sorted(names, key=lambda name: name not in wrong)
    heads = names[:NODES]
    return {
        "heads": heads,
        "rows": [_row(name, heads, probed.get(name, ()), failures.get(name, "")) for name in heads],
        "more": len(names) - len(heads),
        "slowest": max((_slowest(one) for row in probed.values() for one in row), default=None),
        "bad": len(bad),
        "probed": sum(map(len, probed.values())),
    }


def _row(
    name: str, heads: Sequence[str], probes: Iterable[Mapping[str, Any]], failed: str
) -> dict[str, Any]:
    by_name = {one["name"]: one for one in probes}
    cells = [_cell(name, other, by_name.get(other)) for other in heads]
    return {"name": name, "failed": failed, "cells": cells}


def _answers(probe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [probe[side][kind] for side in _SIDES if side in probe for kind in _KINDS]


def _failed(probe: Mapping[str, Any]) -> int:
    return sum(not one["ok"] for one in _answers(probe))


def _slowest(probe: Mapping[str, Any]) -> float:
    """Return milliseconds, 0 where nothing came back."""
    return max(
        (one["rtt"] * 1000 for one in _answers(probe) if one["rtt"] is not None), default=0.0
    )


def _cell(name: str, other: str, probe: Mapping[str, Any] | None) -> dict[str, Any]:
    if probe is None:
        return {"state": "none", "text": "", "title": f"{name} did not probe {other}"}
    failed, count = _failed(probe), len(_answers(probe))
    return {
        "state": "bad" if failed else "ok",
        "text": f"{failed}/{count}" if failed else f"{_slowest(probe):.2f}",
        "title": "\n".join([f"{name} to {other}", *_said(probe)]),
    }


def _said(probe: Mapping[str, Any]) -> Iterator[str]:
    for side in (side for side in _SIDES if side in probe):
        for kind, word in _KINDS.items():
            one = probe[side][kind]
            said = f"{one['rtt'] * 1000:.2f} ms" if one["ok"] else one["error"]
            yield f"{word} to its {_SIDES[side]} {probe[side]['address']}: {said}"
