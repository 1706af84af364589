from __future__ import annotations

import json

import pytest
from running import do, fails, four_runs, ip, run_module

from tests.clock import spent


@pytest.fixture
def host(netns):
    """A namespace with a veth d0, a VXLAN device pn_vx, and a bridge br0 with the port pn_p."""
    for words in (
        "link add d0 type veth peer name d1",
        "link add br0 type bridge",
        "link add pn_p type veth peer name p1",
        "link set pn_p master br0",
        "link add pn_vx type vxlan id 7 dstport 4789 remote 10.0.0.99",
        "link set d0 up",
        "link set d1 up",
        "link set pn_p up",
        "link set br0 up",
        "addr add 10.0.0.1/24 dev d0",
        "addr add fd00::1/64 dev d0 nodad",
        "link set pn_vx up",
    ):
        do("ip", "-n", netns, *words.split())
    return netns


def forwarding(netns: str, device: str):
    return json.loads(do("bridge", "-n", netns, "-d", "-j", "fdb", "show", "dev", device))


def neigh(netns: str, *words: str):
    return {x["dst"]: x for x in ip(netns, "neigh", "show", *words)}


MAC = "0a:58:0a:00:00:02"


def test_arp_and_ndp(host):
    items = [
        {"dev": "d0", "dst": "10.0.0.2", "lladdr": MAC.upper()},
        {"dev": "d0", "dst": "fd00::2", "lladdr": MAC, "router": True},
        {"dev": "d0", "dst": "10.0.0.3", "lladdr": MAC, "state": "noarp"},
        {"dev": "d0", "dst": "10.0.0.4", "lladdr": MAC, "state": "reachable"},
        {"dev": "d0", "dst": "10.0.0.5", "lladdr": MAC, "state": "stale", "extern_learn": True},
        {"dev": "d0", "dst": "10.0.0.6", "proxy": True},
        {"dev": "d0", "dst": "fd00::6", "proxy": True},
    ]
    done = four_runs("neighbors", netns=host, neighbors=items)
    assert len(done["changes"]) == 7
    found = neigh(host, "nud", "all", "dev", "d0")
    assert found["10.0.0.2"]["lladdr"] == MAC
    assert found["10.0.0.2"]["state"] == ["PERMANENT"]
    assert "router" in found["fd00::2"]
    assert found["10.0.0.3"]["state"] == ["NOARP"]
    assert found["10.0.0.4"]["state"] == ["REACHABLE"]
    assert "extern_learn" in found["10.0.0.5"]
    assert set(neigh(host, "proxy")) == {"10.0.0.6", "fd00::6"}
    shown = run_module("neighbors_info", netns=host, protocol=112)["neighbors"]
    assert len(shown) == 7

    other = {**items[0], "lladdr": "0a:58:0a:00:00:03"}
    done = four_runs("neighbors", netns=host, neighbors=[other])
    assert done["changes"] == [f"change neighbor 10.0.0.2 dev d0 in netns {host}"]
    assert neigh(host, "dev", "d0")["10.0.0.2"]["lladdr"] == "0a:58:0a:00:00:03"
    gone = [{**item, "state": "absent"} for item in items]
    four_runs("neighbors", netns=host, neighbors=gone)
    lasting = neigh(host, "nud", "permanent", "nud", "noarp", "nud", "reachable", "dev", "d0")
    assert not set(lasting) & {item["dst"] for item in items}
    assert neigh(host, "proxy") == {}


def test_forwarding_of_a_vxlan(host):
    zero = "00:00:00:00:00:00"
    items = [
        {"type": "fdb", "dev": "pn_vx", "lladdr": MAC, "dst": "10.0.0.2"},
        {"type": "fdb", "dev": "pn_vx", "lladdr": zero, "dst": "10.0.0.2"},
        {"type": "fdb", "dev": "pn_vx", "lladdr": zero, "dst": "10.0.0.3", "port": 4789, "vni": 7},
        {
            "type": "fdb",
            "dev": "pn_vx",
            "lladdr": zero,
            "dst": "10.0.0.4",
            "port": 8472,
            "vni": 8,
            "via": "d0",
        },
        {
            "type": "fdb",
            "dev": "pn_vx",
            "lladdr": "0a:58:00:00:00:09",
            "dst": "10.0.0.9",
            "state": "reachable",
        },
    ]
    four_runs("neighbors", netns=host, neighbors=items)
    found = forwarding(host, "pn_vx")
    assert {x["dst"] for x in found if x["mac"] == zero} == {
        "10.0.0.99",
        "10.0.0.2",
        "10.0.0.3",
        "10.0.0.4",
    }
    (far,) = (x for x in found if x["dst"] == "10.0.0.4")
    assert (far["port"], far["vni"], far["viaIf"]) == (8472, 8, "d0")
    assert next(x["dst"] for x in found if x["mac"] == MAC) == "10.0.0.2"

    moved = {**items[0], "dst": "10.0.0.5"}
    done = four_runs("neighbors", netns=host, neighbors=[moved])
    assert done["changes"] == [f"change fdb entry {MAC} dev pn_vx in netns {host}"]
    assert [x["dst"] for x in forwarding(host, "pn_vx") if x["mac"] == MAC] == ["10.0.0.5"]

    four_runs("neighbors", netns=host, neighbors=[{**items[3], "state": "absent"}])
    assert "10.0.0.4" not in [x["dst"] for x in forwarding(host, "pn_vx")]


def test_forwarding_of_an_external_vxlan(host):
    do("ip", "-n", host, "link", "add", "ext", "type", "vxlan", "external", "dstport", "6000")
    items = [
        {"type": "fdb", "dev": "ext", "lladdr": MAC, "dst": "10.0.0.2", "src_vni": vni, "vni": vni}
        for vni in (100, 200)
    ]
    four_runs("neighbors", netns=host, neighbors=items)
    assert {x["src_vni"] for x in forwarding(host, "ext") if x["mac"] == MAC} == {100, 200}


def test_forwarding_of_a_bridge(host):
    items = [
        {"type": "fdb", "dev": "pn_p", "lladdr": MAC, "master": True, "state": "noarp"},
        {"type": "fdb", "dev": "pn_p", "lladdr": "0a:58:00:00:00:05", "master": True},
        {"type": "fdb", "dev": "pn_p", "lladdr": "0a:58:00:00:00:06"},
        {
            "type": "fdb",
            "dev": "pn_p",
            "lladdr": "0a:58:00:00:00:07",
            "master": True,
            "state": "noarp",
            "sticky": True,
        },
    ]
    four_runs("neighbors", netns=host, neighbors=items)
    found = {x["mac"]: x for x in forwarding(host, "pn_p")}
    assert (found[MAC]["state"], found[MAC]["master"]) == ("static", "br0")
    assert found["0a:58:00:00:00:05"]["state"] == "permanent"
    assert found["0a:58:00:00:00:06"]["flags"] == ["self"]
    assert "sticky" in found["0a:58:00:00:00:07"]["flags"]
    four_runs("neighbors", netns=host, neighbors=[{**item, "state": "absent"} for item in items])
    assert (
        not set(found) & {x["lladdr"] for x in items} & {x["mac"] for x in forwarding(host, "pn_p")}
    )


def test_purge_takes_ours_alone(host):
    do("ip", "-n", host, "neigh", "add", "10.0.0.7", "lladdr", MAC, "dev", "d0", "nud", "permanent")
    do("bridge", "-n", host, "fdb", "add", "0a:58:00:00:00:21", "dev", "pn_vx", "dst", "10.0.0.7")
    do(
        "bridge",
        "-n",
        host,
        "fdb",
        "append",
        "00:00:00:00:00:00",
        "dev",
        "pn_vx",
        "dst",
        "10.0.0.8",
    )
    do("ip", "-n", host, "link", "add", "other", "type", "vxlan", "id", "9", "dstport", "6000")
    do("bridge", "-n", host, "fdb", "add", "0a:58:00:00:00:22", "dev", "other", "dst", "10.0.0.7")
    first = [
        {"dev": "d0", "dst": "10.0.0.2", "lladdr": MAC},
        {"dev": "d0", "dst": "10.0.0.6", "proxy": True},
        {"dev": "d1", "dst": "10.0.0.2", "lladdr": MAC},
    ]
    run_module("neighbors", netns=host, neighbors=first)
    keep = {"dev": "d0", "dst": "10.0.0.9", "lladdr": MAC}
    ports = forwarding(host, "pn_p")
    done = four_runs(
        "neighbors", netns=host, neighbors=[keep], purge=True, devices=["pn_vx", "other", "pn_p"]
    )
    assert sorted(done["changes"]) == sorted(
        f"{line} in netns {host}"
        for line in (
            "create neighbor 10.0.0.9 dev d0",
            "remove neighbor 10.0.0.2 dev d0",
            "remove proxy 10.0.0.6 dev d0",
            "remove fdb entry 0a:58:00:00:00:21 dev pn_vx",
            "remove fdb entry 00:00:00:00:00:00 dev pn_vx dst 10.0.0.8",
        )
    )
    assert set(neigh(host, "nud", "permanent", "dev", "d0")) == {"10.0.0.7", "10.0.0.9"}
    assert set(neigh(host, "dev", "d1")) == {"10.0.0.2"}
    assert [x["dst"] for x in forwarding(host, "pn_vx")] == ["10.0.0.99"]
    assert "0a:58:00:00:00:22" in [x["mac"] for x in forwarding(host, "other")]
    assert forwarding(host, "pn_p") == ports


def test_bad_input_changes_nothing(host):
    good = {"dev": "d0", "dst": "10.0.0.2", "lladdr": MAC}
    for item, part in [
        ({"dev": "d0", "dst": "10.0.0"}, "neighbors[1].dst: '10.0.0'"),
        ({"dev": "d0", "dst": "10.0.0.3"}, "neighbors[1].lladdr"),
        ({"dev": "d0", "lladdr": MAC}, "neighbors[1].dst"),
        ({"dev": "d0", "dst": "10.0.0.3", "lladdr": "0a:58"}, "neighbors[1].lladdr: '0a:58'"),
        ({"dev": "d0", "dst": "10.0.0.3", "lladdr": MAC, "vni": 3}, "neighbors[1].vni"),
        ({"type": "fdb", "dev": "pn_vx", "dst": "10.0.0.3"}, "neighbors[1].lladdr"),
        ({"type": "fdb", "dev": "pn_vx", "lladdr": MAC, "proxy": True}, "neighbors[1].proxy"),
        ({"type": "fdb", "dev": "pn_vx", "lladdr": MAC, "port": 70000}, "neighbors[1].port: 70000"),
        ({"type": "fdb", "dev": "pn_p", "lladdr": MAC, "sticky": True}, "neighbors[1].sticky"),
        ({"dev": "d0", "dst": "10.0.0.2", "lladdr": MAC}, "neighbors[1]"),
    ]:
        fails("neighbors", part, netns=host, neighbors=[good, item])
    run = run_module("neighbors", netns=host, neighbors=[good, {**good, "dev": "d9"}])
    assert "neighbors[1].dev: there is no device 'd9'" in run["msg"]
    assert neigh(host, "nud", "permanent") == {}


def test_1000_entries_in_one_call(host):
    items = [
        {"dev": "d0", "dst": f"10.0.{4 + n // 250}.{n % 250}", "lladdr": MAC} for n in range(500)
    ] + [
        {
            "type": "fdb",
            "dev": "pn_vx",
            "lladdr": f"0a:58:00:00:{n // 250:02x}:{n % 250:02x}",
            "dst": "10.0.0.2",
        }
        for n in range(500)
    ]
    started = spent()
    done = run_module("neighbors", netns=host, neighbors=items)
    first = spent() - started
    assert not done.failed, done["msg"]
    assert run_module("neighbors", netns=host, neighbors=items)["changes"] == []
    print(f"1000 entries: {first:.2f} s")
    assert first < 10  # about a second, where the machine has nothing else to do


def test_1000_peers_behind_one_tunnel(netns):
    do("ip", "-n", netns, "link", "add", "eth0", "type", "bridge")
    do("ip", "-n", netns, "addr", "add", "10.111.0.8/16", "dev", "eth0")
    do("ip", "-n", netns, "link", "set", "eth0", "up")
    tunnel = {"name": "pn_vxlan", "id": 1, "dev": "eth0", "local": "10.111.0.8", "learning": False}
    run_module("vxlan", netns=netns, vxlans=[{**tunnel, "dstport": 8472}])
    places = [(9 + number // 256, number % 256) for number in range(1000)]
    peers = [
        (f"10.{a}.{b}.0", f"0a:58:0a:{a:02x}:{b:02x}:00", f"10.111.{a}.{b}") for a, b in places
    ]
    entries = [{"dev": "pn_vxlan", "dst": first, "lladdr": mac} for first, mac, _vtep in peers] + [
        {"type": "fdb", "dev": "pn_vxlan", "lladdr": mac, "dst": vtep}
        for _first, mac, vtep in peers
    ]
    routes = [
        {"dst": f"{first}/24", "via": first, "dev": "pn_vxlan", "onlink": True}
        for first, _mac, _vtep in peers
    ]
    purged = {"netns": netns, "purge": True}
    took = []
    for expected in (2000, 0):
        started = spent()
        done = run_module("neighbors", neighbors=entries, devices=["pn_vxlan"], **purged)
        took.append(spent() - started)
        assert not done.failed, done["msg"]
        assert len(done["changes"]) == expected
    print(f"2000 entries of one tunnel: {took[0]:.2f} s, again {took[1]:.2f} s")
    assert max(took) < 10
    for expected in (1000, 0):
        done = run_module("routes", routes=routes, **purged)
        assert not done.failed, done["msg"]
        assert len(done["changes"]) == expected

    # The last peer goes; the listings are those of every other overlay.
    gone, _mac, _vtep = peers[-1]
    four_runs(
        "neighbors", neighbors=entries[:999] + entries[1000:-1], devices=["pn_vxlan"], **purged
    )
    four_runs("routes", routes=routes[:-1], **purged)
    listed = {
        "fdb": do("bridge", "-n", netns, "fdb", "show", "dev", "pn_vxlan").splitlines(),
        "neigh": do("ip", "-n", netns, "-4", "neigh", "show", "dev", "pn_vxlan").splitlines(),
        "route": do("ip", "-n", netns, "route", "show", "dev", "pn_vxlan").splitlines(),
    }
    assert [len(lines) for lines in listed.values()] == [999] * 3
    assert not any(gone in line for lines in listed.values() for line in lines)
    shown = {kind: {line.strip() for line in lines} for kind, lines in listed.items()}
    assert "0a:58:0a:09:00:00 dst 10.111.9.0 self permanent" in shown["fdb"]
    assert "10.9.0.0 lladdr 0a:58:0a:09:00:00 PERMANENT proto 112" in shown["neigh"]
    assert "10.9.0.0/24 via 10.9.0.0 proto 112 onlink" in shown["route"]
