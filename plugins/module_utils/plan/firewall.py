# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a host's firewall lets pass what a node's cell needs: its rules, walked with packets.

A match that is not understood may be true or not. Refused is what is dropped either way.
"""

from __future__ import annotations

import ipaddress
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import names
from ..datapath.cells import cell_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ACCEPT, DROP, END = "accept", "drop", "end"
#: The names and numbers of what a packet may be.
PROTOCOLS = {"6": "tcp", "17": "udp"}


class Packet(NamedTuple):
    """A packet that the network needs to get through; None where it may be anything.

    :param hook: whose chains it passes.
    :param what: it in words.
    """

    hook: str
    what: str
    iif: str
    oif: str | None
    saddr: str
    daddr: str
    protocol: str
    dport: str | None
    state: str = "new"
    sport: str | None = None
    family: str = "ipv4"
    status: str = "not translated"


def problems(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each chain that drops something which the node's cell needs."""
    packets = list(_packets(node, seen)) if seen.get("firewall") else []
    for chain in seen.get("firewall") or ():
        for packet in packets:
            if chain["hook"] == packet.hook and _drops(chain, packet):
                yield _sentence(node, chain, packet)
                break


def _packets(node: Mapping[str, Any], seen: Mapping[str, Any]) -> Iterator[Packet]:
    """Yield what passes chains of the firewall.

    Programs of the datapath ebpf carry packets past it; with the others it sees each packet between
    a pod and the network, and between two pods of a node unless they share a bridge.
    """
    peers, vxlan = node["peers"], node["vxlan"]
    if vxlan and peers:
        below = str(vxlan["device"] or seen["underlay"]["name"])
        ends = (str(peers[0]["vtep_ip"]), str(vxlan["ip"]))
        port = str(vxlan["port"])
        yield Packet("input", "the tunnel of other nodes", below, None, *ends, "udp", port)
    if node["datapath"] == "ebpf" or not node["usable"]:
        return
    bridged = cell_of(node).bridged
    pods = names.BRIDGE_DEVICE if bridged else names.endpoint_device(names.HEALTH)
    out = names.OVERLAY_DEVICE if vxlan else seen["device"]["name"]
    own = node["health_ip"]
    for peer in peers[:1]:
        other = peer["health_ip"]
        yield Packet("forward", "pods of other nodes", pods, out, own, other, "tcp", None)
        yield Packet("forward", "pods of other nodes", out, pods, other, own, "tcp", None)
    if len(node["endpoints"]) > 1 and (not bridged or seen.get("bridge_nf")):
        another = [one for one in node["endpoints"] if one["ip"] != own][-1]
        device = pods if bridged else names.endpoint_device(another["name"])
        yield Packet("forward", "pods of a node", pods, device, own, another["ip"], "tcp", None)


def _drops(chain: Mapping[str, Any], packet: Packet) -> bool:
    if chain["rules"] is None:
        return False  # nobody could read them
    found = _walk(chain["rules"], chain["chains"], packet)
    return {chain["policy"] if end == END else end for end in found} == {DROP}


def _walk(
    rules: Sequence[Mapping[str, Any]],
    chains: Mapping[str, Sequence[Mapping[str, Any]]],
    packet: Packet,
) -> set[str]:
    """Return how a chain may end for a packet."""
    found: set[str] = set()
    for rule in rules:
        matches = [_matches(match, packet) for match in rule["matches"]]
        if False in matches:
            continue
        word, _blank, target = rule["verdict"].partition(" ")
        if word in (ACCEPT, DROP):
            ends = {word}
        elif word in ("jump", "goto"):
            # A target that is no chain is one of a module's; nobody knows what it does.
            known = target in chains
            ends = _walk(chains[target], chains, packet) if known else {ACCEPT, DROP, END}
        else:
            ends = {END}
        goes_on = word == "jump" and END in ends
        found |= ends - {END} if goes_on else ends
        if None not in matches and not goes_on:
            return found
    return found | {END}


def _matches(match: Sequence[Any], packet: Packet) -> bool | None:
    """Say whether a match holds for a packet; None where nobody knows."""
    field, negated, values = match
    if field is None:
        return None
    actual = getattr(packet, field)
    if actual is None:
        # What does not come in or go out by a device has none; ports are not told.
        return bool(negated) if field == "oif" else None
    test = _TESTS[field]
    try:
        return any(test(actual, str(value)) for value in values) is not bool(negated)
    except ValueError:
        return None


def _device(actual: str, value: str) -> bool:
    return fnmatchcase(actual, value)


def _address(actual: str, value: str) -> bool:
    address = ipaddress.ip_address(actual)
    if "-" in value:
        first, last = (ipaddress.ip_address(end) for end in value.split("-"))
        return int(first) <= int(address) <= int(last)
    return address in ipaddress.ip_network(value, strict=False)


def _protocol(actual: str, value: str) -> bool:
    return value == "all" or PROTOCOLS.get(value, value) == actual


def _port(actual: str, value: str) -> bool:
    first, _dash, last = value.partition("-")
    return int(first) <= int(actual) <= int(last or first)


def _word(actual: str, value: str) -> bool:
    return value.lower() == actual


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "iif": _device,
    "oif": _device,
    "saddr": _address,
    "daddr": _address,
    "protocol": _protocol,
    "sport": _port,
    "dport": _port,
    "state": _word,
    "status": _word,
    "family": _word,
}


def _sentence(node: Mapping[str, Any], chain: Mapping[str, Any], packet: Packet) -> str:
    way = f"from {packet.iif}" + (f" to {packet.oif}" if packet.oif else "")
    has = f"has policy {chain['policy']} and no rule that accepts them"
    if chain["policy"] != DROP:
        has = "has a rule that drops them"
    accepts = f"accepts {', '.join(node['pod_ranges'])}"
    if packet.hook == "input":
        accepts = f"accepts UDP port {packet.dport}"
    other = (
        ", or podnet_datapath ebpf, which needs no rule for it" if packet.hook == "forward" else ""
    )
    return (
        f"The firewall of {node['name']} drops {packet.what} {way}: chain {chain['chain']} of "
        f"table {chain['table']} ({chain['by']}) {has}; valid is one that {accepts}, such as after "
        f"`{_rule(chain, packet, node)}`{other}."
    )


def _rule(chain: Mapping[str, Any], packet: Packet, node: Mapping[str, Any]) -> str:
    """Return a command that lets the packets through."""
    place = node["pod_ranges"][0]
    if chain["by"] == "iptables":
        if packet.hook == "input":
            return f"iptables -I INPUT -p udp --dport {packet.dport} -j ACCEPT"
        return f"iptables -I FORWARD -s {place} -d {place} -j ACCEPT"
    if chain["table"].endswith(" firewalld"):
        if packet.hook == "input":
            return f"firewall-cmd --permanent --add-port={packet.dport}/udp"
        return f"firewall-cmd --permanent --zone=trusted --add-source={place}"
    before = f"nft insert rule {chain['table']} {chain['chain']}"
    if packet.hook == "input":
        return f"{before} udp dport {packet.dport} accept"
    return f"{before} ip saddr {place} ip daddr {place} accept"
