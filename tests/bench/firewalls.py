"""Policies as rules of the kernel's firewalls: chains of each pod, and those of a policy.

All pods are isolated in both ways by a policy of so many rules, of which the last lets pods reach
each other; answers pass by connection tracking.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from . import isolation
from .kernel_datapaths import routing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from ipaddress import IPv4Address

    from .topology import Node

_PODS = "PODS"
_MARK = "0x10000/0x10000"
#: By the way, how a rule calls the pod itself and the other side.
_WAYS = {"FROM": ("-s", "-d", "dst"), "TO": ("-d", "-s", "src")}


def blocks(rules: int) -> list[str]:
    """Return addresses that no pod has, for all rules but the last."""
    return [f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}/32" for n in range(rules - 1)]


def iptables(rules: int) -> Callable[[Node], None]:
    """Return what sets up routing with rules and ipsets as the iptables plugins write them.

    That is a rule for each rule, and what it is about, labels, as a set of addresses.
    """
    return functools.partial(_iptables, rules)


def nftables(rules: int) -> Callable[[Node], None]:
    """Return what sets up the same in nftables at its best.

    What a packet goes to is one look-up, and all rules of a way are one set. None has a counter.
    """
    return functools.partial(_nftables, rules)


def _iptables(rules: int, node: Node) -> None:
    routing(node)
    pods = _pods(node)
    filled = [f"create {_PODS} hash:ip", *(f"add {_PODS} {pod}" for pod in pods)]
    isolation.run("ipset", "restore", netns=node.netns, stdin="\n".join(filled) + "\n")
    lines = "\n".join(_lines(rules, [pod.ip for pod in node.pods]))
    isolation.run("iptables-nft-restore", netns=node.netns, stdin=lines + "\n")


def _lines(rules: int, pods: Iterable[IPv4Address]) -> Iterator[str]:
    yield "*filter"
    chains = [(way, pod) for pod in pods for way in _WAYS]
    for name in (*(f"{way}-{pod}" for way, pod in chains), *(f"POLICY-{way}" for way in _WAYS)):
        yield f":{name} - [0:0]"
    yield "-A FORWARD -m conntrack --ctstate INVALID -j DROP"
    yield "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    for way, pod in chains:
        own, _other, _set = _WAYS[way]
        yield f"-A FORWARD {own} {pod} -j {way}-{pod}"
        yield f"-A {way}-{pod} -j MARK --set-xmark 0/{_MARK.split('/')[1]}"
        yield f"-A {way}-{pod} -j POLICY-{way}"
        yield f"-A {way}-{pod} -m mark --mark {_MARK} -j RETURN"
        yield f"-A {way}-{pod} -j DROP"
    for way, (_own, other, of_set) in _WAYS.items():
        matches = [f"{other} {block}" for block in blocks(rules)]
        for match in (*matches, f"-m set --match-set {_PODS} {of_set}"):
            yield f"-A POLICY-{way} {match} -j MARK --set-xmark {_MARK}"
            yield f"-A POLICY-{way} -m mark --mark {_MARK} -j RETURN"
    yield "COMMIT"


def _nftables(rules: int, node: Node) -> None:
    routing(node)
    own = [pod.ip for pod in node.pods]
    elements = ", ".join((*blocks(rules), *map(str, _pods(node))))
    text = f"""
table ip policies {{
  set peers {{ type ipv4_addr ; flags interval ; elements = {{ {elements} }} ; }}
  chain from_pod {{ ip daddr @peers return ; drop ; }}
  chain to_pod {{ ip saddr @peers return ; drop ; }}
  chain forward {{
    type filter hook forward priority filter ;
    ct state vmap {{ invalid : drop, established : accept, related : accept }}
    ip saddr vmap {{ {", ".join(f"{pod} : jump from_pod" for pod in own)} }}
    ip daddr vmap {{ {", ".join(f"{pod} : jump to_pod" for pod in own)} }}
  }}
}}
"""
    isolation.run("nft", "-f", "-", netns=node.netns, stdin=text)


def _pods(node: Node) -> list[IPv4Address]:
    return [pod.ip for one in (node, *node.peers) for pod in one.pods]
