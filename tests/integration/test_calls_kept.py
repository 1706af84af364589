"""endpoints: connections that pods have by their own addresses when a node begins to masquerade."""

from __future__ import annotations

import contextlib
import socket

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, nat_layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from nat_support import TCP, empty, flow, write
from node_support import NODE_IP, PEER_IP, bare_node, make_datapath, options, plan, pod
from running import do, four_runs, run_module

POD, OUTSIDE, ALL = "10.111.160.1", "203.0.113.5", ["10.0.0.0/8"]
PODS = [pod("web-1", 1)]


@pytest.fixture(scope="module")
def node():
    """A node that masquerades nothing yet, with one pod, and a host outside in ``peer``."""
    with bare_node():
        make_datapath(plan())
        do("ip", "-n", "peer", "addr", "add", f"{OUTSIDE}/32", "dev", "lo")
        do("ip", "route", "add", f"{OUTSIDE}/32", "via", PEER_IP)
        assert not run_module("endpoints", **options(PODS)).failed
        yield
        assert not run_module("endpoints", **options([])).failed


def connect(stack, source, target):
    """Connect a place (namespace and address) to another, each with a port; return both ends."""
    ends = []
    for netns, address, port in (target, source):
        with namespaces.inside(netns):
            one = stack.enter_context(socket.socket())
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, port))
        ends.append(one)
    listening, client = ends
    listening.listen()
    client.settimeout(10)
    client.connect(target[1:])
    taken = stack.enter_context(listening.accept()[0])
    return client, taken


def table():
    """The flows that the map holds."""
    with maps.open_pin(nat_layout.NAT.pin) as found:
        return found.items()


def kept():
    """The connections that are kept: the pod's port, and the other end."""
    return {
        (row["source_port"], str(row["destination"]), row["destination_port"])
        for row in (
            nat_layout.NAT.unpack_key(key)
            for key, value in table().items()
            if nat_layout.NAT.value_row(value).flags & nat_layout.NAT_INBOUND
        )
    }


def pod_flags():
    with maps.open_pin(layout.ENDPOINTS.pin) as found:
        value = found.get(layout.ENDPOINTS.pack_key(address=POD))
    return layout.ENDPOINTS.unpack_value(value)["flags"]


def test_connections_of_no_flow_are_kept_once(node):
    with contextlib.ExitStack() as stack:
        own, peer, outside = ("web-1", POD), ("peer", PEER_IP), ("peer", OUTSIDE)
        connect(stack, (*outside, 1001), (*own, 8080))
        connect(stack, (*own, 1002), (*outside, 9000))
        connect(stack, (*own, 1003), (*outside, 9001))
        connect(stack, (*own, 1004), (*peer, 9000))
        masqueraded = flow((POD, 1003), (OUTSIDE, 9001), (NODE_IP, 1003), protocol=TCP)
        write(masqueraded)
        assert pod_flags() == 0
        done = four_runs("endpoints", **options(PODS, non_masquerade_cidrs=ALL))
        assert done["changes"] == ["change endpoint web-1"]
        assert pod_flags() == layout.ENDPOINT_CALLS
        assert kept() == {(8080, OUTSIDE, 1001), (1002, OUTSIDE, 9000)}
        assert masqueraded.items() <= table().items()

        # Of what begins later the programs take note.
        empty()
        assert not run_module("endpoints", **options(PODS, non_masquerade_cidrs=ALL))["changed"]
        assert kept() == set()

        # Who was excepted, and is not any more.
        prefixes = nat_layout.NON_MASQUERADE
        with maps.open_pin(prefixes.pin) as found:
            key = prefixes.pack_key(prefixlen=96 + 8, address="10.0.0.0")
            found.update({key: prefixes.pack_value(why=nat_layout.NON_MASQUERADE_LISTED)})
            done = run_module("endpoints", **options(PODS, non_masquerade_cidrs=[]), check=True)
            assert (done["changed"], kept()) == (False, set())
            assert not run_module("endpoints", **options(PODS, non_masquerade_cidrs=[]))["changed"]
            assert (1004, PEER_IP, 9000) in kept()
            found.delete([key])
        empty()
    assert not run_module("endpoints", **options(PODS)).failed
    assert pod_flags() == 0


def test_calls_go_with_the_pod_that_was_called(node):
    """A pod that gets the address is not to answer who called another one."""
    table, other = nat_layout.CALLS, pod("web-2", 2)
    keys = {ip: table.pack_key(pod=ip, place=7) for ip in (POD, other["ip"])}
    call = table.pack_value(address=OUTSIDE, port=53, pod_port=5000, protocol=17, flags=1, used=1)
    assert not run_module("endpoints", **options([*PODS, other])).failed
    with maps.open_pin(table.pin) as found:
        found.update(dict.fromkeys(keys.values(), call))
        assert not run_module("endpoints", **options([other])).failed
        assert set(found.items()) == {keys[other["ip"]]}
        assert not run_module("endpoints", **options(PODS)).failed
        assert found.items() == {}
