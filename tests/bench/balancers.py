"""What services are compared with: the kernel's own ways, as kube-proxy uses them."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces

from . import cgroups, kube_proxy, kube_proxy_nft
from .kernel_datapaths import routing
from .service_list import SERVICE_CIDR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ipaddress import IPv4Network

    from .service_list import Service
    from .topology import Node


_numbers = itertools.count()


@dataclass(frozen=True)
class Rules:
    """One way: the command that takes rules, and the rules.

    :param replace: command that is given all rules.
    :param amend: command that is given those of one service.
    :param full: rules of all services, by the pod CIDR of the node.
    :param change: rules that lead from one service to the same with other backends.
    :param repeat: how often all rules are applied to get one figure.
    """

    name: str
    replace: tuple[str, ...]
    amend: tuple[str, ...]
    full: Callable[[IPv4Network, Sequence[Service]], str]
    change: Callable[[IPv4Network, Service, Service], str]
    repeat: int = 3


def _iptables(name: str, command: str) -> Rules:
    replace = (command, "--wait", "60")
    return Rules(name, replace, (*replace, "--noflush"), kube_proxy.rules, kube_proxy.change)


def _nft_rules(pod_cidr: IPv4Network, services: Sequence[Service]) -> str:
    return kube_proxy_nft.rules(pod_cidr, SERVICE_CIDR, services)


_NFT = ("nft", "-f", "-")

#: In the order of the tables. All rules at once take nft half a minute: once is enough.
RULES = (
    _iptables("iptables-nft", "iptables-nft-restore"),
    _iptables("iptables-legacy", "iptables-legacy-restore"),
    Rules("nftables", _NFT, _NFT, _nft_rules, kube_proxy_nft.change, repeat=1),
)


@dataclass(frozen=True)
class Run:
    """What a command took.

    :param seconds: from its start to its end.
    :param peak: bytes that it had in memory at most.
    :param kernel: bytes that the kernel holds for it since; None where it counts none.
    """

    seconds: float
    peak: int
    kernel: int | None


def routing_with(rules: Rules, services: Sequence[Service]) -> Callable[[Node], None]:
    """Return what joins pods by plain routing, on nodes with these services."""

    def set_up(node: Node) -> None:
        routing(node)
        if node.pods:
            run(rules.replace, rules.full(node.pod_cidr, services), netns=node.netns)

    return set_up


def run(argv: Sequence[str], given: str, *, netns: str) -> Run:
    """Run a command in a network namespace, with its input in a file; it has to succeed."""
    folder = cgroups.new_memory(f"run-{next(_numbers)}")
    with tempfile.TemporaryFile("w+") as stdin, namespaces.inside(netns):
        stdin.write(given)
        stdin.seek(0)
        start = time.monotonic()
        process = subprocess.Popen(
            cgroups.inside(folder, list(argv)),
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _pid, status, usage = os.wait4(process.pid, 0)
        took = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed: {said.strip()[:2000]}")
    return Run(took, usage.ru_maxrss * 1024, cgroups.kernel_memory(folder) if folder else None)
