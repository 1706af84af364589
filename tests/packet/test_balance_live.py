"""Load balancing a packet at a time, between real sockets: checksums that devices were to compute,
segments that the kernel carries as one, answers that a kernel must believe."""

from __future__ import annotations

import socket
import subprocess

import pytest

from . import services as maps_of
from .live import CLIENT, REMOTE_POD, echo, open_socket, run_ip, transfer
from .node import GATEWAY, NETDEV_MTU, NODE, POD_A, POD_B

CLUSTER_IP, NODE_PORT = "10.10.252.131", 31000


BOTH = pytest.mark.parametrize(
    ("speak", "protocol"), [(transfer, maps_of.TCP), (echo, maps_of.UDP)], ids=["TCP", "UDP"]
)


@BOTH
def test_from_outside_to_a_local_pod(live, services, speak, protocol):
    services.add("::", NODE_PORT, [(POD_A, 80)], kind="node_port", protocol=protocol)
    client, server = (live["net"], CLIENT), (live["a"], POD_A, 80)
    assert speak(client, (NODE, NODE_PORT), server) == CLIENT


@BOTH
def test_from_outside_to_a_remote_pod(live, services, speak, protocol):
    services.add("::", NODE_PORT, [(REMOTE_POD, 80)], kind="node_port", protocol=protocol)
    client, server = (live["net"], CLIENT), (live["net"], REMOTE_POD, 80)
    assert speak(client, (NODE, NODE_PORT), server) == NODE


@BOTH
def test_from_outside_to_a_process_of_the_node(live, services, speak, protocol):
    services.add("::", NODE_PORT, [(NODE, 9100)], kind="node_port", protocol=protocol)
    client, server = (live["net"], CLIENT), (live["node"], NODE, 9100)
    assert speak(client, (NODE, NODE_PORT), server) == CLIENT


@BOTH
@pytest.mark.parametrize(
    ("where", "server"), [("b", (POD_B, 8080)), ("net", (REMOTE_POD, 8080)), ("node", (NODE, 9100))]
)
def test_from_a_pod_past_its_sockets(live, services, speak, protocol, where, server):
    services.add(CLUSTER_IP, 80, [server], protocol=protocol)
    assert speak((live["a"], POD_A), (CLUSTER_IP, 80), (live[where], *server)) == POD_A


@BOTH
def test_from_a_pod_to_itself(live, services, speak, protocol):
    services.add(CLUSTER_IP, 80, [(POD_A, 8080)], protocol=protocol)
    assert speak((live["a"], POD_A), (CLUSTER_IP, 80), (live["a"], POD_A, 8080)) == GATEWAY


@pytest.mark.parametrize(
    ("where", "source", "target"),
    [("net", CLIENT, (NODE, NODE_PORT)), ("a", POD_A, (CLUSTER_IP, 80))],
)
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_without_a_backend_a_process_is_refused_at_once(
    live, services, where, source, target, kind
):
    protocol = maps_of.TCP if kind == socket.SOCK_STREAM else maps_of.UDP
    services.add("::", NODE_PORT, [], kind="node_port", protocol=protocol)
    services.add(CLUSTER_IP, 80, [], protocol=protocol)

    def ask() -> None:
        with open_socket(live[where], kind, source) as one:
            one.connect(target)
            one.send(b"?")
            one.recv(1)

    with pytest.raises(ConnectionRefusedError):
        ask()


def test_the_mtu_of_the_way_on_becomes_known(live, services):
    """The client's own is larger: what it sends at first does not fit."""
    services.add("::", NODE_PORT, [(REMOTE_POD, 80)], kind="node_port")
    run_ip(live["net"], "route flush cache")
    before = services.counted("from_netdev", "too_big")
    transfer((live["net"], CLIENT), (NODE, NODE_PORT), (live["net"], REMOTE_POD, 80))
    assert services.counted("from_netdev", "too_big") > before
    shown = subprocess.run(
        ["ip", "-n", live["net"], "route", "get", NODE, "from", CLIENT],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"mtu {NETDEV_MTU}" in shown
