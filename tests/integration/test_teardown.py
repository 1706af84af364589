"""teardown: what carries our names goes, and nothing else."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from bpf_support import pins
from node_support import PEER_IP, items, make_datapath, options, plan, pod, sysctl
from running import do, four_runs, ip, run_module

pytest_plugins = ["node_support"]


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
        "sysctls": sysctl("net.ipv4.ip_forward"),
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
