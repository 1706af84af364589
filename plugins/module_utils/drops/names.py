# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who addresses, devices and sets of policies are, as the node's kernel knows them now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..datapath import pinned
from ..datapath.layout import ALLOCATIONS, IPCACHE, NODE_ADDRESSES
from ..datapath.policy_layout import POLICY_AUDIT, POLICY_NAMES, POLICY_SET
from ..endpoints.wanted import KINDS
from ..engine import addresses, links, netlink
from ..names import parse_alias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Names:
    """What is known by what.

    :param devices: index -> name, and the endpoint whose device it is.
    :param pods: address -> endpoint of this node, or of another one as somebody said.
    :param nodes: address of a node, of the plan's -> the address by which it is known.
    :param blocks: by the bits that prefixes leave open, the longest prefix first: a prefix, as a
        number without those -> the address of the node that holds its pods.
    :param sets: number -> the policies of a set.
    """

    devices: Mapping[int, tuple[str, str | None]]
    pods: Mapping[str, str]
    nodes: Mapping[str, str]
    blocks: Mapping[int, Mapping[int, str]]
    sets: Mapping[int, Sequence[str]]

    def of(self, address: str | None) -> str | None:
        """Name an address: ``web-1``, ``pod of 10.0.0.9``, ``node 10.0.0.9``; None for all else."""
        if address is None:
            return None
        if address in self.pods:
            return self.pods[address]
        if address in self.nodes:
            return f"node {self.nodes[address]}"
        number = _number(address)
        for bits, blocks in self.blocks.items():
            if number >> bits in blocks:
                return f"pod of {blocks[number >> bits]}"
        return None

    def called(self) -> set[str]:
        """Return the names of the pods that are known."""
        return {*self.pods.values(), *(pod for _name, pod in self.devices.values() if pod)}


def read(others: Mapping[str, str] | None = None) -> Names:
    """Read them.

    :param others: address -> pod of another node, as somebody said.
    """
    with netlink.socket() as ip:
        found = links.dump(ip).values()
    return Names(
        devices={link.index: (link.name, _endpoint(link.alias)) for link in found},
        pods={**(others or {}), **_pods()},
        nodes={key["address"]: value["node"] for key, value in pinned.entries(NODE_ADDRESSES)},
        blocks=_blocks(),
        sets={
            key["number"]: value["name"].split()[1:]  # the direction is in front
            for key, value in pinned.entries(POLICY_NAMES)
            if key["kind"] in (POLICY_SET, POLICY_AUDIT)
        },
    )


def _endpoint(alias: str | None) -> str | None:
    kind, name = parse_alias(alias) or ("", None)
    return name if kind in KINDS else None


def _pods() -> dict[str, str]:
    return {
        address: key["name"]
        for key, value in pinned.entries(ALLOCATIONS)
        for address in (value["address"], value["address6"])
        if address != "::"
    }


def _blocks() -> dict[int, dict[int, str]]:
    found: dict[int, dict[int, str]] = {}
    for key, value in pinned.entries(IPCACHE):
        bits = 128 - key["prefixlen"]
        found.setdefault(bits, {})[_number(key["address"]) >> bits] = value["node"]
    return dict(sorted(found.items()))


def _number(address: str) -> int:
    return int.from_bytes(addresses.packed(address), "big")
