from __future__ import annotations

import pytest
from running import do, fails, four_runs, ip, run_module, until


@pytest.fixture
def under(netns):
    """A namespace with two devices that tunnels can leave by."""
    do("ip", "-n", netns, "link", "add", "d0", "type", "veth", "peer", "name", "d1")
    for device in ("d0", "d1"):
        do("ip", "-n", netns, "link", "set", device, "up")
    for device in ("d0", "d1"):  # the kernel tells what their state is a little later
        until(lambda device=device: ip(netns, "link", "show", device)[0]["operstate"] == "UP")
    return netns


def shown(netns: str, name: str = "v0"):
    return ip(netns, "link", "show", name)[0]["linkinfo"]["info_data"]


BASE = {"name": "v0", "id": 7, "dstport": 4789, "local": "10.0.0.1", "remote": "10.0.0.2"}

#: Changes that the kernel makes on a device that is there: option, value, word and value of ip.
IN_PLACE = [
    ({"remote": "10.0.0.3"}, "remote", "10.0.0.3"),
    ({"local": "10.0.0.9"}, "local", "10.0.0.9"),
    ({"dev": "d1"}, "link", "d1"),
    ({"group": "239.1.1.1", "dev": "d0", "remote": None}, "group", "239.1.1.1"),
    ({"ttl": "64"}, "ttl", 64),
    ({"tos": "inherit"}, "tos", "0x1"),
    ({"tos": "4"}, "tos", "0x4"),
    ({"df": "set"}, "df", "set"),
    ({"learning": False}, "learning", False),
    ({"ageing": 77}, "ageing", 77),
]

#: Changes that need a new device.
ANEW = [
    ({"id": 8}, "id", 8, "id cannot change from 7 to 8 in place"),
    ({"dstport": 8472}, "port", 8472, "dstport cannot change from 5001 to 8472 in place"),
    ({"srcport": [1000, 2000]}, "port_range", {"low": 1000, "high": 2000}, "srcport"),
    ({"ttl": "inherit"}, "ttl", 0, "ttl cannot change from auto to inherit in place"),
    ({"proxy": True}, "proxy", True, "proxy"),
    ({"rsc": True}, "rsc", True, "rsc"),
    ({"l2miss": True}, "l2miss", True, "l2miss"),
    ({"l3miss": True}, "l3miss", True, "l3miss"),
    ({"maxaddress": 9}, "limit", 9, "maxaddress"),
    ({"udpcsum": False}, "udp_csum", False, "udpcsum"),
    ({"udp6zerocsumtx": True}, "udp_zero_csum6_tx", True, "udp6zerocsumtx"),
    ({"udp6zerocsumrx": True}, "udp_zero_csum6_rx", True, "udp6zerocsumrx"),
    ({"remcsumtx": True}, "remcsum_tx", True, "remcsumtx"),
    ({"remcsumrx": True}, "remcsum_rx", True, "remcsumrx"),
    ({"gbp": True}, "gbp", True, "gbp"),
    ({"remote": "fd00::2", "local": "fd00::1"}, "remote6", "fd00::2", "IPv4 to IPv6"),
]


def devices(more):
    """One device for each change, each with a port of its own: a port shares its flags."""
    return [
        {**BASE, "name": f"v{number}", "dstport": 5000 + number, **more}
        for number in range(max(len(IN_PLACE), len(ANEW)))
    ]


def test_changes_in_place(under):
    run_module("vxlan", netns=under, vxlans=devices({}))
    indexes = {link["ifname"]: link["ifindex"] for link in ip(under, "link")}
    wish = [{**device, **change} for device, (change, *rest) in zip(devices({}), IN_PLACE)]
    done = four_runs("vxlan", netns=under, vxlans=wish)
    assert len(done["changes"]) == len(IN_PLACE)
    for number, (word, value) in enumerate(row[1:] for row in IN_PLACE):
        after = done["diff"]["after"][f"vxlan v{number} in netns {under}"]
        assert "recreated_because" not in after
        assert ip(under, "link", "show", f"v{number}")[0]["ifindex"] == indexes[f"v{number}"]
        assert shown(under, f"v{number}")[word] == value


def test_changes_that_need_a_new_device(under):
    first = {"mtu": 1300, "mac": "0a:58:00:00:00:01", "addresses": ["10.3.0.1/24"], "alias": "x"}
    run_module("vxlan", netns=under, vxlans=devices(first))
    indexes = {link["ifname"]: link["ifindex"] for link in ip(under, "link")}
    wish = [{**device, **change} for device, (change, *rest) in zip(devices({}), ANEW)]
    done = four_runs("vxlan", netns=under, vxlans=wish)
    for number, (word, value, reason) in enumerate(row[1:] for row in ANEW):
        name = f"v{number}"
        after = done["diff"]["after"][f"vxlan {name} in netns {under}"]
        assert reason in after["recreated_because"]
        (link,) = ip(under, "addr", "show", name)
        assert link["ifindex"] != indexes[name]
        assert shown(under, name).get(word, 0) == value
        # What the item does not name stays.
        assert (link["mtu"], link["address"], link["ifalias"]) == (1300, "0a:58:00:00:00:01", "x")
        assert link["addr_info"][0]["local"] == "10.3.0.1"


def test_creation_with_everything_at_once(under):
    wish = {
        "name": "v0",
        "id": 9,
        "local": "fd00::1",
        "group": "ff05::7",
        "dev": "d0",
        "flowlabel": 5,
        "ttl": "9",
        "tos": "4",
        "df": "inherit",
        "dstport": 4789,
        "srcport": [32768, 61000],
        "learning": False,
        "ageing": 60,
        "maxaddress": 100,
        "proxy": True,
        "rsc": True,
        "l2miss": True,
        "l3miss": True,
        "udp6zerocsumtx": True,
        "udp6zerocsumrx": True,
        "localbypass": False,
        "mtu": 1280,
    }
    done = four_runs("vxlan", netns=under, vxlans=[wish])
    assert {word: done["vxlans"][0][word] for word in wish} == wish
    found = shown(under)
    assert (found["group6"], found["local6"], found["link"]) == ("ff05::7", "fd00::1", "d0")
    assert (found["label"], found["port_range"]) == ("0x5", {"low": 32768, "high": 61000})
    assert run_module("vxlan_info", netns=under)["vxlans"][0]["flowlabel"] == 5


def test_external(under):
    four_runs("vxlan", netns=under, vxlans=[{"name": "v0", "external": True, "dstport": 8472}])
    assert shown(under)["external"] is True
    wish = {"name": "v0", "external": True, "vnifilter": True}
    done = four_runs("vxlan", netns=under, vxlans=[wish])
    reason = done["diff"]["after"][f"vxlan v0 in netns {under}"]["recreated_because"]
    assert reason == "vnifilter cannot change from False to True in place"
    assert shown(under)["vnifilter"] is True
    four_runs("vxlan", netns=under, vxlans=[{"name": "w0", "external": True, "gpe": True}])
    assert shown(under, "w0")["gpe"] is True


def test_removal(under):
    run_module("vxlan", netns=under, vxlans=[BASE])
    four_runs("vxlan", netns=under, vxlans=[{"name": "v0", "state": "absent"}])
    assert "v0" not in [link["ifname"] for link in ip(under, "link")]


def test_bad_input_changes_nothing(under):
    before = ip(under, "link")
    for item, part in [
        ({"name": "v1"}, "vxlans[1].id"),
        ({"name": "v1", "id": 2**24}, "vxlans[1].id: 16777216"),
        ({"name": "v1", "id": 1, "group": "239.1.1.1"}, "vxlans[1].group"),
        ({"name": "v1", "id": 1, "remote": "239.1.1.1"}, "vxlans[1].remote"),
        ({"name": "v1", "id": 1, "remote": "10.0.0.1", "local": "fd00::1"}, "one family"),
        ({"name": "v1", "id": 1, "external": True}, "exclude each other"),
        ({"name": "v1", "id": 1, "vnifilter": True}, "vxlans[1].vnifilter"),
        ({"name": "v1", "id": 1, "ttl": "300"}, "vxlans[1].ttl"),
        ({"name": "v1", "id": 1, "srcport": [5]}, "vxlans[1].srcport"),
        ({"name": "v1", "id": 1, "local": "10.0.0"}, "vxlans[1].local: '10.0.0'"),
        ({"name": "d0", "id": 1}, "is a veth, not a vxlan"),
    ]:
        fails("vxlan", part, netns=under, vxlans=[BASE, item])
    run = run_module("vxlan", netns=under, vxlans=[BASE, {"name": "v1", "id": 1, "dev": "no"}])
    assert "vxlans[1].dev: there is no device 'no'" in run["msg"]
    assert ip(under, "link") == before


def offload(netns: str, name: str) -> str:
    """Return what ethtool says of the checksums of packets that a device sends."""
    features = do("ip", "netns", "exec", netns, "ethtool", "-k", name)
    return features.split("tx-checksumming: ")[1].split()[0]


@pytest.mark.parametrize("more", [{"id": 7, "local": "10.0.0.1"}, {"external": True}])
def test_checksum_offload(under, more):
    item = {"name": "v0", "dstport": 4789, **more}
    done = four_runs("vxlan", netns=under, vxlans=[{**item, "checksum_offload": False}])
    assert done["vxlans"][0]["checksum_offload"] is False
    assert offload(under, "v0") == "off"
    index = ip(under, "link", "show", "v0")[0]["ifindex"]
    done = four_runs("vxlan", netns=under, vxlans=[{**item, "checksum_offload": True}])
    assert done["diff"]["after"][f"vxlan v0 in netns {under}"] == {"checksum_offload": True}
    assert offload(under, "v0") == "on"

    do("ip", "netns", "exec", under, "ethtool", "-K", "v0", "tx", "off")
    assert run_module("vxlan", netns=under, vxlans=[item])["changes"] == []  # not named: it stays
    (found,) = run_module("vxlan_info", netns=under)["vxlans"]
    assert found["checksum_offload"] is False
    four_runs("vxlan", netns=under, vxlans=[{**item, "checksum_offload": True}])
    assert offload(under, "v0") == "on"
    assert ip(under, "link", "show", "v0")[0]["ifindex"] == index

    # A device that is made anew keeps it.
    do("ip", "netns", "exec", under, "ethtool", "-K", "v0", "tx", "off")
    four_runs("vxlan", netns=under, vxlans=[{**item, "dstport": 4790}])
    assert ip(under, "link", "show", "v0")[0]["ifindex"] != index
    assert offload(under, "v0") == "off"
