# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The flows that a node holds, read from its map past the modules; and halves taken from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import clock, nat_layout
from ansible_collections.podnet.fabric.plugins.module_utils.nat.flows import is_over

from tests.services.maps import entries, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster.cluster import Cluster

TABLE = nat_layout.NAT
TCP, UDP = 6, 17


class Half(NamedTuple):
    """One entry: how a packet comes, as what it goes on."""

    key: dict[str, Any]
    value: dict[str, Any]

    @property
    def out(self) -> bool:
        """Whether it is of what the pod sends."""
        return not self.value["flags"] & nat_layout.NAT_REVERSE

    @property
    def closing(self) -> bool:
        """Whether the connection was closed."""
        return bool(self.value["flags"] & nat_layout.NAT_CLOSING)

    @property
    def over(self) -> bool:
        """Whether nothing of the flow may pass any more."""
        idle = clock.elapsed(clock.now(), self.value["used"])
        return is_over(self.key["protocol"], self.value["flags"], idle)

    @property
    def addresses(self) -> set[str]:
        """All that it names."""
        words = ("source", "destination")
        return {str(part[word]) for part in (self.key, self.value) for word in words}


def halves(cluster: Cluster, node: str) -> list[Half]:
    """Return the entries of flows that are masqueraded."""
    return [
        Half(key, value)
        for key, value in entries(cluster, node, TABLE)
        if value["flags"] & nat_layout.NAT_MASQUERADE
    ]


def forget(cluster: Cluster, node: str, which: Callable[[Half], bool]) -> int:
    """Delete the entries for which the function holds; return how many there were."""
    found = [half for half in halves(cluster, node) if which(half)]
    with opened(cluster, node, TABLE) as table:
        table.delete([TABLE.pack_key(**half.key) for half in found])
    return len(found)


def rest(cluster: Cluster, node: str, which: Callable[[Half], bool], seconds: int = 2) -> None:
    """Make it that entries were not used for so long; those that get lost are no new ones."""
    found = [half for half in halves(cluster, node) if which(half)]
    with opened(cluster, node, TABLE) as table:
        for key, value in found:
            earlier = {**value, "used": (value["used"] - seconds * 10**9) % (1 << 64)}
            table.update({TABLE.pack_key(**key): TABLE.pack_value(**earlier)})
