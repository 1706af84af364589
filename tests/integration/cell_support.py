"""A node in any cell of the table, made as the roles make it, and its pods."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.filter.datapath import datapath as items_of
from bpf_support import sources
from node_support import options, plan
from running import ROOT, do, run_module

if TYPE_CHECKING:
    from collections.abc import Sequence

GUARD = "/sys/fs/bpf/podnet/programs/guard"


def run(module: str, /, **arguments: Any) -> dict[str, Any]:
    """Run a module that must succeed."""
    done = run_module(module, **arguments)
    assert not done.failed, done["msg"]
    return done


def node_of(datapath: str) -> dict[str, Any]:
    """Return the node of the plan, native routing, with a datapath."""
    return {**plan(), "datapath": datapath}


def make_cell(datapath: str, mode: str = "auto") -> None:
    """Make what the pods of a datapath need; what another one had stays."""
    node = node_of(datapath)
    items = items_of(node)
    for word in ("veth", "bridge"):
        if items[word + "s"]:
            run(word, **{word + "s": items[word + "s"]})
    run("sysctls", values=items["sysctls"]["values"], remember=True)
    numbers = {name: number for number, name in socket.if_nameindex()}
    run("bpf_map", maps=items_of(node, numbers)["maps"])
    programs = [{**one, "src": str(ROOT / "bpf" / one["src"])} for one in items["programs"]]
    run("bpf_program", programs=programs, _sources=sources(programs), attach_mode=mode)


def make_routes(datapath: str) -> None:
    """Make the routes of a datapath, and take away those of another one."""
    routes = items_of(node_of(datapath))["routes"]
    run("routes", routes=routes, purge=True, keep_devices=["pn_????????????"])


def cell_options(datapath: str, pods: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return the options of the module ``endpoints`` in a datapath."""
    return options(pods, **{**items_of(node_of(datapath))["endpoint_options"], **more})


def ip_here(*words: str) -> Any:
    """Ask ``ip -j`` on the node."""
    return json.loads(do("ip", "-d", "-j", *words) or "[]")
