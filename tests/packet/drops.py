# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The recorder of drops of the node under test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import drop_layout as layout
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import reasons
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses

if TYPE_CHECKING:
    from .node import Node

HOOKS = {hook.number: hook.name for hook in reasons.HOOKS}
REASONS = {verdict.number: verdict.name for verdict in reasons.VERDICTS}


@dataclass
class Drops:
    """What it has."""

    node: Node

    def reset(self) -> None:
        """Forget all, and give each CPU all of its budgets."""
        drops, budget = (self.node.tables[name] for name in ("drops", "drop_budget"))
        drops.delete(list(drops.items()))
        keys = (index.to_bytes(4, "little") for index in range(layout.DROP_BUDGETS))
        budget.update(dict.fromkeys(keys, bytes(32)))

    def records(self) -> list[dict[str, Any]]:
        """All records, the first one first, with words for numbers."""
        found = []
        for key, value in self.node.tables["drops"].items().items():
            row = {
                **layout.DROPS.key_row(key)._asdict(),
                **layout.DROPS.value_row(value)._asdict(),
            }
            row |= {
                "hook": HOOKS[row["hook"]],
                "reason": REASONS[row["reason"]],
                **{end: addresses.text(row[end]) for end in ("source", "destination")},
                **{
                    port: int.from_bytes(row[port], "big")
                    for port in ("source_port", "destination_port")
                },
                "head": row["head"][: row["captured"]],
            }
            found.append(row)
        return sorted(found, key=lambda row: int(row["first"]))

    def of(self, account: str) -> list[dict[str, Any]]:
        """Records on the account of a device."""
        return [one for one in self.records() if one["account"] == self.node.ifindex[account]]

    def counted(self) -> tuple[int, int]:
        """Packets that were not recorded, and records that others took the place of."""
        sums = self.node.tables["drop_budget"].sums().values()
        return sum(one[2] for one in sums), sum(one[3] for one in sums)
