# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What nodes count: packets by verdict and reason, who talks most, and how full maps are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cut import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Statuses = Mapping[str, Mapping[str, Any]]

#: Flows that are shown at once, and those that are shown at all; nodes of a reason.
FIRST, FLOWS, NODES = 10, 50, 12
#: Maps that are shown at once, where none is minded.
MAPS = 6
#: A bar of the page is so long.
BAR = 100
#: Kinds of maps of which each entry is there from the beginning: they cannot fill.
_FIXED = ("array", "percpu_array", "prog_array", "queue")
#: From which part of its room on a map is minded, and is bad.
_MINDED, _BAD = 0.75, 0.9


def packets(statuses: Statuses) -> dict[str, Any] | None:
    """Return ``forwarded`` and ``dropped`` packets by verdict, the most first; None: nobody said.

    Each has ``name``, ``what``, ``packets``, ``bytes``, ``bar``, ``hooks`` and ``nodes``.
    """
    if not statuses:
        return None
    recorders = [one["recorder"] for one in statuses.values()]
    found = {word: _by_verdict(statuses, key) for key, word in _COUNTED.items()}
    return {
        **found,
        **{f"{word}_packets": sum(row["packets"] for row in rows) for word, rows in found.items()},
        "unrecorded": sum(one.get("unrecorded") or 0 for one in recorders),
    }


_COUNTED = {"forwarded": "forwarded", "drops": "dropped"}


def _by_verdict(statuses: Statuses, key: str) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for node, status in statuses.items():
        for count in status[key]:
            nothing = {"name": count["verdict"], "what": count["what"], "packets": 0, "bytes": 0}
            row = rows.setdefault(count["verdict"], {**nothing, "hooks": {}, "nodes": {}})
            row["packets"] += count["packets"]
            row["bytes"] += count["bytes"]
            for kind, name in (("hooks", count["hook"]), ("nodes", node)):
                row[kind][name] = row[kind].get(name, 0) + count["packets"]
    most = max((row["packets"] for row in rows.values()), default=0)
    return [
        {
            **row,
            "bytes": size(row["bytes"]),
            "bar": _bar(row["packets"], most),
            "hooks": sorted(row["hooks"]),
            "nodes": cut(sorted(row["nodes"].items(), key=lambda pair: -pair[1]), NODES),
        }
        for row in sorted(rows.values(), key=lambda row: -row["packets"])
    ]


def _bar(value: float, most: float) -> float:
    """Return the length of a bar; what is there at all can be seen."""
    return max(1.0, round(BAR * value / most, 1)) if value else 0.0


def size(octets: int) -> str:
    """Return bytes as people read them."""
    number = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def flows(found: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the flows with the most bytes, ``shown`` and ``rest``; None where there are none.

    :param found: of all nodes, as M(podnet.fabric.flows_info) returns them. What two nodes have
        counted, both ends of it, is shown as the one that saw more has it.
    """
    seen: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for one in found:
        seen.setdefault(key := tuple(one[word] for word in _SAME), one)
        seen[key] = max(seen[key], one, key=_both_ways)
    rows = sorted(seen.values(), key=lambda one: -_both_ways(one))
    if not rows:
        return None
    most = _both_ways(rows[0])
    shown = [
        {
            "source": one["client_name"] or one["client"],
            "destination": one["server_name"] or one["server"],
            **{word: one[word] for word in ("protocol", "port", "verdict")},
            "packets": one["packets"] + one["back_packets"],
            "rtt": one["rtt"]["mean"] if one["rtt"] else None,
            "bytes": size(_both_ways(one)),
            "bar": _bar(_both_ways(one), most),
        }
        for one in rows[:FLOWS]
    ]
    return {"shown": shown[:FIRST], "rest": shown[FIRST:], "more": len(rows) - len(shown)}


#: What makes two nodes' flows one.
_SAME = ("client", "server", "protocol", "port")


def _both_ways(flow: Mapping[str, Any]) -> int:
    return int(flow["bytes"]) + int(flow["back_bytes"])


def maps(statuses: Statuses) -> dict[str, Any]:
    """Return the maps that can fill, each on the node where it is fullest, the fullest first.

    ``shown`` are the first of them, or all that are minded, ``rest`` the others. Each has ``name``,
    ``node``, ``used``, ``size``, ``share`` (a text), ``bar`` and ``state``; ``forgets`` says
    whether it makes room by itself.
    """
    fullest: dict[str, dict[str, Any]] = {}
    for node, status in statuses.items():
        for one in status["maps"]:
            if one["used"] is None or one["type"] in _FIXED or not one["size"]:
                continue
            part = one["used"] / one["size"]
            if one["name"] not in fullest or part > fullest[one["name"]]["part"]:
                fullest[one["name"]] = {**one, "node": node, "part": part}
    rows = [_map(one) for one in sorted(fullest.values(), key=lambda one: -one["part"])]
    count = max(MAPS, sum(row["state"] != "ok" for row in rows))
    return {"shown": rows[:count], "rest": rows[count:]}


def _map(one: Mapping[str, Any]) -> dict[str, Any]:
    part, forgets = one["part"], "lru" in one["type"]
    state = "ok" if forgets or part < _MINDED else "warn" if part < _BAD else "bad"
    share = f"{part:.0%}" if part >= 0.01 or not part else "<1%"
    return {
        **{word: one[word] for word in ("name", "node", "used", "size")},
        "share": share,
        "bar": _bar(part, 1),
        "state": state,
        "forgets": forgets,
    }
