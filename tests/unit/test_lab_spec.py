"""What a lab's inventory may say, and what it is told where it may not."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.lab import network, spec

LINK = {"segment": "west", "address": "10.9.0.2/24"}


def host(name="left", **parts):
    return {"name": name, "links": [LINK], **parts}


def test_defaults():
    (parsed,) = spec.parse([host(links=[LINK, {"segment": "east", "address": "10.9.1.2/25"}])])
    assert [link.device for link in parsed.links] == ["eth0", "eth1"]
    assert [link.mtu for link in parsed.links] == [1500, 1500]
    assert [link.mac for link in parsed.links] == ["02:00:0a:09:00:02", "02:00:0a:09:01:02"]


def test_empty_means_not_set():
    (parsed,) = spec.parse([host(links=[{**LINK, "device": "", "mtu": ""}], routes="", sysctls="")])
    assert (parsed.links[0].device, parsed.links[0].mtu) == ("eth0", 1500)
    assert (parsed.routes, parsed.sysctls) == ((), ())


def test_routes_and_sysctls():
    (parsed,) = spec.parse(
        [
            host(
                routes=[{"dst": "default", "via": "10.9.0.1"}],
                sysctls={"net.ipv4.ip_forward": True, "net.ipv4.ip_local_port_range": "1 2"},
            )
        ]
    )
    assert parsed.routes == (spec.Route("0.0.0.0/0", "10.9.0.1"),)
    assert parsed.sysctls == (("net.ipv4.ip_forward", "1"), ("net.ipv4.ip_local_port_range", "1 2"))


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([host("switch")], "'switch' cannot be the name of a lab host"),
        ([host("a/b")], "'a/b' cannot be the name of a lab host"),
        ([host(".."), host("b")], "'..' cannot be the name of a lab host"),
        ([host("x" * 64)], "up to 63 letters"),
        ([host(), host(links=[])], "host name 'left' is given twice (left)"),
        (
            [host(), host("right")],
            "lab_links address '10.9.0.2' is given twice (left and right)",
        ),
        ([host(links=[LINK, {**LINK, "device": "eth0"}])], "device of left 'eth0' is given twice"),
        ([host(links=[{**LINK, "segment": "a.b"}])], "lab_links[0] of left: segment 'a.b'"),
        ([host(links=[{**LINK, "segment": "default"}])], "none of all, default, lo"),
        ([host(links=[{**LINK, "segment": "x" * 16}])], "up to 15 letters"),
        ([host(links=[{**LINK, "device": "lo"}])], "lab_links[0] of left: device 'lo'"),
        ([host(links=[{**LINK, "device": "a" * 16}])], "such as eth0"),
        ([host(links=[{**LINK, "mtu": 67}])], "mtu 67 is not valid; it is between 68 and 65535"),
        ([host(links=[{**LINK, "mtu": 65536}])], "mtu 65536 is not valid"),
        ([host(links=[{**LINK, "address": "10.9.0.2"}])], "such as 10.111.0.8/24"),
        ([host(links=[{**LINK, "address": "10.9.0.2/33"}])], "address '10.9.0.2/33'"),
        ([host(links=[{**LINK, "address": "10.9.0.0/24"}])], "address '10.9.0.0/24'"),
        ([host(links=[{**LINK, "address": "10.9.0.255/24"}])], "address '10.9.0.255/24'"),
        ([host(links=[{**LINK, "address": "fd00::2/64"}])], "address 'fd00::2/64'"),
        ([host(routes=[{"dst": "10.0.0.1/8", "via": "10.9.0.1"}])], "dst '10.0.0.1/8'"),
        ([host(routes=[{"dst": "default", "via": "10.9.1.1"}])], "via '10.9.1.1' is not valid"),
        ([host(routes=[{"dst": "default", "via": "router"}])], "via 'router' is not valid"),
        (
            [host(routes=[{"dst": d, "via": "10.9.0.1"} for d in ("default", "0.0.0.0/0")])],
            "dst of left '0.0.0.0/0' is given twice",
        ),
        ([host(sysctls={"kernel.pid_max": 1})], "lab_sysctls of left: 'kernel.pid_max'"),
        ([host(sysctls={"net/../kernel/pid_max": 1})], "only what starts with 'net.'"),
    ],
)
def test_one_sentence_for_what_cannot_be(hosts, said):
    with pytest.raises(Failure) as raised:
        spec.parse(hosts)
    assert said in raised.value.message


@pytest.mark.parametrize("name", ["", "..", "a/b", "-a", "x" * 64, "a b"])
def test_names_that_no_lab_can_have(name):
    with pytest.raises(Failure, match="podnet_lab is "):
        spec.parse_name(name)


def test_edges_that_are_valid():
    assert spec.parse_name("a.b_c-1") == "a.b_c-1"
    (parsed,) = spec.parse([host(links=[{**LINK, "address": "10.9.0.0/31", "mtu": 68}])])
    assert parsed.links[0].interface.network.prefixlen == 31


def test_labs_of_an_inventory():
    hostvars = {
        "a": {"podnet_lab": "one", "lab_links": [LINK]},
        "b": {"podnet_lab": "two", "lab_links": [], "lab_sysctls": {"net.x": 1}},
        "c": {"podnet_lab": "one", "lab_links": [], "lab_routes": [{"dst": "x", "via": "y"}]},
        "a pod, which is in a lab but no host of it": {"podnet_lab": "one"},
        "a real host": {"podnet_lab": "", "lab_links": []},
    }
    labs = spec.labs_of(hostvars)
    assert [(lab["name"], [host["name"] for host in lab["hosts"]]) for lab in labs] == [
        ("one", ["a", "c"]),
        ("two", ["b"]),
    ]
    assert labs[0]["hosts"][0] == {"name": "a", "links": [LINK], "routes": [], "sysctls": {}}
    with pytest.raises(Failure, match="The inventory describes no lab"):
        spec.labs_of({"a": {}})


def test_port_names_fit_and_differ():
    assert network.port_name("node-e6e4d", "eth0") == "node-e6e4d.eth0"
    long = [network.port_name(f"a-long-node-name-{n}", f"eth{m}") for n in (1, 2) for m in (0, 1)]
    assert len(set(long)) == len(long)
    assert {len(name) for name in long} == {15}
