# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Masquerading as the inventory wants it: its variables, and the prefixes that stay as they are.

The list of prefixes may also be a configuration of ip-masq-agent, in the agent's own words.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..names import DEVICE_NAME_MAX
from . import values
from .prefix import Prefix, parse_prefix
from .problems import some
from .values import Field, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

AGENT, LISTED, LINK_LOCAL = (
    "podnet_ip_masq_agent",
    "podnet_non_masquerade_cidrs",
    "podnet_masquerade_link_local",
)

#: The agent's own list: what RFC 6890 and 6598 keep for private use, documentation and tests.
DEFAULT_CIDRS = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
)
LINK_LOCAL_CIDR = "169.254.0.0/16"

_DEVICE = re.compile(rf"[^/\s]{{1,{DEVICE_NAME_MAX}}}")


class Agent(NamedTuple):
    """A configuration of ip-masq-agent; ``ipv6`` are the prefixes of the other family."""

    cidrs: tuple[Prefix, ...]
    ipv6: tuple[str, ...]
    link_local: bool


@dataclass(frozen=True)
class Masquerade:
    """What a cluster masquerades.

    :param nodes: also what is for other nodes' own addresses.
    :param listed: prefixes of which nothing is masqueraded, as the user or the default lists them.
    :param link_local: also what is for link-local addresses.
    """

    nodes: bool
    listed: tuple[Prefix, ...]
    link_local: bool
    warnings: tuple[str, ...] = ()


def device(value: object) -> str:
    """Read the name of a device."""
    if not isinstance(value, str) or not _DEVICE.fullmatch(value):
        raise Invalid(value, "the name of a device such as eth0")
    return value


def _agent_cidr(value: object) -> Prefix | str:
    """Read a prefix of either family."""
    try:
        if isinstance(value, str) and ":" in value and "/" in value:
            return str(ipaddress.IPv6Network(value))
        return parse_prefix(value)  # type: ignore[arg-type]
    except ValueError:
        raise Invalid(value, "a CIDR without host bits such as 10.0.0.0/8") from None


#: The last three have no effect: there is no IPv6, nothing runs that would read it again, and the
#: list may be as long as it is.
_CONFIGURATION = values.record(
    dict,
    {
        "nonMasqueradeCIDRs": Field(values.list_of(_agent_cidr), []),
        "masqLinkLocal": Field(values.truth, default=False),
        "masqLinkLocalIPv6": Field(values.truth, default=False),
        "resyncInterval": Field(values.words),
        "cidrLimit": Field(values.whole(0, (1 << 63) - 1)),
    },
)


def _configuration(value: object) -> Agent:
    found = _CONFIGURATION(value)
    cidrs = found["nonMasqueradeCIDRs"]
    return Agent(
        tuple(each for each in cidrs if isinstance(each, Prefix)),
        tuple(each for each in cidrs if isinstance(each, str)),
        found["masqLinkLocal"],
    )


def agent(value: object) -> Agent | None:
    """Read a configuration of ip-masq-agent; None where it is empty, which means the default.

    :param value: a mapping, or ``{"source": file, "documents": [...]}`` of a file or a text.
    """
    if not isinstance(value, dict) or "documents" not in value:
        return _configuration(value)
    documents = [each for each in value["documents"] if each is not None]
    try:
        # Of several documents the list is what is no mapping.
        whole: Any = documents if len(documents) > 1 else documents[0] if documents else None
        return None if whole is None else _configuration(whole)
    except Invalid as invalid:
        source = value["source"]
        raise invalid.below("" if source == AGENT else f" ({source})") from None


#: Variables with one value for the whole cluster, as in ``inventory``.
VARIABLES: dict[str, Field] = {
    "podnet_masquerade": Field(values.truth, default=False),
    LISTED: Field(values.list_of(values.prefix)),
    LINK_LOCAL: Field(values.truth, default=False),
    AGENT: Field(agent),
    "podnet_masquerade_nodes": Field(values.truth),
}

#: Variables with a value for each node.
NODE_VARIABLES: dict[str, Field] = {
    "podnet_masquerade_devices": Field(values.list_of(device), []),
    "podnet_node_addresses": Field(values.list_of(values.address), []),
}


def read(given: Mapping[str, Any], problems: list[str], *, native: bool) -> Masquerade | None:
    """Return what a cluster masquerades, None where that is nothing.

    :param given: values by the names in :data:`VARIABLES`.
    :param problems: gets a sentence for what does not go together, masqueraded or not.
    """
    configured, nodes = given[AGENT], given["podnet_masquerade_nodes"]
    # What stands at the default says nothing, be it set or not.
    beside = [name for name in (LISTED, LINK_LOCAL) if given[name] not in (None, False)]
    if configured is not None and beside:
        problems.append(
            f"{AGENT} is set together with {' and '.join(beside)}; valid is either the agent's "
            "configuration or the variables."
        )
    if native and nodes:
        problems.append(
            "podnet_masquerade_nodes is True, and podnet_network_type native_routing; valid is "
            "False: there pods and nodes know each other by their own addresses."
        )
    if not given["podnet_masquerade"]:
        return None
    if configured is None:
        listed = given[LISTED]
        if listed is None:
            listed = [parse_prefix(each) for each in DEFAULT_CIDRS]
        configured = Agent(tuple(listed), (), given[LINK_LOCAL])
    warnings = []
    if configured.ipv6:
        warnings.append(
            f"{AGENT} has prefixes of IPv6 ({some(configured.ipv6)}), which have no effect: the "
            "network is IPv4."
        )
    return Masquerade(
        nodes=not native if nodes is None else nodes,
        listed=configured.cidrs,
        link_local=configured.link_local,
        warnings=tuple(warnings),
    )


def prefixes(
    wanted: Masquerade, pods: Iterable[Prefix], native: Prefix | None
) -> list[tuple[Prefix, str]]:
    """Return the prefixes of which nothing is masqueraded, sorted, each with what it is.

    :param pods: where pods have their addresses.
    :param native: the native-routing CIDR of a native network.
    """
    link_local = [] if wanted.link_local else [parse_prefix(LINK_LOCAL_CIDR)]
    found: dict[Prefix, str] = {}
    for why, cidrs in (
        ("pods", pods),
        ("native", [] if native is None else [native]),
        ("listed", wanted.listed),
        ("link_local", link_local),
    ):
        for cidr in cidrs:
            found.setdefault(cidr, why)
    return sorted(found.items())


def warnings(wanted: Masquerade, stay: Sequence[tuple[Prefix, str]]) -> list[str]:
    """Return what a person should know.

    :param stay: the :func:`prefixes`.
    """
    found = list(wanted.warnings)
    if stay and not stay[0][0].length:
        what = "the native-routing CIDR is" if stay[0][1] == "native" else "the list has"
        found.append(f"podnet_masquerade is True, and nothing is masqueraded: {what} {stay[0][0]}.")
    return found
