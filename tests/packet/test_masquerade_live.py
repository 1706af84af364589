"""Masquerading between real sockets: checksums that devices were to compute, segments that the
kernel carries as one, fragments, and a mark that has to survive the ways of the kernel."""

from __future__ import annotations

import socket
import subprocess

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout

from .live import CLIENT, REMOTE_POD, echo, open_socket, run_ip, transfer
from .node import NODE, PEER_VTEP, POD_A, POD_B, VTEP

TUNNELED_POD, VXLAN_PORT = "10.111.162.5", 8472


@pytest.mark.parametrize("speak", [transfer, echo], ids=["TCP", "UDP"])
def test_a_pod_is_seen_outside_as_its_node(live, masquerade, speak):
    assert speak((live["a"], POD_A), (CLIENT, 8080), (live["net"], CLIENT, 8080)) == NODE


@pytest.mark.parametrize("speak", [transfer, echo], ids=["TCP", "UDP"])
@pytest.mark.parametrize("to", [REMOTE_POD, CLIENT])
def test_what_is_settled_stays_so_on_its_way_out(node, live, masquerade, speak, to):
    """Packets between pods, by the mark alone: no prefix says that they are."""
    table = node.tables["non_masquerade"]
    table.delete(list(table.items()))
    seen = speak((live["a"], POD_A), (to, 8080), (live["net"], to, 8080))
    assert seen == (POD_A if to == REMOTE_POD else NODE)


def test_what_is_settled_stays_so_in_the_tunnel(node, live, masquerade):
    """The tunnel's headers would be masqueraded here, if they were not a settled packet's."""
    masquerade.set_device("eth0", NODE, nodes=True)
    run_ip(live["node"], f"address add {VTEP}/32 dev lo\nlink set pn_vxlan up")
    run_ip(live["net"], f"address add {PEER_VTEP}/32 dev lo")
    key = layout.ENDPOINTS.pack_key(address=VTEP)
    pod = node.tables["endpoints"].get(layout.ENDPOINTS.pack_key(address=POD_A))
    node.tables["endpoints"].update({key: pod or b""})
    try:
        with (
            open_socket(live["net"], socket.SOCK_DGRAM, PEER_VTEP, VXLAN_PORT) as peer,
            open_socket(live["a"], socket.SOCK_DGRAM, POD_A) as inside,
            open_socket(live["node"], socket.SOCK_DGRAM, VTEP) as own,
        ):
            own.sendto(b"not settled", (PEER_VTEP, VXLAN_PORT))
            assert peer.recvfrom(100)[1][0] == NODE
            inside.sendto(b"settled", (TUNNELED_POD, 9))
            data, (source, _port) = peer.recvfrom(100)
            assert (data[-7:], source) == (b"settled", VTEP)
    finally:
        node.tables["endpoints"].delete([key])


def test_datagrams_in_fragments_go_there_and_back(live, masquerade):
    data = bytes(range(256)) * 20
    with (
        open_socket(live["net"], socket.SOCK_DGRAM, CLIENT, 8080) as server,
        open_socket(live["a"], socket.SOCK_DGRAM, POD_A) as client,
    ):
        client.connect((CLIENT, 8080))
        client.send(data)
        got, peer = server.recvfrom(len(data))
        assert (got, peer[0]) == (data, NODE)
        server.sendto(got, peer)
        assert client.recv(len(data)) == data


@pytest.mark.parametrize("size", [56, 4000])
def test_pings_of_two_pods_with_one_identifier(live, masquerade, size):
    """Their answers do not get mixed up, whole or in fragments."""
    command = f"ping -e 77 -c 20 -i 0.01 -s {size} -W 2 -q {CLIENT}"
    pings = [
        subprocess.Popen(
            ["ip", "netns", "exec", live[pod], *command.split()], stdout=subprocess.PIPE, text=True
        )
        for pod in ("a", "b")
    ]
    for ping in pings:
        shown, _errors = ping.communicate(timeout=30)
        assert " 0% packet loss" in shown
        assert "duplicates" not in shown


def test_the_node_and_a_pod_talk_to_one_server_from_one_port(live, masquerade):
    """Each hears what is for it, whoever began."""
    with (
        open_socket(live["net"], socket.SOCK_DGRAM, CLIENT, 8080) as server,
        open_socket(live["a"], socket.SOCK_DGRAM, POD_A, 5555) as pod,
        open_socket(live["b"], socket.SOCK_DGRAM, POD_B, 5555) as other,
    ):
        sockets = {b"pod": pod, b"other": other}
        for name, one in sockets.items():
            one.sendto(name, (CLIENT, 8080))
        with open_socket(live["node"], socket.SOCK_DGRAM, NODE, 5555) as own:
            sockets[b"own"] = own
            own.sendto(b"own", (CLIENT, 8080))
            ports = set()
            for _name in sockets:
                name, peer = server.recvfrom(100)
                assert peer[0] == NODE
                ports.add(peer[1])
                server.sendto(name, peer)
            assert len(ports) == 3
            for name, one in sockets.items():
                assert one.recv(100) == name


def test_a_connection_that_is_refused_is_refused_at_once(live, masquerade):
    with (
        open_socket(live["a"], socket.SOCK_STREAM, POD_A) as one,
        pytest.raises(ConnectionRefusedError),
    ):
        one.connect((CLIENT, 8081))
    with open_socket(live["a"], socket.SOCK_DGRAM, POD_A) as one:
        one.connect((CLIENT, 8081))
        one.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            one.recv(1)
