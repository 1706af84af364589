"""What the classic datapaths need on a node before its pods: a guard, a bridge or routes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from bpf_support import sources
from node_support import CIDR, GATEWAY, GATEWAY_MAC, NODE_IP, options
from running import do, run_module

if TYPE_CHECKING:
    from collections.abc import Sequence

GUARD = "/sys/fs/bpf/podnet/programs/guard"
FROM_CONTAINER = "/sys/fs/bpf/podnet/programs/from_container"
#: Lets everything pass: what guard.c refuses is not the business of these tests.
SOURCE = "int guard(struct __sk_buff *skb) { return -1; }"

#: Options of the module ``endpoints`` by datapath.
DATAPATHS: dict[str, dict[str, Any]] = {
    "ebpf": {"datapath": "ebpf", "program": FROM_CONTAINER},
    "bridge": {"datapath": "bridge", "prefix_length": 25, "program": GUARD},
    "routed": {"datapath": "routed", "route_src": NODE_IP, "program": GUARD},
}
BRIDGE = {
    "name": "cbr0",
    "mac": GATEWAY_MAC,
    "addresses": [f"{GATEWAY}/25"],
    "alias": names.alias("bridge", "cbr0"),
    "mtu": 1500,
}
PAIR = {
    "name": "pn_host",
    "mac": GATEWAY_MAC,
    "addresses": [f"{GATEWAY}/32"],
    "alias": names.alias("gateway", "host"),
    "arp": False,
    "peer": {"name": "pn_net", "alias": names.alias("gateway", "net"), "arp": False},
}
#: Devices that forward what pods send and get.
FORWARDING = {"bridge": ("cbr0", "eth0"), "routed": ("pn_host", "eth0")}


def run(module: str, /, **arguments: Any) -> dict[str, Any]:
    """Run a module that must succeed."""
    done = run_module(module, **arguments)
    assert not done.failed, done["msg"]
    return done


def make_guard() -> None:
    """Pin the maps that the module fills, and the guard."""
    run("bpf_map", maps=[table.task() for table in layout.MAPS])
    guard = [{"name": "guard", "source": SOURCE, "type": "sched_cls", "pin": GUARD}]
    run("bpf_program", programs=guard, _sources=sources(guard))


def make_devices(datapath: str) -> None:
    """Make what a classic datapath needs beside its pods' devices."""
    if datapath == "bridge":
        run("bridge", bridges=[BRIDGE])
    else:
        run("veth", veths=[PAIR])
    forwarding = {f"net.ipv4.conf.{device}.forwarding": 1 for device in FORWARDING[datapath]}
    run("sysctls", values=forwarding)


def make_classic(datapath: str) -> None:
    """Make a node of a classic datapath as the roles leave it, without pods."""
    make_guard()
    make_devices(datapath)
    own = [{"dst": CIDR, "type": "blackhole"}] if datapath == "routed" else []
    run("routes", routes=own)


def classic(datapath: str, pods: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return the options of the module ``endpoints`` in a datapath."""
    return options(pods, **{**DATAPATHS[datapath], **more})


def ip_here(*words: str) -> Any:
    """Ask ``ip -j`` on the node."""
    return json.loads(do("ip", "-d", "-j", *words) or "[]")
