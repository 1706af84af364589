"""This project's datapath on the benchmark's nodes. The one file that knows how it is set up.

What a node offers (see :class:`tests.bench.topology.Node`):

- ``node.netns``: path of its network namespace. Its device ``eth0`` is up and has ``node.ip``,
  the neighbour entries of ``node.peers`` are there; no route and no pod device is.
- ``node.pods``: each with ``name``, ``ip`` and ``netns``, an empty network namespace. The pod's
  device has to be called ``eth0``. ``pod.mac`` and ``pod.host_mac`` are the MACs that the planner
  gives, ``node.gateway`` and ``node.pod_cidr`` too.
- ``with node.entered():`` we are in its network and see its own, empty bpffs at ``/sys/fs/bpf``,
  so that the usual pin paths serve. Import nothing there that starts a thread: a process of
  several threads cannot change its mount namespace.

Nothing has to be taken down again: all of it ends with this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# STAND-IN: until the datapath is there, the floor takes its place, so that the harness runs.
from .floor import floor

if TYPE_CHECKING:
    from .programs import Probe
    from .topology import Node, Topology


def podnet(node: Node) -> None:
    """Join the pods of a node to it and to the pods of its peers."""
    floor(node)


def programs(topology: Topology) -> list[Probe]:
    """Return what to time on nodes that :func:`podnet` has set up, in one place.

    A :class:`~tests.bench.programs.Probe` is a program (a pin path in the bpffs of its node, or
    an open file), the packet, and the device that it came in on. A name that is there already,
    from the other place, is not timed again.
    """
    return []
