"""What services are compared with: the kernel's own ways, as kube-proxy uses them."""

from __future__ import annotations

import itertools
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces

from . import cgroups, kube_proxy, kube_proxy_nft
from .service_list import SERVICE_CIDR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ipaddress import IPv4Network

    from .service_list import Service


_numbers = itertools.count()


@dataclass(frozen=True)
class Rules:
    """One way: the command that takes rules, and the rules.

    :param replace: command that is given all rules.
    :param amend: command that is given those of one service.
    :param full: rules of all services, by the pod CIDR of the node.
    :param change: rules that lead from one service to the same with other backends.
    :param slow: all rules take so long that once is enough.
    """

    name: str
    replace: tuple[str, ...]
    amend: tuple[str, ...]
    full: Callable[[IPv4Network, Sequence[Service]], str]
    change: Callable[[IPv4Network, Service, Service], str]
    slow: bool = False


def _iptables(name: str, command: str) -> Rules:
    replace = (command, "--wait", "60")
    return Rules(name, replace, (*replace, "--noflush"), kube_proxy.rules, kube_proxy.change)


def _nft_rules(pod_cidr: IPv4Network, services: Sequence[Service]) -> str:
    return kube_proxy_nft.rules(pod_cidr, SERVICE_CIDR, services)


_NFT = ("nft", "-f", "-")

#: In the order of the tables. All rules at once take nft half a minute.
RULES = (
    _iptables("iptables-nft", "iptables-nft-restore"),
    _iptables("iptables-legacy", "iptables-legacy-restore"),
    Rules("nftables", _NFT, _NFT, _nft_rules, kube_proxy_nft.change, slow=True),
)


@dataclass(frozen=True)
class Run:
    """What a command took.

    :param seconds: from its start to its end.
    :param kernel: bytes that the kernel holds for it since; None where it counts none.
    :param peak: bytes that it and the kernel for it had at most.
    """

    seconds: float
    kernel: int | None = None
    peak: int | None = None


def run(argv: Sequence[str], given: str, *, netns: str) -> Run:
    """Run a command in a network namespace, with its input in a file; it has to succeed."""
    folder = cgroups.new_memory(f"run-{next(_numbers)}")
    with tempfile.TemporaryFile("w+") as stdin, namespaces.inside(netns):
        stdin.write(given)
        stdin.seek(0)
        start = time.monotonic()
        done = subprocess.run(
            cgroups.inside(folder, list(argv)),
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.monotonic() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed: {done.stderr.strip()[:2000]}")
    if folder is None:
        return Run(took)
    return Run(took, cgroups.kernel_memory(folder), cgroups.peak_memory(folder))
