"""This project's datapath on the benchmark's nodes: planned and made as the roles do it.

The planner is given an inventory of the two nodes; the modules are given what follows from it, in
the order of a run, and run on the node. What they pin goes to the node's own bpffs and ends with
this process, as everything else here.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import multiprocessing
import os
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ansible.module_utils import basic
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_compile, bpf_sources
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import objects
from ansible_collections.podnet.fabric.plugins.module_utils.plan import devices
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import options
from ansible_collections.podnet.fabric.plugins.module_utils.policy import wire

from .. import kept
from . import CHECKOUT, isolation
from .topology import DEVICE, MTU, SUBNET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf.compiler import Source

    from .topology import Node

FORK = multiprocessing.get_context("fork")
MODULES = "ansible_collections.podnet.fabric.plugins.modules."

#: Objects by their keys: nodes are of one machine type, as in a run.
_COMPILED: dict[str, Any] = {}

#: Programs that nodes have, as ``bpf_program`` was given them: by the node's namespace and the pin.
_LOADED: dict[tuple[str, str], dict[str, Any]] = {}

#: What Ansible's wrapper does with a module. Its last line is the seconds that the module took from
#: there on, without the start of the interpreter and the imports.
LAUNCHER = f"""
import atexit, importlib, sys, time
sys.path.insert(0, {str(CHECKOUT / ".build" / "collections")!r})
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = sys.stdin.buffer.read()
basic._ANSIBLE_PROFILE = "legacy"
module = importlib.import_module({MODULES!r} + sys.argv[1])
start = time.monotonic()
atexit.register(lambda: print("\\n", time.monotonic() - start))
module.main()
"""


def cell(
    datapath: str,
    network_type: str,
    *,
    services: int = 0,
    sockets: Mapping[str, str] = MappingProxyType({}),
    masquerade: bool = False,
    rules: int = 0,
) -> Callable[[Node], None]:
    """Return what joins the pods of a node to it and to the pods of its peers, in one cell.

    :param services: how many services the cluster has; with none their programs are not there.
    :param sockets: names of nodes, and the cgroup folder where each has the programs for sockets.
    :param masquerade: pods reach the outside with their node's address.
    :param rules: how many rules a policy has that selects all pods, in each direction; 0: none is.
    """
    choice = {
        "datapath": datapath,
        "network_type": network_type,
        "masquerade": masquerade,
        "network_policies": [_policy(rules)] if rules else [],
    }
    return functools.partial(_set_up, choice, services, sockets)


def _policy(rules: int) -> dict[str, Any]:
    """Return a policy whose last rule is the one that lets pods reach each other."""
    blocks = [f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}/32" for n in range(rules - 1)]
    peers = [{"ipBlock": {"cidr": block}} for block in blocks] + [{"podSelector": {}}]
    listed = {
        way: [{key: [peer]} for peer in peers]
        for way, key in (("ingress", "from"), ("egress", "to"))
    }
    types = ["Ingress", "Egress"]
    return {"name": "bench", "spec": {"podSelector": {}, "policyTypes": types, **listed}}


def _set_up(choice: dict[str, Any], services: int, sockets: Mapping[str, str], node: Node) -> None:
    planned, policies = _planned(node, choice)
    planned["services"] = services
    items = tasks.build(planned, {})
    with node.entered():
        for module, kind in (("veth", "veths"), ("bridge", "bridges"), ("vxlan", "vxlans")):
            _make(module, kind, items)
        _run("sysctls", values=items["sysctls"]["values"])
        made = tasks.build(planned, {name: number for number, name in socket.if_nameindex()})
        for maps in ("first_maps", "maps"):
            _run("bpf_map", maps=made[maps])
        for programs in filter(None, (items["policy_programs"], items["programs"])):
            _run("bpf_program", programs=programs, _sources=_sources(programs))
            _LOADED.update({(node.netns, item["pin"]): item for item in programs})
            _run("bpf_map", maps=items["policy_maps"])
        if choice["masquerade"]:
            _run("bpf_map", maps=items["masquerade_maps"])
        for kind in ("neighbors", "routes"):
            _make(kind, kind, items)
        if policies:
            _run("policy", _policies=policies)
        _run("endpoints", endpoints=items["endpoints"], **items["endpoint_options"])
        if node.name in sockets:
            _balance_sockets(items["socket_programs"], sockets[node.name])


def _make(module: str, kind: str, items: dict[str, Any]) -> None:
    """Make all of a kind; where there is none the module would just take its time."""
    if items[kind]:
        _run(module, **{kind: items[kind]})


def _balance_sockets(programs: list[dict[str, Any]], cgroup: str) -> None:
    """Attach the programs of sockets to a folder of their own, where a role takes the root."""
    there = [
        {**item, "attach": [{**place, "cgroup": cgroup} for place in item["attach"]]}
        for item in programs
    ]
    _run("bpf_program", programs=there, _sources=_sources(there))


def _planned(node: Node, choice: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What the plan says of a node, with its pods alone: no health endpoint is needed here.

    And what the module ``policy`` is given.
    """
    cluster = {
        "podnet_cluster": "bench",
        **{f"podnet_{word}": value for word, value in choice.items()},
        "podnet_vpc_cidr": "10.111.0.0/16",
        "podnet_subnets": [{"name": "default", "cidr": str(SUBNET), "gateway": str(SUBNET[1])}],
        "podnet_secondary_ranges": [{"name": "default", "cidr": "10.111.160.0/20"}],
        "podnet_node_cidr_mask_size": node.pod_cidr.prefixlen,
    }
    everyone = [node, *node.peers]
    inventory = {
        one.name: {
            **cluster,
            "podnet_node_ip": str(one.ip),
            "podnet_device": DEVICE,
            "podnet_pod_cidr": str(one.pod_cidr),
            "podnet_pods": [{"name": pod.name, "ip": str(pod.ip)} for pod in one.pods],
        }
        for one in everyone
    }
    whole = plan(inventory, {one.name: {} for one in everyone})
    planned = whole.node(node.name)
    netns = {pod.name: pod.netns for pod in node.pods}
    pods = [
        {**endpoint, "netns": netns[endpoint["name"]]}
        for endpoint in planned["endpoints"]
        if endpoint["name"] in netns
    ]
    with node.entered():
        number = socket.if_nametoindex(DEVICE)
    device = {"name": DEVICE, "ifindex": number, "mtu": MTU, "ethernet": True}
    egress = {**device, "ip": str(node.ip)}
    seen = {"device": device, "underlay": device, "vtep_device": device, "egress_devices": [egress]}
    policies = []
    for held in whole.policies.values():
        policies = [wire.pack({**options.of_cluster(held), **options.of_node(held, pods)})]
    return {**planned, **devices.settle(planned, seen), "endpoints": pods}, policies


def source_of(node: Node, pin: str) -> Source | None:
    """Return what a program of a node is compiled of; None for one that is none of these."""
    item = _LOADED.get((node.netns, pin))
    return bpf_compile.unit(item, _gathered([item]))[0] if item else None


def _gathered(programs: list[dict[str, Any]]) -> dict[str, Any]:
    return bpf_sources.gather(
        programs, lambda name: str(bpf_sources.COLLECTION_SOURCES / name), Path()
    )


def _sources(programs: list[dict[str, Any]]) -> dict[str, Any]:
    """Compile what no node had before; return what the action plugin of bpf_program sends."""
    found = _gathered(programs)
    keys = set(bpf_compile.keys(programs, found, objects.machine()).values())
    _COMPILED.update(kept.found(keys - _COMPILED.keys()))
    if not keys <= set(_COMPILED):
        made = bpf_compile.make(programs, None, found)["objects"]
        kept.keep(made)
        _COMPILED.update(made)
    return {**bpf_sources.without_texts(found), "objects": {key: _COMPILED[key] for key in keys}}


def run_module(name: str, /, **arguments: Any) -> float:
    """Run a module where we are; it has to succeed. Return the seconds that it took."""
    given = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_remote_tmp": "/tmp"}}
    said = isolation.run(
        sys.executable, "-W", "ignore", "-c", LAUNCHER, name, stdin=json.dumps(given)
    )
    return float(said.split()[-1])


def _run(name: str, /, **arguments: Any) -> None:
    """Run a module where we are, as :func:`run_module` does, and do not time it.

    In a fork: nine tenths of a run would be the start of an interpreter, and there are hundreds.
    """
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_remote_tmp": "/tmp"}})
    module = importlib.import_module(MODULES + name)
    with tempfile.TemporaryFile("w+") as said:
        child = FORK.Process(target=_be_the_module, args=(module, given.encode(), said.fileno()))
        child.start()
        child.join()
        said.seek(0)
        if child.exitcode:
            raise RuntimeError(f"{name} failed: {said.read().strip()}\n{given[:2000]}")


def _be_the_module(module: Any, given: bytes, said: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        os.dup2(said, stream.fileno())
    warnings.simplefilter("ignore")
    atexit._clear()
    basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = given, "legacy"
    try:
        module.main()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
