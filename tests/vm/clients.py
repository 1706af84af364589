# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who serves on machines and in their pods, who asks, and who holds on to a machine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tests.cells.servers import THERE
from tests.cluster.cluster import INTERNET
from tests.cluster.probes import PYTHON

from .machines import ADDRESSES, ONE, TWO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .machines import Machines

#: A service of all pods of the deployment.
WEB, NODE_PORT = "10.10.0.80", 30080

#: What makes the cluster one with services, whose pods go outside as their nodes.
VARIABLES: dict[str, Any] = {
    "podnet_deployments": [{"name": "app", "replicas": 4, "labels": {"app": "web"}}],
    "podnet_masquerade": True,
    # The host outside is at an address of documentation, which is by default not masqueraded.
    "podnet_non_masquerade_cidrs": [],
    "podnet_service_cidr": "10.10.0.0/16",
    "podnet_services": [
        {
            "name": "web",
            "type": "NodePort",
            "cluster_ip": WEB,
            "selector": {"app": "web"},
            "ports": [{"port": 80, "node_port": NODE_PORT}],
        }
    ],
}


def serve(machines: Machines) -> None:
    """Run in each pod, as a service of systemd, a server that tells who asks."""
    for place in machines.pods():
        node, _slash, pod = place.partition("/")
        unit = (f"--unit=web-{pod}", f"--property=NetworkNamespacePath=/run/netns/{pod}")
        options = ("--quiet", "--collect", "--property=Restart=on-failure")
        machines.exec(node, "systemd-run", *unit, *options, *PYTHON, str(THERE / "visitors.py"))


def cease(machines: Machines) -> None:
    """End all that serves in pods."""
    for node in machines.nodes:
        machines.exec(node, "systemctl", "stop", "web-*")


def visit(machines: Machines, place: str, address: str, port: int = 80) -> str:
    """Ask a server; return as whom it sees its visitor."""
    url = f"http://{address}:{port}/"
    return machines.exec(
        place, "curl", "-sS", "--retry-connrefused", "--retry", "9", "-m", "60", url
    )


def services_are_reached(machines: Machines) -> None:
    """Fail unless the service is reached by every pod and node, and from outside by every node."""
    pods = machines.pods()
    for place in [*pods, *machines.nodes]:
        assert visit(machines, place, WEB)
    for address in ADDRESSES.values():
        for place in ("internet", "vpc-server"):
            assert visit(machines, place, address, NODE_PORT)


def pods_go_out_as_their_nodes(machines: Machines) -> None:
    """Fail unless a host outside sees the node where a pod asks it."""
    with machines.start("internet", *PYTHON, str(THERE / "visitors.py"), stderr=None) as server:
        try:
            seen = {place: visit(machines, place, INTERNET) for place in machines.pods()}
        finally:
            server.kill()
    assert seen == {place: ADDRESSES[place.partition("/")[0]] for place in seen}, seen


@contextlib.contextmanager
def held_open(machines: Machines) -> Iterator[None]:
    """Hold a connection to each machine open; fail where one did not live through it."""
    own = ("-o", "ControlPath=none")
    held = {node: machines.start_ssh(*own, node, "cat") for node in (ONE, TWO)}

    def echoes() -> None:
        for node, process in held.items():
            process.stdin.write(f"{node}\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"{node}\n", f"the connection to {node} broke"

    try:
        echoes()
        yield
        echoes()
    finally:
        for process in held.values():
            process.kill()
            process.communicate()
