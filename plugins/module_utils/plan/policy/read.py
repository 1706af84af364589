# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""NetworkPolicy of networking.k8s.io/v1, read and checked in full.

A key that is none is refused, and not passed over as in other manifests: what it was meant to
allow or to keep out would be lost in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import namespaces, values
from ..kubernetes.selectors import IN, Requirement, Selector, selector
from ..values import NOT_SET, Field, Invalid
from .blocks import IPV4, Block, block
from .model import DIRECTIONS, PROTOCOLS, Peer, Policy, Port, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VARIABLE = "podnet_network_policies"
AUDIT = "podnet.fabric/audit"
TYPES = ("Ingress", "Egress")
EVERY = Selector(frozenset())


def _block(value: object) -> Block:
    try:
        return block(value)  # type: ignore[arg-type]
    except (ValueError, AttributeError):
        valid = "a CIDR such as 10.0.0.0/8 or fd00::/8; names of domains are not supported"
        raise Invalid(value, valid) from None


def _ip_block(**given: Any) -> Peer:
    cidr, excepts = given["cidr"], given["except"]
    for number, each in enumerate(excepts):
        if each == cidr or not cidr.contains(each) or each.ipv4 != cidr.ipv4:
            raise Invalid(
                str(each), f"a CIDR within {cidr}, and not all of it", f".except[{number}]"
            )
    if cidr.length < IPV4.length and cidr.contains(IPV4):
        excepts = [*excepts, IPV4]  # ::/0 is all of IPv6, and nothing of IPv4
    return Peer(block=cidr, excepts=frozenset(excepts))


_PEER_KEYS = ("podSelector", "namespaceSelector", "ipBlock")


def _peer(**given: Any) -> Peer:
    pods, where, outside = (given[key] for key in _PEER_KEYS)
    if outside is not None and (pods is not None or where is not None):
        has = " and ".join(key for key in _PEER_KEYS if given[key] is not None)
        raise Invalid(has, "ipBlock alone, or podSelector, namespaceSelector or both")
    if outside is not None:
        return outside  # type: ignore[no-any-return]
    if pods is None and where is None:
        raise Invalid({}, values.one_of(_PEER_KEYS))
    return Peer(namespaces=where, pods=EVERY if pods is None else pods)


def _port_or_name(value: object) -> int | str:
    if isinstance(value, str) and not value.isdecimal():
        return values.port_name(value)
    return values.port(value)  # type: ignore[no-any-return]


def _port(*, protocol: str, port: int | str | None, endPort: int | None) -> Port:  # noqa: N803
    if endPort is not None and not isinstance(port, int):
        raise Invalid(NOT_SET if port is None else port, "a number beside endPort", ".port")
    if endPort is not None and isinstance(port, int) and endPort < port:
        raise Invalid(endPort, f"a port from {port}, which is port, to 65535", ".endPort")
    if port is None:
        return Port(protocol)
    if isinstance(port, str):
        return Port(protocol, name=port)
    return Port(protocol, port, port if endPort is None else endPort)


_PEERS = values.list_of(
    values.record(
        _peer,
        {
            "podSelector": Field(selector),
            "namespaceSelector": Field(selector),
            "ipBlock": Field(
                values.record(
                    _ip_block,
                    {
                        "cidr": Field(_block, needed="a CIDR such as 10.0.0.0/8"),
                        "except": Field(values.list_of(_block), []),
                    },
                )
            ),
        },
    )
)
_PORTS = values.list_of(
    values.record(
        _port,
        {
            "protocol": Field(values.choice(*PROTOCOLS), next(iter(PROTOCOLS))),
            "port": Field(_port_or_name),
            "endPort": Field(values.port),
        },
    )
)


def _rules(peers: str) -> values.Reader:
    def rule(**given: Any) -> Rule:
        return Rule(tuple(given[peers]), tuple(given["ports"]))

    fields = {peers: Field(_PEERS, []), "ports": Field(_PORTS, [])}
    return values.list_of(values.record(rule, fields))


_SPEC = values.record(
    dict,
    {
        "podSelector": Field(selector, EVERY),
        "ingress": Field(_rules("from")),
        "egress": Field(_rules("to")),
        "policyTypes": Field(values.list_of(values.choice(*TYPES)), []),
    },
)
_METADATA = values.excerpt(
    dict,
    {
        "name": Field(values.dns_name, needed="a DNS-1123 name such as db"),
        "namespace": namespaces.FIELD,
        "annotations": Field(
            values.excerpt(dict, {AUDIT: Field(values.truth, default=False)}), {AUDIT: False}
        ),
    },
)
_MANIFEST = values.record(
    dict,
    {
        "apiVersion": Field(values.words),
        "kind": Field(values.words),
        "metadata": Field(_METADATA, needed="a mapping with the policy's name"),
        "spec": Field(_SPEC, needed="a mapping with podSelector"),
        "status": Field(lambda status: status),
    },
)
_ITEM = values.record(
    dict,
    {
        "name": Field(values.dns_name, needed="a DNS-1123 name such as db"),
        "namespace": namespaces.FIELD,
        "audit": Field(values.truth, default=False),
        "spec": Field(_SPEC, needed="the spec of a NetworkPolicy, a mapping with podSelector"),
    },
)


def manifest(document: dict[str, Any], where: str) -> Policy:
    """Read a NetworkPolicy of a manifest.

    :raises Invalid: for a value that is none.
    """
    item = _MANIFEST(document)
    about = item["metadata"]
    audit = about["annotations"][AUDIT]
    return _policy(where, about["name"], about["namespace"], item["spec"], audit=audit)


def items(listed: Iterable[Any], problems: list[str]) -> Iterator[Policy]:
    """Read policies in the form of ``podnet_network_policies``: name, namespace, audit, spec.

    :param problems: gets a sentence for each that is none.
    """
    for number, given in enumerate(listed):
        whose = f"{VARIABLE}[{number}]"
        if isinstance(given, dict) and isinstance(given.get("name"), str) and given["name"]:
            whose = f"{VARIABLE} {given.get('namespace') or 'default'}/{given['name']}"
        try:
            item = _ITEM(given)
            yield _policy(whose, item["name"], item["namespace"], item["spec"], audit=item["audit"])
        except Invalid as invalid:
            problems.append(invalid.sentence(whose))


def _policy(where: str, name: str, namespace: str, spec: dict[str, Any], *, audit: bool) -> Policy:
    types = spec["policyTypes"] or [TYPES[0], *([TYPES[1]] if spec["egress"] else [])]
    own = Selector(frozenset([Requirement(namespaces.NAME_LABEL, IN, frozenset([namespace]))]))
    ingress, egress = (
        tuple(_within(own, rule) for rule in spec[key] or ()) if kind in types else None
        for kind, key in zip(TYPES, DIRECTIONS)
    )
    selected = spec["podSelector"]
    return Policy(where, f"{namespace}/{name}", namespace, selected, ingress, egress, audit)


def _within(own: Selector, rule: Rule) -> Rule:
    """Return a rule whose peers without a selector of namespaces are in the policy's own."""
    peers = (
        each._replace(namespaces=own) if each.block is None and each.namespaces is None else each
        for each in rule.peers
    )
    return rule._replace(peers=tuple(peers))
