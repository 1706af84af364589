"""Live pods go from one datapath to another: in place, and their packets with them."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import attach
from bpf_support import pins
from cell_support import cell_options, make_cell, make_routes, node_of
from node_support import GATEWAY, NODE_IP, PEER_IP, bare_node, pod, sysctl
from running import four_runs, ip, ip_here, run, run_module

pytest_plugins = ["node_support"]

PODS = [pod("web-1", 1), pod("web-2", 2)]
#: From where, None for the node itself, to where packets flow all the while.
STREAMS = [
    ("web-1", "10.111.160.2"),
    ("web-1", GATEWAY),
    ("web-1", PEER_IP),
    ("peer", "10.111.160.1"),
    (None, "10.111.160.2"),
]
#: Words of the diff of an endpoint.
WORDS = {
    ("ebpf", "bridge"): {"addresses", "port", "program"},
    ("bridge", "routed"): {"addresses", "port", "routes", "settings", "program"} - {"program"},
    ("routed", "ebpf"): {"routes", "settings", "program"},
    ("ebpf", "routed"): {"routes", "settings", "program"},
    ("routed", "bridge"): {"addresses", "port", "routes", "settings"},
    ("bridge", "ebpf"): {"addresses", "port", "program"},
}
DEVICES = {"bridge": ["cbr0"], "routed": ["pn_host", "pn_net"], "ebpf": ["pn_host", "pn_net"]}


@pytest.fixture(params=["tcx", "clsact"])
def mode(request):
    """Return the attach mode, on a node whose pods are in the eBPF datapath."""
    with bare_node():
        make_cell("ebpf", request.param)
        make_routes("ebpf")
        run("endpoints", **cell_options("ebpf", PODS, attach_mode=request.param))
        yield request.param


@contextlib.contextmanager
def flowing(losses):
    """Let all streams flow, two milliseconds a packet; at the end write down what they lost."""
    with contextlib.ExitStack() as stack:
        running = {}
        for netns, address in STREAMS:
            inside = [] if netns is None else ["ip", "netns", "exec", netns]
            command = [*inside, "ping", "-n", "-q", "-i", "0.002", address]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.callback(process.kill)
            running[f"{netns or 'node'} to {address}"] = process
        yield
        for name, process in running.items():
            process.send_signal(signal.SIGINT)
            numbers = re.search(r"(\d+) packets transmitted, (\d+) rec", process.communicate()[0])
            sent, received = map(int, numbers.groups())
            assert sent > 50
            losses[name] = max(0, sent - received - 1)  # the last one may be on its way


def switch(before, after, mode):
    """Bring the node from one cell to another, in the order of the roles."""
    make_cell(after, mode)
    if after == "ebpf":  # its route leads to what knows the pods wherever they are
        routes = tasks.build(node_of(after))["routes"]
        run("routes", routes=routes)
    done = four_runs("endpoints", **cell_options(after, PODS, attach_mode=mode))
    assert done["changes"] == [f"change endpoint {one['name']}" for one in PODS]
    told = [set(done["diff"]["before"][f"endpoint {one['name']}"]) for one in PODS]
    assert told == [WORDS[before, after]] * 2
    make_routes(after)
    items = tasks.build(node_of(after))
    run("sysctls", restore=items["sysctls"]["restore"])
    done = four_runs("teardown", keep=items["keep"])
    assert not [line for line in done["changes"] if "endpoint" in line]


def identity():
    """What a pod keeps: namespace, device, addresses of both kinds."""
    found = []
    for one in PODS:
        (eth0,) = ip(one["name"], "link", "show", "eth0")
        (held,) = ip(one["name"], "-4", "addr", "show", "eth0")[0]["addr_info"]
        netns = Path(f"/run/netns/{one['name']}").stat().st_ino
        number = socket.if_nametoindex(names.endpoint_device(one["name"]))
        found.append((netns, eth0["ifindex"], eth0["address"], held["local"], number))
    return found


def connection():
    """Connect the first pod to the second by TCP."""
    with namespaces.inside("web-2"):
        listening = socket.create_server(("10.111.160.2", 80))
    with namespaces.inside("web-1"):
        client = socket.create_connection(("10.111.160.2", 80))
    server, _address = listening.accept()
    listening.close()
    return client, server


def assert_alone(datapath):
    """Nothing of another datapath is left on the node."""
    own = [names.endpoint_device(one["name"]) for one in PODS]
    there = sorted(link["ifname"] for link in ip_here("link"))
    assert there == sorted(["eth0", "lo", *DEVICES[datapath], *own])
    settings = ["conf.{}.forwarding", "conf.{}.proxy_arp", "neigh.{}.proxy_delay"]
    found = [[sysctl(f"net.ipv4.{setting.format(name)}") for setting in settings] for name in own]
    assert found == [["1", "1", "0"] if datapath == "routed" else ["0", "0", "80"]] * 2
    programs = tasks.build(node_of(datapath))["keep"]["programs"]
    assert pins("/sys/fs/bpf/podnet/programs") == sorted(programs)
    with attach.Attacher() as attacher:
        attached = attacher.everything("tc_ingress", "eth0")
    assert len(attached) == 1  # from_netdev, or nodeport in the classic datapaths
    assert sysctl("net.ipv4.conf.eth0.forwarding") == ("0" if datapath == "ebpf" else "1")


@pytest.mark.parametrize("way", [["bridge", "routed", "ebpf"], ["routed", "bridge", "ebpf"]])
def test_there_and_back(mode, way):
    kept = identity()
    client, server = connection()
    before = "ebpf"
    for after in way:
        losses = {}
        with flowing(losses):
            switch(before, after, mode)
        print(f"{mode}: {before} to {after}: lost {losses}")
        assert identity() == kept
        assert_alone(after)
        client.sendall(after.encode())
        server.settimeout(5)
        assert server.recv(100) == after.encode()
        ready = run_module(
            "endpoints_info", datapath=after, program=cell_options(after, [])["program"]
        )
        assert [one["ready"] for one in ready["endpoints"]] == [True, True]
        assert max(losses.values()) <= 25, losses  # 50 ms of a stream, beside other work
        before = after
    client.close()
    server.close()


def test_check_mode_where_nothing_is_yet(bare):
    for datapath in DEVICES:
        done = run_module("endpoints", check=True, **cell_options(datapath, PODS))
        assert done["changes"] == [
            *(f"create endpoint {one['name']}" for one in PODS),
            *(f"create host address {address}" for address in (GATEWAY, NODE_IP)),
        ]
    assert list(Path("/run/netns").iterdir()) == [Path("/run/netns/peer")]


def test_check_mode_of_a_switch_before_anything_of_it_is_made(mode):
    """What it says is what the run does once the roles before it have done theirs."""
    for after in ("bridge", "routed"):
        options = cell_options(after, PODS, attach_mode=mode)
        predicted = run_module("endpoints", check=True, **options)
        assert not predicted.failed, predicted["msg"]
        make_cell(after, mode)
        done = run_module("endpoints", **options)
        assert (done["changes"], done["diff"]) == (predicted["changes"], predicted["diff"])
        make_routes(after)
    assert done["diff"]["before"]["endpoint web-1"]["port"] == {"bridge": "cbr0", "hairpin": True}
