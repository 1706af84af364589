# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the tables of a cluster to options of the module ``policy``: data that JSON carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .tables import RuleName, RuleSet, Tables


def of_cluster(held: Tables) -> dict[str, Any]:
    """Return what all nodes of a cluster hold: ``partition`` and ``classes``."""
    return {
        "partition": held.classes.number,
        "classes": {str(block): number for block, number in held.classes.entries.items()},
    }


def of_node(held: Tables, endpoints: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a node holds of its own pods: ``sets``, ``pods`` and ``rules``.

    :param endpoints: those of its slice.
    """
    isolated = [one for one in endpoints if one["name"] in held.pods]
    sets = held.of_node(one["name"] for one in isolated)
    used = {rule for each in sets.values() for rule in each.entries.values()}
    return {
        "sets": [_set(number, each) for number, each in sets.items()],
        "pods": [
            {
                "ip": one["ip"],
                "netns": one["netns"] or one["name"],
                **held.pods[one["name"]]._asdict(),
            }
            for one in isolated
        ],
        "rules": {str(rule): _name(held.rules[rule]) for rule in sorted(used & held.rules.keys())},
    }


def _set(number: int, each: RuleSet) -> dict[str, Any]:
    return {
        "number": number,
        "direction": each.direction,
        "policies": list(each.policies),
        "entries": [
            [
                entry.peers,
                entry.ports.word >> 24,
                entry.ports.word & 0xFFFF,
                entry.ports.length,
                rule,
            ]
            for entry, rule in each.entries.items()
        ],
    }


def _name(rule: RuleName) -> str:
    return f"{rule.policy} {rule.direction}[{rule.position}]"
