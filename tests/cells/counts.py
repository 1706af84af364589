# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the programs of a node have counted, asked past the collection's own reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, reasons

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

VERDICTS = {verdict.number: verdict.name for verdict in reasons.VERDICTS}
HOOKS = {hook.number: hook.name for hook in reasons.HOOKS}


def counts(cluster: Cluster, node: str) -> dict[tuple[str, str], int]:
    """Packets by hook and verdict, less those of which there was none."""
    command = ("bpftool", "-j", "map", "dump", "pinned", layout.METRICS.pin)
    found = {}
    for entry in cluster.json(node, *command):
        index = layout.METRICS.unpack_key(_bytes(entry["key"]))["index"]
        each = [layout.METRICS.unpack_value(_bytes(cpu["value"])) for cpu in entry["values"]]
        if packets := sum(value["packets"] for value in each):
            hook, verdict = divmod(index, layout.VERDICTS)
            found[HOOKS[hook], VERDICTS[verdict]] = packets
    return found


def _bytes(words: list[str]) -> bytes:
    return bytes(int(word, 16) for word in words)
