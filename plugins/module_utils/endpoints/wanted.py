# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Endpoints as they are asked for, and what cannot be asked for."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import names
from ..engine.failure import Failure
from ..engine.values import device_name, number

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")

#: Kinds in the alias of a host-side device: its namespace is ours to remove, or was there before.
KINDS = OURS, ATTACHED = "endpoint", "attached"


@dataclass(frozen=True)
class Endpoint:
    """One pod as the plan wants it.

    :param netns: namespace that it lives in, in the words of :mod:`engine.namespaces`; None: one
        that is made for it, named after it, and removed with it.
    :param isolated: whether a policy selects it: its entry of ``policy_pods`` is there already.
    """

    name: str
    ip: str
    mac: str
    netns: str | None = None
    isolated: bool = False

    @property
    def device(self) -> str:
        """Host-side device."""
        return names.endpoint_device(self.name)

    @property
    def destination(self) -> str:
        """Destination of a route to it alone."""
        return f"{self.ip}/32"

    @property
    def namespace(self) -> str:
        """Namespace that it lives in."""
        return self.netns or self.name

    @property
    def alias(self) -> str:
        """Alias of the host-side device; its kind says whether the namespace is ours to remove."""
        return names.alias(ATTACHED if self.netns else OURS, self.name)


@dataclass(frozen=True)
class Node:
    """What all endpoints of a node share.

    :param host_addresses: the node's own, which pods reach through its stack.
    :param mtu: of the pods' devices, bytes.
    :param program: pin of the program at their host-side devices that sees what they send.
    :param delivery_program: of the one that sees what they are given; None: there is none.
    :param datapath: a key of :data:`attachment.DATAPATHS`.
    :param bridge: of which their host-side devices are ports, where the datapath has one.
    :param prefix_length: of the pods' addresses.
    :param route_src: preferred source of the routes to them, where the datapath has those.
    :param non_masquerade_cidrs: what they reach by their own addresses, and all else by the node's;
        None where they reach everything by their own.
    """

    gateway_ip: str
    gateway_mac: str
    host_addresses: Sequence[str]
    mtu: int
    program: str
    attach_mode: str
    datapath: str = "ebpf"
    bridge: str = names.BRIDGE_DEVICE
    prefix_length: int = 32
    route_src: str | None = None
    delivery_program: str | None = None
    non_masquerade_cidrs: Sequence[str] | None = None


def check(wanted: Sequence[Endpoint], node: Node) -> None:
    """Refuse what cannot be, before anything is looked at.

    :raises Failure: for the first value that is wrong.
    """
    number(node.prefix_length, "prefix_length", 1, 32)
    device_name(node.bridge, "bridge")
    if node.route_src is not None and not _is_ipv4(node.route_src):
        raise Failure(
            f"route_src: {node.route_src!r} is not an IPv4 address; valid is one like 10.111.0.8."
        )
    for cidr in node.non_masquerade_cidrs or ():
        if not _is_network(cidr):
            raise Failure(
                f"non_masquerade_cidrs: {cidr!r} is not a network; valid is one like 10.0.0.0/8."
            )
    for what, values in (
        ("name", [endpoint.name for endpoint in wanted]),
        ("ip", [endpoint.ip for endpoint in wanted]),
    ):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            raise Failure(
                f"endpoints: {what} {twice[0]!r} is given twice; each endpoint needs its own."
            )
    for endpoint in wanted:
        if not _is_ipv4(endpoint.ip):
            raise Failure(
                f"endpoints: ip {endpoint.ip!r} of {endpoint.name!r} is not an IPv4 address; "
                f"valid is one like 10.111.160.1."
            )
        if endpoint.ip in node.host_addresses:
            raise Failure(
                f"endpoints: ip {endpoint.ip!r} of {endpoint.name!r} is one of host_addresses, the "
                f"node's own; give the endpoint another one."
            )
        if not _MAC.fullmatch(endpoint.mac):
            raise Failure(
                f"endpoints: mac {endpoint.mac!r} of {endpoint.name!r} is not a MAC address; "
                f"valid is one like 0a:58:0a:6f:a0:01, in lower case."
            )
        if (
            not 0 < len(endpoint.name.encode()) <= names.ENDPOINT_NAME_MAX
            or re.search(r"[/\0]", endpoint.name)
            or endpoint.name in (".", "..")
        ):
            raise Failure(
                f"endpoints: name {endpoint.name!r} is not valid; a name has 1 to "
                f"{names.ENDPOINT_NAME_MAX} bytes, no slash among them, and is neither . nor .. of "
                f"a folder."
            )


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
