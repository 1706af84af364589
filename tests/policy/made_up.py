# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packets that only look like an answer, and whether any of them gets anywhere."""

from __future__ import annotations

import time
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import reasons
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

from tests.cells.counts import counts
from tests.cluster.probes import PYTHON

from .model import NODES
from .probing import LOST, THERE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scapy.packet import Packet

    from tests.cluster.cluster import Cluster

MARK = b"only looks like an answer"
#: Of TCP: all that a packet of a connection that stands may have, and some that none has.
FLAGS = ("A", "SA", "R", "RA", "FA", "PA", "S", "F", "", "SF", "FPU", "SR")
#: Of ICMP: port, fragmentation needed, administratively; TTL; parameter; source quench, redirect.
ERRORS = ((3, 3), (3, 4), (3, 13), (11, 0), (11, 1), (12, 0), (4, 0), (5, 1))
SCTP = 132
SCTP_INIT_ACK = bytes.fromhex("0050 1267 00000001 00000000 02 00 0014".replace(" ", ""))


def answers(source: str, destination: str) -> list[Packet]:
    """Return packets from an address to another that look like answers to what was never sent."""
    packet, back = IP(src=source, dst=destination), IP(src=destination, dst=source)
    asked = [
        back / UDP(sport=4711, dport=53) / b"12345678",
        back / TCP(sport=4711, dport=80, seq=1, flags="S"),
        back / TCP(sport=4711, dport=80, seq=1, flags="A"),
        back / ICMP(type=8, id=4711),
    ]
    return [
        *(packet / TCP(sport=80, dport=4711, ack=1, flags=each) / MARK for each in FLAGS),
        *(packet / UDP(sport=port, dport=4711) / MARK for port in (53, 80, 123, 67)),
        packet / UDP(sport=53, dport=53) / MARK,
        packet / ICMP(type=0, id=4711) / MARK,
        *(
            packet / ICMP(type=kind, code=code) / Raw(bytes(quoted) + MARK)
            for (kind, code), quoted in product(ERRORS, asked)
        ),
        IP(src=source, dst=destination, proto=SCTP) / Raw(SCTP_INIT_ACK + MARK),
        IP(src=source, dst=destination, proto=47) / Raw(MARK),
        # Fragments that say no ports.
        IP(src=source, dst=destination, id=4711, frag=10, proto=17) / Raw(MARK),
        IP(src=source, dst=destination, id=4712, frag=10, flags="MF", proto=6) / Raw(MARK),
    ]


def send(cluster: Cluster, place: str, packets: Iterable[Packet]) -> None:
    """Send packets from ``HOST`` or ``HOST/POD``."""
    lines = "\n".join(bytes(each).hex() for each in packets)
    cluster.exec(place, *PYTHON, str(THERE / "send.py"), stdin=lines)


def drops(cluster: Cluster) -> Counter[str]:
    """Return how many packets the nodes dropped, by the reason."""
    names = {verdict.name for verdict in reasons.VERDICTS if verdict.drops}
    found: Counter[str] = Counter()
    for node in NODES:
        for (_hook, verdict), number in counts(cluster, node).items():
            found[verdict] += number if verdict in names else 0
    return found


def all_dropped(cluster: Cluster, before: Counter[str], number: int) -> Counter[str]:
    """Wait until so many packets more were dropped, and return them by the reason."""
    end = time.monotonic() + LOST
    while (more := drops(cluster) - before).total() < number and time.monotonic() < end:
        time.sleep(0.01)
    return more
