"""teardown: what carries our names goes, and nothing else."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks
from bpf_support import pins
from cell_support import cell_options, make_cell, make_routes, node_of
from node_support import (
    GATEWAY_MAC,
    PEER_IP,
    items,
    make_datapath,
    options,
    plan,
    pod,
    sysctl,
)
from running import do, four_runs, ip, run, run_module

pytest_plugins = ["node_support"]
PROGRAMS = "/sys/fs/bpf/podnet/programs"


def picture():
    """Everything of the network that a host holds, and where programs are attached."""
    return {
        "links": do("ip", "-br", "link"),
        "addresses": do("ip", "-br", "-4", "addr"),
        "routes": do("ip", "-4", "route", "show", "table", "all"),
        "rules": do("ip", "rule"),
        "qdiscs": do("tc", "qdisc"),
        "filters": do("tc", "filter", "show", "dev", "eth0", "ingress"),
        "netns": sorted(line.split()[0] for line in do("ip", "netns", "list").splitlines()),
        "pins": pins("/sys/fs/bpf"),
        "sysctls": [sysctl(f"net.ipv4.{name}") for name in ("ip_forward", "conf.eth0.forwarding")],
    }


@pytest.mark.parametrize("mode", ["tcx", "clsact"])
def test_teardown_takes_what_is_ours_and_nothing_else(bare, mode):
    do("ip", "link", "add", "br0", "type", "bridge")
    do("ip", "link", "set", "br0", "alias", "somebody's", "up")
    do("ip", "route", "add", "10.9.0.0/24", "via", PEER_IP, "proto", "static")
    do("ip", "netns", "add", "own-db")
    shape = ["type", "array", "key", "4", "value", "4", "entries", "1", "name", "others"]
    do("bpftool", "map", "create", "/sys/fs/bpf/others", *shape)
    before = picture()
    node = plan("web-1")
    make_datapath(node, mode)
    pods = [*items(node), pod("db", 9, netns="/run/netns/own-db")]
    assert not run_module("endpoints", **options(pods, attach_mode=mode)).failed
    assert picture() != before

    done = four_runs("teardown")
    assert [line for line in done["changes"] if "endpoint" in line] == [
        f"remove endpoint {name}" for name in ("db", "podnet-health", "web-1")
    ]
    assert "remove route 10.111.160.0/25" in done["changes"]
    assert "remove device pn_host" in done["changes"]
    assert picture() == before
    assert [link["ifname"] for link in ip("own-db", "link")] == ["lo"]


def test_teardown_of_what_killed_runs_left(bare):
    before = picture()
    node = plan("web-1")
    make_datapath(node)
    run_module("endpoints", **options(items(node)))
    # Killed between making a device and naming it, and between two parts of an endpoint.
    do("ip", "link", "set", "pn_host", "alias", "")
    do("ip", "link", "set", "pn_net", "alias", "")
    do("ip", "link", "del", names.endpoint_device("web-1"))
    do("rm", "/sys/fs/bpf/podnet/programs/from_host")
    run = run_module("teardown")
    assert not run.failed, run["msg"]
    assert picture() == before
    assert run_module("teardown")["changes"] == []


@pytest.mark.parametrize("datapath", ["bridge", "routed"])
def test_teardown_of_the_classic_datapaths(bare, datapath):
    before = picture()
    make_cell(datapath)
    make_routes(datapath)
    vxlan = {"name": "pn_vxlan", "id": 1, "dev": "eth0", "learning": False}
    run("vxlan", vxlans=[{**vxlan, "dstport": 8472, "addresses": ["10.111.160.0/32"]}])
    tunnel = {"dst": "10.111.161.0/25", "via": "10.111.161.0", "dev": "pn_vxlan", "onlink": True}
    run("routes", routes=[tunnel])
    run("endpoints", **cell_options(datapath, [pod("web-1", 1)]))
    # The one has no alias, the other neither: of a run that was killed before it gave them theirs.
    gateway = {"bridge": "cbr0", "routed": "pn_host"}[datapath]
    do("ip", "link", "set", gateway, "alias", "")
    done = four_runs("teardown")
    assert [line for line in done["changes"] if "device" in line] == [
        f"remove device {name}" for name in sorted([gateway, "pn_vxlan"], key="pn_host".__ne__)
    ]
    run("sysctls", state="restored")
    assert picture() == before


def test_a_bridge_of_somebody_else_by_our_name_stays(bare):
    do("ip", "link", "add", "cbr0", "address", "02:00:00:00:00:01", "type", "bridge")
    assert four_runs_of_nothing() == []
    do("ip", "link", "set", "cbr0", "address", GATEWAY_MAC, "alias", "somebody's")
    assert four_runs_of_nothing() == []
    assert "cbr0" in do("ip", "link")


def four_runs_of_nothing():
    """Return what a teardown changes, with something to keep and without."""
    nothing = {"devices": [], "programs": []}
    return run("teardown", keep=nothing)["changes"] + run("teardown")["changes"]


@pytest.mark.parametrize("mode", ["tcx", "clsact"])
def test_what_is_kept_stays_and_what_is_not_goes(bare, mode):
    """The other way round, what another datapath leaves, is the tests' of switches."""
    make_cell("ebpf", mode)
    make_routes("ebpf")
    run("endpoints", **cell_options("ebpf", [pod("web-1", 1)], attach_mode=mode))
    do("ip", "link", "add", "br0", "type", "bridge")
    kept = picture()
    keep = tasks.build(node_of("ebpf"))["keep"]
    assert run("teardown", keep=keep)["changes"] == []
    # One end of a pair keeps both; a program that somebody else pinned beside ours is not ours.
    do("bpftool", "prog", "pin", "pinned", f"{PROGRAMS}/from_host", f"{PROGRAMS}/somebodys")
    assert run("teardown", keep={**keep, "devices": ["pn_net"]})["changes"] == []

    for device, cidr in (("cbr0", "10.8.0.1/24"), ("pn_vxlan", "10.8.1.1/24")):
        kind = ["vxlan", "id", "1", "dstport", "8472"] if "vxlan" in device else ["bridge"]
        do("ip", "link", "add", device, "address", GATEWAY_MAC, "type", *kind)
        do("ip", "addr", "add", cidr, "dev", device)
        do("ip", "link", "set", device, "up")
    do("bpftool", "prog", "pin", "pinned", f"{PROGRAMS}/from_host", f"{PROGRAMS}/guard")
    done = four_runs("teardown", keep=keep)
    assert done["changes"] == [
        *("remove device cbr0", "remove device pn_vxlan", "remove program guard")
    ]
    do("rm", f"{PROGRAMS}/somebodys")
    assert picture() == kept

    # A pod's own program is the endpoints', even if it should not be there.
    done = four_runs("teardown", keep={"devices": ["pn_host"], "programs": ["from_host"]})
    at_eth0 = {
        "tcx": "link /sys/fs/bpf/podnet/links/eth0-tc_ingress",
        "clsact": "filter tc_ingress of eth0",
    }
    assert done["changes"] == [
        f"remove {at_eth0[mode]}",
        *("remove program from_container", "remove program from_netdev"),
    ]
    found = run_module("endpoints_info")["endpoints"]
    assert [one["device"] for one in found] == [names.endpoint_device("web-1")]
    after = picture()
    assert "from_netdev" not in after["filters"]
    assert after["links"] == kept["links"]
