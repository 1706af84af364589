"""A node of a cluster, in a host of the test's own: planned and made as the roles do it."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks
from ansible_collections.podnet.fabric.plugins.module_utils.plan import planner
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from bpf_host import own_host
from bpf_support import compiled
from running import ROOT, do, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NODES = {"node-e6e4d": "10.111.0.8", "node-63344": "10.111.0.9"}
NODE_IP, PEER_IP = NODES.values()
CLUSTER: dict[str, Any] = {
    "podnet_cluster": "demo",
    "podnet_vpc_cidr": "10.111.0.0/16",
    "podnet_subnets": [{"name": "default", "cidr": "10.111.0.0/24", "gateway": "10.111.0.1"}],
    "podnet_secondary_ranges": [{"name": "default", "cidr": "10.111.160.0/20"}],
    "podnet_node_cidr_mask_size": 25,
}
MOUNTS = (
    *(("tmpfs", folder) for folder in ("/run", "/var/lib", "/mnt")),
    *(("tmpfs", f"/usr/local/{folder}") for folder in ("sbin", "share")),
    # sysfs shows the devices of the namespace that it is mounted in.
    *(("sysfs", "/sys"), ("bpf", "/sys/fs/bpf"), ("cgroup2", "/sys/fs/cgroup")),
)
CIDR, GATEWAY, HEALTH = "10.111.160.0/25", "10.111.160.126", "10.111.160.125"
GATEWAY_MAC = "0e:58:0a:6f:a0:7e"


@contextlib.contextmanager
def bare_node() -> Iterator[None]:
    """Be on a host with nothing of anybody's: eth0 (10.111.0.8), beyond it the namespace ``peer``.

    Files below /run, /var/lib, /etc and /usr/local are the host's own as well, and end with
    it: labs that stand meanwhile have the machine's below their own.
    """
    with own_host():
        do("umount", "--recursive", "--lazy", "/sys")
        for kind, folder in MOUNTS:
            do("mount", "-t", kind, "none", folder)
        for part in ("upper", "work"):
            Path("/mnt", part).mkdir()
        layers = "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work"
        do("mount", "-t", "overlay", "-o", layers, "overlay", "/etc")
        do("ip", "netns", "add", "peer")
        do("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", "peer")
        for netns, address in (((), NODE_IP), (("-n", "peer"), PEER_IP)):
            do("ip", *netns, "addr", "add", f"{address}/24", "dev", "eth0")
            do("ip", *netns, "link", "set", "eth0", "up")
        do("ip", "-n", "peer", "route", "add", CIDR, "via", NODE_IP)
        # On a busy machine the kernel tells of the carrier only later.
        wait_for("eth0 has a carrier", lambda: " UP " in do("ip", "-br", "link", "show", "eth0"))
        yield


def plan(*pods: str) -> dict[str, Any]:
    """Plan the node with these pods; what comes out is its slice."""
    nodes = {name: {**CLUSTER, "podnet_node_ip": ip} for name, ip in NODES.items()}
    nodes["node-e6e4d"]["podnet_pods"] = [{"name": pod} for pod in pods]
    nothing: dict[str, Any] = {"pod_cidr": None, "peers": {}, "endpoints": {}}
    node = planner.plan(nodes, dict.fromkeys(NODES, nothing)).node("node-e6e4d")
    ifindex = socket.if_nametoindex("eth0")
    return {**node, "device": "eth0", "device_ifindex": ifindex, "device_mtu": 1500, "mtu": 1500}


def make_parts(node: dict[str, Any], mode: str = "auto") -> None:
    """Make what a node holds beside pods and routes; what another datapath had stays."""
    items = tasks.build(node)
    for word in ("veth", "bridge"):
        if items[word + "s"]:
            run(word, **{word + "s": items[word + "s"]})
    run("sysctls", values=items["sysctls"]["values"], remember=True)
    numbers = {name: number for number, name in socket.if_nameindex()}
    made = tasks.build(node, numbers)
    for word in ("first_maps", "maps"):
        run("bpf_map", maps=made[word])
    for word in filter(items.get, ("policy_programs", "programs")):
        programs = [{**one, "src": str(ROOT / "bpf" / one["src"])} for one in items[word]]
        run("bpf_program", programs=programs, _sources=compiled(programs), attach_mode=mode)
        run("bpf_map", maps=items["policy_maps"])  # before others come that hand packets over


def make_routes(node: dict[str, Any]) -> None:
    """Make the routes of a node, and take away those of another datapath."""
    routes = tasks.build(node)["routes"]
    run("routes", routes=routes, purge=True, keep_devices=["pn_????????????"])


def make_datapath(node: dict[str, Any], mode: str = "auto") -> None:
    """Do what the parts datapath and peers and the end of settle do."""
    make_parts(node, mode)
    make_routes(node)


def pod(name: str, number: int, **more: Any) -> dict[str, Any]:
    """Return one item of the option ``endpoints``, with the n-th address of the pod CIDR."""
    mac = f"0a:58:0a:6f:a0:{number:02x}"
    return {"name": name, "ip": f"10.111.160.{number}", "mac": mac, **more}


def items(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the endpoints of a plan as items of the option ``endpoints``."""
    return [{word: one[word] for word in ("name", "ip", "mac")} for one in node["endpoints"]]


def options(pods: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return the options of the module ``endpoints``."""
    return {
        "endpoints": list(pods),
        "host_addresses": [GATEWAY, NODE_IP],
        "gateway_ip": GATEWAY,
        "gateway_mac": GATEWAY_MAC,
        "mtu": 1500,
        "purge": True,
        **more,
    }


def sysctl(name: str, netns: str | None = None) -> str:
    """Return a setting of the node or of a namespace."""
    inside = ["ip", "netns", "exec", netns] if netns else []
    return " ".join(do(*inside, "sysctl", "-n", name).split())


@pytest.fixture
def bare() -> Iterator[None]:
    """Be on a bare node."""
    with bare_node():
        yield
