# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the programs of a node have dropped of the test's pods, out of the recorder of drops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..drops import records, report
from . import items

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def since(began: float, addresses: Collection[str]) -> list[dict[str, Any]]:
    """Return the records of drops since a time of packets from or to addresses, the latest first.

    Those of the test's own policies are ``expected``.

    :param began: seconds since 1970 by the node's clock.
    """
    begun = records.at(began)
    return [
        {**record, "line": report.line(record), "expected": _is_expected(record)}
        for record in records.read()
        if record["last"] >= begun
        and {record["source"], record["destination"]}.intersection(addresses)
    ]


def _is_expected(record: Mapping[str, Any]) -> bool:
    return any(str(policy).startswith(items.NAMESPACE) for policy in record["policies"])
