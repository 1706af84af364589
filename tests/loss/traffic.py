# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Traffic through a cluster while something is done to it; nothing of it may be lost."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.cluster.probes import PYTHON

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

    from tests.cluster.cluster import Cluster

SCRIPT = str(Path(__file__).parent / "there/traffic.py")
PORT = "4713"


@dataclass(frozen=True)
class Loss:
    """What a flow may lose at most.

    :param echoes: echo requests without a reply.
    :param segments: segments that TCP had to send again.
    :param stall: milliseconds for which nothing that TCP sent was acknowledged.
    """

    echoes: int
    segments: int
    stall: int


#: TCP waits 200 ms before it sends again what was lost: half of it.
NOTHING = Loss(echoes=0, segments=0, stall=100)

#: While one clsact qdisc comes or goes at each of the two devices of a way, there and back.
QDISC = Loss(echoes=50, segments=50, stall=1000)


#: While a network comes, goes or changes: of the connection of who does that, to the node itself.
CONTROLLER = Loss(echoes=1000, segments=100, stall=1000)


class Flow(NamedTuple):
    """What sends to what.

    :param sender: the place that sends; ``taker``: the place that takes.
    :param address: of the taker, for the one that sends.
    :param port: of the taker, for the same.
    :param echoed: whom it pings; by default ``address``, which a service does not answer for.
    """

    sender: str
    taker: str
    address: str
    port: str = PORT
    echoed: str | None = None


Flows = dict[str, Flow]


def controllers(cluster: Cluster) -> Flows:
    """Return what Ansible's own connections would be: from outside to each node's address."""
    return {
        f"controller to {node}": Flow("gateway", node, variables["ansible_host"])
        for node, variables in cluster.nodes.items()
    }


def flows(cluster: Cluster) -> Flows:
    """Return what to watch, by its name."""
    here, *others = cluster.nodes
    (one, one_ip), (two, two_ip) = list(cluster.pods(here).items())[:2]
    here_ip = cluster.nodes[here]["ansible_host"]
    return {
        "pod to pod on one node": Flow(one, two, two_ip),
        "pod to host": Flow(two, here, here_ip),
        "host to pod": Flow(here, one, one_ip),
        **{
            f"pod to pod on {node}": Flow(one, *next(iter(cluster.pods(node).items())))
            for node in others
        },
        **controllers(cluster),
    }


def _ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    line = process.stdout.readline()
    assert line == "ready\n", process.communicate()[1]
    return process


@contextlib.contextmanager
def nothing_is_lost(
    cluster: Cluster, but: Loss = NOTHING, of: Flows | None = None
) -> Iterator[None]:
    """Let flows run for the length of a ``with`` block; fail for what is lost ``but`` that.

    A connection that breaks is a failure in any case.

    :param of: the flows, all by default.
    """
    found = of or flows(cluster)
    command = (*PYTHON, SCRIPT)
    with contextlib.ExitStack() as stack:

        def start(place: str, *words: str) -> subprocess.Popen[str]:
            process = stack.enter_context(cluster.start(place, *command, *words))
            stack.callback(process.kill)
            return _ready(process)

        for place in {flow.taker for flow in found.values()}:
            start(place, PORT)
        senders = {
            name: start(flow.sender, flow.address, flow.port, flow.echoed or flow.address)
            for name, flow in found.items()
        }
        yield
        for sender in senders.values():
            sender.stdin.close()
        _hold({name: _report(sender) for name, sender in senders.items()}, but)


def _report(sender: subprocess.Popen[str]) -> Mapping[str, Any]:
    text = sender.stdout.read()
    assert text, f"a flow broke: {sender.stderr.read()}"
    return json.loads(text)


def _hold(reports: Mapping[str, Mapping[str, Any]], but: Loss) -> None:
    for name, report in reports.items():
        print(f"{name}: {report}")
        assert report["sent"] > 500, f"{name}: only {report['sent']} echo requests were sent"
        assert report["bytes"] > 100 * 1024, f"{name}: only {report['bytes']} bytes were sent"
        assert len(report["lost"]) <= but.echoes, f"{name}: echoes lost, by when they were sent"
        assert report["resent"] <= but.segments, f"{name}: segments that TCP sent again"
        assert report["stall"] <= but.stall, f"{name}: milliseconds without an acknowledgement"
