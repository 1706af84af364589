# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who reaches whom in a cluster: a verdict, what does not come back, and a line a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text.tables import line, table
from .problems import ROWS, folded, more, verdict, whose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    #: By the name of a node that probed: what M(podnet.fabric.health_info) returned as ``nodes``.
    Probes = Mapping[str, Sequence[Mapping[str, Any]]]

_HEADS = ("From", "Reaches", "ICMP to host", "HTTP", "ICMP to endpoint", "HTTP")
_SIDES = ("host", "endpoint")
_KINDS = {"icmp": "ICMP", "http": "HTTP"}


def summary(probes: Probes, failures: Mapping[str, str]) -> dict[str, Any]:
    """Return the verdict on the probes, for machines.

    :param failures: by its name, why a node did not probe.
    """
    targets = _targets(probes)
    unreached = {
        name: [probe["name"] for probe in found if any(_failed(probe))]
        for name, found in probes.items()
    }
    missed = {name for names in unreached.values() for name in names}
    problems = folded(failures.items(), len(probes) + len(failures))
    problems += _unreached(probes)
    return {
        "ok": not problems,
        "problems": problems,
        "reachable": len([name for name in targets if name not in missed]),
        # Where nobody probed, nobody said who there is.
        "total": len(targets) or len(failures),
        "unreached": {name: names for name, names in unreached.items() if names},
    }


def _targets(probes: Probes) -> list[str]:
    return list(dict.fromkeys(probe["name"] for found in probes.values() for probe in found))


def _failed(probe: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the address and the kind of each probe that did not come back, and why."""
    for side in _SIDES:
        for kind, word in _KINDS.items():
            if side in probe and not probe[side][kind]["ok"]:
                yield f"{side} {probe[side]['address']}", word, probe[side][kind]["error"]


def _unreached(probes: Probes) -> list[str]:
    """Return a line for each address that some do not reach, and not for each that does not."""
    by: dict[tuple[str, str], list[str]] = {}
    for name, found in probes.items():
        for probe in found:
            said: dict[str, list[str]] = {}
            for address, word, error in _failed(probe):
                said.setdefault(address, []).append(f"{word}: {error}")
            for address, errors in said.items():
                what = f"{probe['name']}: {address} is not reached"
                by.setdefault((what, "; ".join(errors)), []).append(name)
    count = len(probes)
    return [f"{what} from {whose(names, count)}: {why}" for (what, why), names in by.items()]


def render(probes: Probes, failures: Mapping[str, str], *, verbose: bool = False) -> str:
    """Return the report on the probes of a cluster, many lines.

    :param verbose: with every node of a large cluster.
    """
    found = summary(probes, failures)
    rows = [_row(name, probed, found["unreached"].get(name, [])) for name, probed in probes.items()]
    left = len(rows) - ROWS
    if left > 0 and not verbose:
        rows = sorted(rows, key=lambda row: row[0] not in found["unreached"])[:ROWS]
    return "\n".join(
        [
            line("Cluster health", f"{found['reachable']}/{found['total']} reachable"),
            line("Verdict", verdict(found["problems"])),
            *(f"  {problem}" for problem in found["problems"]),
            *(["Slowest answers, RTT:", *table(_HEADS, rows)] if rows else []),
            *more(left, verbose=verbose),
        ]
    )


def _row(
    name: str, probed: Sequence[Mapping[str, Any]], unreached: Sequence[str]
) -> tuple[str, ...]:
    slowest = [
        _slowest([probe[side][kind]["rtt"] for probe in probed if side in probe])
        for side in _SIDES
        for kind in _KINDS
    ]
    return (name, f"{len(probed) - len(unreached)}/{len(probed)}", *slowest)


def _slowest(seconds: Sequence[float | None]) -> str:
    """Return the slowest of some answers; ``-`` where nothing came back."""
    came = [one for one in seconds if one is not None]
    return f"{max(came) * 1000:.2f} ms" if came else "-"
