"""Masquerading: a pod that talks to a host outside, by every way that gives it its node's address.

All ways are up at once and are measured in interleaved rounds, as in ``ratios``, as ratios to plain
routing, where the host outside sees the pod's own address.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import topology
from .kernel_datapaths import iptables_masquerade, nftables_masquerade, routing
from .podnet_datapath import cell
from .ratios import AGAIN, REFERENCE, YARDSTICKS, Yardstick, interleave, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .ratios import Times
    from .topology import Node, Topology

IPTABLES, NFTABLES = "iptables MASQUERADE", "nftables masquerade"
PODNET, SERVICES, ROUTED = "podnet", "podnet with services", "podnet routed"

#: Ways that leave the pod its address: the host outside has to know the way back to it.
PLAIN = {REFERENCE: routing, AGAIN: routing}
#: What podnet is compared with, and what it has; in the order of the table.
KERNEL = {IPTABLES: iptables_masquerade, NFTABLES: nftables_masquerade}
OWN = {
    PODNET: cell("ebpf", "native_routing", masquerade=True),
    SERVICES: cell("ebpf", "native_routing", masquerade=True, services=1),
    ROUTED: cell("routed", "native_routing", masquerade=True),
}
WAYS: dict[str, Callable[[Node], None]] = {**PLAIN, **KERNEL, **OWN}

#: A transaction is a connect and a round trip, and told apart less well than those. What comes in
#: has another way than what goes out: UDP both ways.
UDP_IN = Yardstick("udp_in", "UDP in", 64, "p10", "a datagram")
_BY_NAME = {one.name: one for one in (*YARDSTICKS, UDP_IN)}
MEASURED = tuple(_BY_NAME[name] for name in ("rr", "connect", "udp", "udp_in", "stream"))

#: How many times faster than each of the kernel's ways podnet aims to be, with services or without.
AIMS = {"rr": 1.0, "connect": 1.2, "udp": 1.2, "udp_in": 1.2, "stream": 1.0}
AIMING = (PODNET, SERVICES)

#: The kernel's ways track connections, which it does not do without limit. Those of a round are
#: reset, and forgotten 10 s later; then it drops what is new, and a measurement waits for nothing.
_TRACKED_MAX = Path("/proc/sys/net/netfilter/nf_conntrack_max")
TRACKED = 16384


def build() -> list[Topology]:
    """Set up every way, the reference pair first; all are up at once.

    :raises RuntimeError: where the kernel would not track as many connections as are measured.
    """
    if _TRACKED_MAX.exists():
        expect_room(int(_TRACKED_MAX.read_text()))
    return [
        topology.build_outside(name, set_up, way_back=name in PLAIN)
        for name, set_up in WAYS.items()
    ]


def expect_room(tracked: int) -> None:
    """Fail where the kernel tracks too few connections; 0 stands for no limit."""
    if 0 < tracked < TRACKED:
        raise RuntimeError(
            f"net.netfilter.nf_conntrack_max is {tracked}: too few connections would be tracked for"
            f" what is compared here. Set it to at least {TRACKED}."
        )


def measure(
    topologies: Sequence[Topology],
    rounds: int,
    cpu: int,
    *,
    scale: float = 1.0,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure round by round; see :func:`compared`."""
    return compared(
        interleave(
            topologies,
            MEASURED,
            rounds,
            cpu,
            scale=scale,
            progress=lambda what: progress(f"masquerade, {what}"),
        )
    )


def compared(times: Times) -> dict[str, Any]:
    """Compare all ways with plain routing, and podnet with the kernel's.

    :returns: ``ratios``, a dictionary for each yardstick and way as in ``ratios``; and ``faster``,
        for each yardstick and pair of podnet and one of the kernel's ways, whose time is the
        ``ratio`` to podnet's: how many times faster podnet is, and its ``aim``.
    """
    names = [one.name for one in MEASURED]

    def taken(yardstick: str, name: str) -> list[float]:
        return times[topology.OUTSIDE, yardstick, name]

    return {
        "ratios": [
            {
                "place": topology.OUTSIDE,
                "yardstick": name,
                "datapath": way,
                **spread(taken(name, way), taken(name, REFERENCE)),
                "aim": None,
            }
            for name in names
            for way in WAYS
        ],
        "faster": [
            {
                "yardstick": name,
                "datapath": own,
                "than": other,
                **spread(taken(name, other), taken(name, own)),
                "aim": AIMS[name] if own in AIMING else None,
            }
            for own in OWN
            for other in KERNEL
            for name in names
        ],
    }
