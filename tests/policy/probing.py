# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every pod asks every pod by every protocol on every port; what becomes of each packet is known.

Who is denied hears nothing, and no wait shows that nothing will come. So nothing is waited for: a
packet that is not answered was dropped by a policy, and the nodes count those. A round is over as
soon as answers and drops are as many as the packets that were sent, a few milliseconds later,
however loaded the machine is. What is neither answered nor counted ends the round after a long
time, and fails the test. Drops are held against the evaluator node by node, those of egress where
the sender is and those of ingress where the receiver is, so that a packet which got lost for
another reason cannot stand for one that was to be denied.

A SYN that is denied is sent again after a second: a round that took as long is done once more.
After each round all connections are reset, and the next one begins when the resets have come.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, reasons

from tests.cluster.probes import PYTHON
from tests.services.maps import opened

from .model import ADDRESSES, NODES, PORTS, PROTOCOLS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator

    from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf.maps import Map

    from tests.cluster.cluster import Cluster
    from tests.unit.policy_evaluator import World

THERE = Path(__file__).parent / "there"
NODE_OF = {pod: node for node, pods in NODES.items() for pod in pods}
POD_AT = {address: pod for pod, address in ADDRESSES.items()}

#: Seconds after which TCP sends a SYN again, less some; and those that a packet may take.
RESENT, LOST = 0.9, 20


class Packet(NamedTuple):
    """What one pod asks another, by their names."""

    source: str
    destination: str
    protocol: str
    port: int


@dataclass
class Round:
    """What became of the packets of all pairs.

    :param passed: those that were answered.
    :param dropped: by node and direction how many were dropped by policies.
    :param odd: answers that are none, with the name of the error.
    """

    passed: set[Packet] = field(default_factory=set)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    odd: list[Any] = field(default_factory=list)


def endpoint(pod: str) -> str:
    """Return what the node calls a pod."""
    return pod.replace("/", "_")


def place(pod: str) -> str:
    """Return where a pod is: ``NODE/POD``."""
    return f"{NODE_OF[pod]}/{endpoint(pod)}"


def packets(pods: Iterable[str]) -> list[Packet]:
    """Return a packet from each pod to each by each protocol and port."""
    pods = list(pods)
    return [Packet(*each) for each in product(pods, pods, PROTOCOLS, PORTS)]


def wanted(world: World) -> Round:
    """Return what has to become of all packets, as the evaluator says it."""
    found = Round()
    for packet in packets(POD_AT[address] for address in world.pods):
        ends = ADDRESSES[packet.source], ADDRESSES[packet.destination]
        denied = world.denied(*ends, packet.protocol, packet.port)
        if denied is None:
            found.passed.add(packet)
        else:
            pod = packet.source if denied == "egress" else packet.destination
            found.dropped[NODE_OF[pod], denied] += 1
    return found


class Drops:
    """The counters of nodes of what policies dropped."""

    def __init__(self, metrics: dict[str, Map]) -> None:
        """:param metrics: the map of each node, open."""
        numbers = {verdict.name: verdict.number for verdict in reasons.VERDICTS}
        self._metrics = metrics
        self._keys = {
            way: [
                layout.METRICS.pack_key(index=hook.number * layout.VERDICTS + numbers[name])
                for hook in reasons.HOOKS
            ]
            for way, name in {"ingress": "ingress_denied", "egress": "egress_denied"}.items()
        }

    def read(self) -> Counter[tuple[str, str]]:
        """Return packets by node and direction since the maps were made."""
        return Counter(
            {
                (node, way): sum(_packets(metrics.get(key)) for key in keys)
                for node, metrics in self._metrics.items()
                for way, keys in self._keys.items()
            }
        )


def _packets(value: bytes | None) -> int:
    # Of each CPU packets and bytes.
    return sum(memoryview(value or b"").cast("Q")[::2])


class Prober:
    """The programs in all pods."""

    #: The counters of the nodes as they are now.
    drops: Drops

    def __init__(self, pods: dict[str, subprocess.Popen[bytes]]) -> None:
        """:param pods: the program of each pod."""
        self._pods = pods
        self._number = 0
        self._rest = dict.fromkeys(pods, b"")
        self._waiting = selectors.DefaultSelector()
        for name, process in pods.items():
            self._waiting.register(process.stdout, selectors.EVENT_READ, name)
        ready: set[str] = set()
        end = time.monotonic() + LOST
        while ready != pods.keys():
            ready |= {name for name, said in self._read(1) if said.get("ready")}
            assert time.monotonic() < end, f"not ready: {pods.keys() - ready}"

    def round(self, pods: Iterable[str]) -> Round:
        """Ask among these pods, and return what became of it."""
        pods = list(pods)
        for _dummy in range(10):
            begun = time.monotonic()
            found = self._once(pods)
            took = time.monotonic() - begun
            self._end(pods, found)
            if took < RESENT:
                return found
        raise AssertionError("ten rounds took longer than TCP waits for an answer")

    def _once(self, pods: list[str]) -> Round:
        found, before = Round(), self.drops.read()
        self._number += 1
        asked = {"round": self._number, "targets": [ADDRESSES[pod] for pod in pods]}
        self._tell(pods, asked)
        sent, end = len(packets(pods)), time.monotonic() + LOST
        while len(found.passed) + len(found.odd) + found.dropped.total() < sent:
            for name, said in self._read(0.002):
                for protocol, address, port, *error in said.get("answers", ()):
                    packet = Packet(name, POD_AT[address], protocol, port)
                    if error:
                        found.odd.append((packet, *error))
                    else:
                        found.passed.add(packet)
            found.dropped = self.drops.read() - before
            if time.monotonic() > end:
                lost = sent - len(found.passed) - found.dropped.total()
                raise AssertionError(f"{lost} of {sent} packets were neither answered nor dropped")
        return found

    def _end(self, pods: list[str], found: Round) -> None:
        self._tell(pods, {"end": self._number})
        left = sum(packet.protocol == "TCP" for packet in found.passed)
        end = time.monotonic() + LOST
        while left > 0:
            left -= sum(said.get("closed", 0) for _name, said in self._read(1))
            assert time.monotonic() < end, f"{left} connections were not reset"

    def _tell(self, pods: list[str], what: dict[str, Any]) -> None:
        line = json.dumps(what).encode() + b"\n"
        for pod in pods:
            self._pods[pod].stdin.write(line)
            self._pods[pod].stdin.flush()

    def _read(self, seconds: float) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what pods say within a time, as soon as there is something."""
        for key, _events in self._waiting.select(seconds):
            name = key.data
            data = os.read(key.fd, 1 << 20)
            assert data, f"{name}: {self._pods[name].stderr.read().decode()}"
            *whole, self._rest[name] = (self._rest[name] + data).split(b"\n")
            for line in whole:
                yield name, json.loads(line)


@contextlib.contextmanager
def probing(cluster: Cluster) -> Iterator[Prober]:
    """Run a prober in all pods of a cluster."""
    with contextlib.ExitStack() as stack:
        pods = {}
        for name in ADDRESSES:
            words = (*PYTHON, str(THERE / "pod.py"))
            pods[name] = stack.enter_context(cluster.start(place(name), *words, text=False))
            stack.callback(pods[name].kill)
        yield Prober(pods)


@contextlib.contextmanager
def counted(cluster: Cluster) -> Iterator[Drops]:
    """Open the counters of all nodes."""
    with contextlib.ExitStack() as stack:
        maps = {node: stack.enter_context(opened(cluster, node, layout.METRICS)) for node in NODES}
        yield Drops(maps)
