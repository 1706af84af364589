"""packet_path_info: each datapath, with pods that are masqueraded."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks
from node_support import CLUSTER, NODE_IP, PEER_IP, bare_node, items, make_datapath, plan
from path_support import NODE, Asked
from running import do, run


@pytest.fixture(scope="module", params=["ebpf", "bridge", "routed"])
def masquerading(request):
    """A node of each datapath that masquerades its pods on eth0, but for the VPC."""
    with pytest.MonkeyPatch.context() as patch, bare_node():
        patch.setitem(CLUSTER, "podnet_datapath", request.param)
        do("ip", "route", "add", "default", "via", PEER_IP)
        node = plan("web", "db")
        device = {"name": "eth0", "ifindex": node["device_ifindex"], "ip": NODE_IP}
        listed = [{"cidr": "10.0.0.0/8", "why": "listed"}]
        node["masquerade"] = {"devices": [device], "nodes": False, "prefixes": listed}
        wanted = tasks.build(node)
        tables = wanted["masquerade_maps"]
        run("bpf_map", maps=[{**one, "entries": [], "purge": False} for one in tables])
        make_datapath(node)
        run("bpf_map", maps=tables)
        run("endpoints", endpoints=items(node), **wanted["endpoint_options"])
        yield Asked()


@pytest.mark.parametrize("protocol", ["tcp", "udp", "icmp"])
def test_what_goes_outside_has_the_address_of_the_node_and_its_answer_comes_back(
    masquerading, protocol
):
    port = None if protocol == "icmp" else 53
    found = masquerading("db", "8.8.8.8", protocol, port)
    out, back = (hop for hop in found["hops"] if "translated" in hop)
    assert (out["hook"], out["verdict"]) == ("to_netdev", "masqueraded")
    assert out["translated"].startswith(NODE_IP)
    db = masquerading.known[NODE]["pods"]["db"]
    assert back["verdict"] == "to_endpoint"
    assert f"-> {db}" in back["translated"]
    assert found["verdicts"]["reply"] == {"verdict": "delivered", "at": f"db on {NODE}"}


def test_what_is_listed_keeps_its_address(masquerading):
    found = masquerading("db", PEER_IP, "udp", 53)
    assert [hop for hop in found["hops"] if "translated" in hop] == []
    assert {each["verdict"] for each in found["verdicts"].values()} == {"delivered"}


def test_each_datapath_knows_its_pods_and_its_node(masquerading):
    for question in (("db", "web", "tcp", 80), (NODE, "web", "icmp"), (PEER_IP, "web", "tcp", 80)):
        verdicts = masquerading(*question)["verdicts"]
        assert verdicts["forward"] == {"verdict": "delivered", "at": f"web on {NODE}"}
        assert verdicts["reply"]["verdict"] == "delivered"
    assert (
        masquerading("db", "10.111.160.99", "tcp", 80)["verdicts"]["forward"]["verdict"]
        == "dropped"
    )
    spoofed = masquerading("db", "web", "tcp", 80, "10.111.160.77")["verdicts"]["forward"]
    assert spoofed["reason"] == "spoofed_source"
