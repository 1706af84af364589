from __future__ import annotations

import time

from running import do, fails, four_runs, ip, run_module


def pair(one: str, other: str, **more):
    return {
        "name": "a0",
        "netns": one,
        "mac": "0e:58:0a:6f:a0:01",
        "mtu": 1400,
        "alias": "podnet:endpoint:web",
        "txqueuelen": 50,
        "devgroup": 7,
        "addresses": ["10.9.0.1/24", "fd00:9::1/64"],
        "peer": {
            "name": "eth0",
            "netns": other,
            "mac": "0a:58:0a:6f:a0:01",
            "mtu": 1400,
            "arp": False,
            "addresses": ["10.9.0.2/24"],
        },
        **more,
    }


def test_pair_across_namespaces(make_netns):
    one, other = make_netns(), make_netns()
    done = four_runs("veth", veths=[pair(one, other)])
    assert done["changes"] == [f"create veth a0 in netns {one}"]

    (a,) = ip(one, "link", "show", "a0")
    assert (a["address"], a["mtu"], a["ifalias"]) == (
        "0e:58:0a:6f:a0:01",
        1400,
        "podnet:endpoint:web",
    )
    assert (a["txqlen"], a["group"]) == (50, "7")
    assert "UP" in a["flags"]
    (b,) = ip(other, "link", "show", "eth0")
    assert b["address"] == "0a:58:0a:6f:a0:01"
    assert {"UP", "NOARP"} <= set(b["flags"])
    (addresses,) = ip(one, "addr", "show", "a0")
    found = [f"{x['local']}/{x['prefixlen']}" for x in addresses["addr_info"]]
    assert {"10.9.0.1/24", "fd00:9::1/64"} <= set(found)

    (shown,) = run_module("veth_info", netns=one)["veths"]
    assert shown["peer"] == {"name": "eth0", "netns": other}
    assert shown["mac"] == "0e:58:0a:6f:a0:01"


def test_only_what_differs_is_changed(make_netns):
    one, other = make_netns(), make_netns()
    run_module("veth", veths=[pair(one, other)])
    do("ip", "-n", one, "link", "set", "a0", "mtu", "1300")
    do("ip", "-n", other, "link", "set", "eth0", "down")
    do("ip", "-n", one, "addr", "add", "10.9.9.9/32", "dev", "a0")
    done = run_module("veth", veths=[pair(one, other)])
    assert done["changes"] == [f"change veth a0 in netns {one}"]
    assert done["diff"]["before"][f"veth a0 in netns {one}"]["mtu"] == 1300
    assert "10.9.9.9/32" in done["veths"][0]["addresses"]
    assert ip(one, "link", "show", "a0")[0]["mtu"] == 1400
    assert "UP" in ip(other, "link", "show", "eth0")[0]["flags"]

    done = four_runs("veth", veths=[pair(one, other, purge_addresses=True)])
    assert [a for a in done["veths"][0]["addresses"] if not a.startswith("fe80")] == [
        "10.9.0.1/24",
        "fd00:9::1/64",
    ]


def test_removal(make_netns):
    one, other = make_netns(), make_netns()
    run_module("veth", veths=[pair(one, other)])
    done = four_runs("veth", netns=one, veths=[{"name": "a0", "state": "absent"}])
    assert done["changes"] == [f"remove veth a0 in netns {one}"]
    assert [link["ifname"] for link in ip(other, "link")] == ["lo"]


def test_a_device_of_another_kind_is_left_alone(netns):
    do("ip", "-n", netns, "link", "add", "a0", "type", "bridge")
    wish = {"name": "a0", "peer": {"name": "b0"}}
    fails("veth", "veths[0]", "'a0'", "bridge", netns=netns, veths=[wish])
    fails("veth", "bridge", netns=netns, veths=[{"name": "a0", "state": "absent"}])
    assert ip(netns, "link", "show", "a0")[0]["linkinfo"]["info_kind"] == "bridge"


def test_a_stranger_is_replaced_only_when_asked(make_netns):
    one, other = make_netns(), make_netns()
    do("ip", "-n", one, "link", "add", "a0", "type", "veth", "peer", "name", "x0")
    wish = {"name": "a0", "netns": one, "peer": {"name": "eth0", "netns": other}}
    fails("veth", "'a0'", "recreate: true", veths=[wish])
    assert ip(one, "link", "show", "x0")
    done = four_runs("veth", veths=[{**wish, "recreate": True}])
    after = done["diff"]["after"][f"veth a0 in netns {one}"]
    assert after["recreated_because"] == "a0 belonged to another pair"
    assert [link["ifname"] for link in ip(one, "link")] == ["lo", "a0"]
    assert [link["ifname"] for link in ip(other, "link")] == ["lo", "eth0"]


def test_equal_indexes_do_not_make_a_pair(make_netns):
    one, other, third = make_netns(), make_netns(), make_netns()
    for here, name, index, peer, peer_index in (
        (one, "a0", "10", "x0", "20"),
        (other, "eth0", "20", "y0", "10"),
    ):
        end = ("link", "add", name, "index", index, "type", "veth")
        do("ip", "-n", here, *end, "peer", "name", peer, "index", peer_index, "netns", third)
    wish = {"name": "a0", "netns": one, "peer": {"name": "eth0", "netns": other}}
    fails("veth", "'a0' and 'eth0'", "recreate: true", veths=[wish])
    four_runs("veth", veths=[{**wish, "recreate": True}])
    assert [link["ifname"] for link in ip(third, "link")] == ["lo"]


def test_our_own_is_replaced_unasked(make_netns):
    one, other = make_netns(), make_netns()
    do("ip", "-n", one, "link", "add", "pn_a0", "type", "veth", "peer", "name", "x0")
    wish = {"name": "pn_a0", "netns": one, "peer": {"name": "eth0", "netns": other}}
    done = four_runs("veth", veths=[wish])
    assert done["changes"] == [f"change veth pn_a0 in netns {one}"]
    assert ip(other, "link", "show", "eth0")


def test_queues_cannot_change_in_place(netns):
    wish = {"name": "a0", "numtxqueues": 1, "peer": {"name": "b0"}}
    run_module("veth", netns=netns, veths=[wish])
    done = four_runs("veth", netns=netns, veths=[{**wish, "numtxqueues": 3}])
    after = done["diff"]["after"][f"veth a0 in netns {netns}"]
    assert after["recreated_because"] == "numtxqueues of a0 cannot change from 1 to 3 in place"
    assert ip(netns, "link", "show", "a0")[0]["num_tx_queues"] == 3


def test_ports_of_a_bridge(netns):
    do("ip", "-n", netns, "link", "add", "br0", "type", "bridge")
    wish = {"name": "a0", "master": "br0", "peer": {"name": "b0"}}
    four_runs("veth", netns=netns, veths=[wish])
    assert ip(netns, "link", "show", "a0")[0]["master"] == "br0"
    four_runs("veth", netns=netns, veths=[{**wish, "master": ""}])
    assert "master" not in ip(netns, "link", "show", "a0")[0]


def test_bad_input_changes_nothing(netns):
    good = {"name": "a0", "peer": {"name": "b0"}}
    bad = [
        ({"name": "a" * 16, "peer": {"name": "c0"}}, "veths[1].name"),
        ({"name": "a1", "mac": "01:00:00:00:00:01", "peer": {"name": "c0"}}, "veths[1].mac"),
        ({"name": "a1", "mtu": 60, "peer": {"name": "c0"}}, "veths[1].mtu: 60"),
        ({"name": "a1", "peer": {"name": "c0", "addresses": ["10.0.0.1"]}}, "peer.addresses[0]"),
        ({"name": "a1"}, "peer.name"),
        ({"name": "a0", "peer": {"name": "c0"}}, "veths[2]"),
        ({"name": "a1", "peer": {"name": "a1"}}, "veths[1]: peer.name is 'a1', as name is; valid"),
    ]
    for item, part in bad:
        fails("veth", part, netns=netns, veths=[good, item])
    wish = {"name": "a1", "netns": "no-such", "peer": {"name": "b1"}}
    run = run_module("veth", netns=netns, veths=[good, wish])
    assert run.failed
    assert "'no-such'" in run["msg"]
    assert [link["ifname"] for link in ip(netns, "link")] == ["lo"]


def test_a_missing_master_fails_before_anything_changes(netns):
    wish = {"name": "a0", "peer": {"name": "b0"}}
    run = run_module(
        "veth", netns=netns, veths=[wish, {"name": "a1", "master": "br9", "peer": {"name": "b1"}}]
    )
    assert run.failed
    assert "'br9'" in run["msg"]
    assert [link["ifname"] for link in ip(netns, "link")] == ["lo"]


def test_check_mode_before_the_namespace_is_there():
    wish = {"name": "a0", "netns": "not-yet", "peer": {"name": "b0", "netns": "not-yet"}}
    run = run_module("veth", check=True, veths=[wish])
    assert run["changes"] == ["create veth a0 in netns not-yet"]


def test_250_pairs_in_one_call(make_netns):
    one, other = make_netns(), make_netns()
    wish = [
        {
            "name": f"pn_{number}",
            "netns": one,
            "mac": f"0e:58:0a:00:00:{number:02x}",
            "alias": f"podnet:endpoint:{number}",
            "peer": {"name": f"e{number}", "netns": other, "addresses": [f"10.8.0.{number}/32"]},
        }
        for number in range(250)
    ]
    started = time.monotonic()
    done = run_module("veth", veths=wish)
    first = time.monotonic() - started
    assert not done.failed, done["msg"]
    assert len(done["changes"]) == 250
    started = time.monotonic()
    again = run_module("veth", veths=wish)
    second = time.monotonic() - started
    assert again["changes"] == []
    print(f"250 pairs: {first:.2f} s, again {second:.2f} s")
    assert first < 10  # about a second, where the machine has nothing else to do
    assert len(ip(one, "link")) == 251
