# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node's maps hold of policies, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..text import tables
from .wanted import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Found = Mapping[str, Any]
    Row = Sequence[object]


def render(found: Found) -> str:
    """Return everything that :func:`info.gather` found."""
    parts = (policy_list, rule_list, drop_list, pod_list, map_list)
    return "\n\n".join("\n".join(lines) for lines in (part(found) for part in parts) if lines)


def policy_list(found: Found) -> list[str]:
    """Lines of policies, and the pods that each selects."""
    rows: list[Row] = [
        (
            one["name"],
            "audit" if one["audit"] else "enforced",
            *(tables.first(one[way]) or None for way in DIRECTIONS),
        )
        for one in found["policies"]
    ]
    return _table(("Policy", "Mode", "Ingress of", "Egress of"), rows)


def rule_list(found: Found) -> list[str]:
    """Lines of rules, and what each let through."""
    rows: list[Row] = [
        (rule["name"], rule.get("packets"), rule.get("bytes"))
        for one in found["policies"]
        for rule in one["rules"]
    ]
    return _table(("Rule", "Packets", "Bytes"), rows)


def drop_list(found: Found) -> list[str]:
    """Lines of sets, and what none of their rules let through."""
    rows: list[Row] = [
        (
            one["direction"],
            tables.first(one["policies"]),
            len(one["pods"]),
            one["entries"],
            one["dropped"]["packets"],
            one["would_drop"]["packets"],
        )
        for one in found["sets"]
    ]
    heads = ("Direction", "Isolating policies", "Pods", "Entries", "Dropped", "Would drop")
    return _table(heads, rows)


def pod_list(found: Found) -> list[str]:
    """Lines of the pods that are isolated or audited."""
    rows: list[Row] = [
        (
            one["name"],
            one["ip"],
            *(tables.first(one[way]) or None for way in DIRECTIONS),
            tables.first(list(dict.fromkeys(one["audit_ingress"] + one["audit_egress"]))) or None,
        )
        for one in found["pods"]
    ]
    return _table(("Pod", "Address", "Ingress", "Egress", "Audited"), rows)


def map_list(found: Found) -> list[str]:
    """Lines of maps and their use."""
    return _table(
        ("Map", "Used", "Size"),
        [(one["name"], one["used"], one["size"]) for one in found["maps"]],
    )


def _table(heads: Row, rows: Iterable[Row]) -> list[str]:
    return tables.table([str(head) for head in heads], rows, indent=0, gap=3)
