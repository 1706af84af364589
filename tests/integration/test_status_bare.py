"""node_info and status_info on a host that has nothing yet."""

from __future__ import annotations

import socket

from node_support import plan
from running import do, run_module

pytest_plugins = ["node_support"]


def test_node_info_of_a_bare_host(bare):
    do("umount", "/sys/fs/bpf")
    do("ip", "addr", "add", "10.111.0.77/32", "dev", "eth0", "label", "eth0:1")
    for check in (False, True):
        found = run_module("node_info", check=check, node_ip="10.111.0.77")
        assert found["changed"] is False
        assert found["device"] == {
            "name": "eth0",
            "ifindex": socket.if_nametoindex("eth0"),
            "mtu": 1500,
        }
        assert (found["bpffs"], found["cgroup2"]) == (False, "/sys/fs/cgroup")
        assert (found["missing"], found["distribution"]) == ([], "debian")
        assert (found["pod_cidr"], found["peers"], found["endpoints"]) == (None, {}, {})
    assert run_module("node_info", device="lo")["device"]["mtu"] == 65536
    assert run_module("node_info", device="no-such")["device"] is None
    assert run_module("node_info", node_ip="10.9.9.9")["device"] is None
    assert run_module("node_info")["device"] is None


def test_status_of_a_bare_host(bare):
    found = run_module("status_info", node=plan("web-1"))
    assert found["status"]["attach_mode"] is None
    assert [one["state"] for one in found["status"]["endpoints"]] == ["not ready"] * 2
    assert [one["id"] for one in found["status"]["programs"]] == [None] * 3
    assert "NOTHING ATTACHED" in found["report"]
