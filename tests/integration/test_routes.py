from __future__ import annotations

import select
import subprocess

import pytest
from running import do, fails, four_runs, ip, run_module

from tests.clock import spent


@pytest.fixture
def router(netns):
    """A namespace with two devices: d0 has 10.0.0.1/24 and fd00::1/64, d1 10.0.1.1/24."""
    for number, addresses in enumerate((["10.0.0.1/24", "fd00::1/64"], ["10.0.1.1/24"])):
        device = f"d{number}"
        do("ip", "-n", netns, "link", "add", device, "type", "veth", "peer", "name", f"e{number}")
        do("ip", "-n", netns, "link", "set", f"e{number}", "up")
        for address in addresses:
            family = ["nodad"] if ":" in address else []
            do("ip", "-n", netns, "addr", "add", address, "dev", device, *family)
        do("ip", "-n", netns, "link", "set", device, "up")
    return netns


def get(netns: str, destination: str, *words: str):
    (route,) = ip(
        netns, *(["-6"] if ":" in destination else []), "route", "show", destination, *words
    )
    return route


#: Items, and what ``ip -j -d route`` shows of each.
ROUTES = [
    ({"dst": "10.2.0.0/24", "via": "10.0.0.2"}, {"gateway": "10.0.0.2", "dev": "d0"}),
    ({"dst": "10.2.1.0/24", "dev": "d0"}, {"dev": "d0", "scope": "link"}),
    (
        {"dst": "10.2.2.0/24", "via": "192.0.2.1", "dev": "d1", "onlink": True},
        {"gateway": "192.0.2.1", "dev": "d1", "flags": ["onlink"]},
    ),
    ({"dst": "default", "via": "10.0.0.2", "src": "10.0.0.1"}, {"prefsrc": "10.0.0.1"}),
    ({"dst": "10.2.3.0/24", "type": "blackhole"}, {"type": "blackhole"}),
    ({"dst": "10.2.4.0/24", "type": "unreachable", "metric": 7}, {"metric": 7}),
    ({"dst": "10.2.5.0/24", "type": "prohibit"}, {"type": "prohibit"}),
    ({"dst": "10.2.6.0/24", "type": "throw"}, {"type": "throw"}),
    ({"dst": "10.2.7.0/24", "dev": "d0", "tos": 16}, {"tos": "0x10"}),
    ({"dst": "10.2.8.1", "dev": "d0", "scope": "host"}, {"scope": "host"}),
    (
        {
            "dst": "10.2.9.0/24",
            "via": "10.0.0.2",
            "mtu": 1400,
            "advmss": 1300,
            "window": 60000,
            "rtt": 100,
            "rttvar": 50,
            "ssthresh": 10,
            "cwnd": 11,
            "reordering": 5,
            "hoplimit": 20,
            "initcwnd": 12,
            "initrwnd": 13,
            "rto_min": 200,
            "quickack": True,
            "fastopen_no_cookie": True,
            "ecn": True,
            "congctl": "reno",
            "lock": ["mtu", "rto_min", "initcwnd"],
        },
        {
            "metrics": [
                {
                    "mtu": 1400,
                    "advmss": 1300,
                    "window": 60000,
                    "rtt": 100,
                    "rttvar": 50,
                    "ssthresh": 10,
                    "cwnd": 11,
                    "reordering": 5,
                    "hoplimit": 20,
                    "initcwnd": 12,
                    "initrwnd": 13,
                    "rto_min": 200,
                    "quickack": 1,
                    "fastopen_no_cookie": 1,
                    "congestion": "reno",
                    "ecn": None,
                }
            ]
        },
    ),
    (
        {
            "dst": "10.2.10.0/24",
            "nexthops": [
                {"via": "10.0.0.2", "dev": "d0", "weight": 3},
                {"via": "192.0.2.1", "dev": "d1", "onlink": True},
            ],
        },
        {
            "nexthops": [
                {"gateway": "10.0.0.2", "dev": "d0", "weight": 3, "flags": []},
                {"gateway": "192.0.2.1", "dev": "d1", "weight": 1, "flags": ["onlink"]},
            ]
        },
    ),
    (
        {"dst": "10.2.11.0/24", "via": "fd00::2", "dev": "d0"},
        {"via": {"family": "inet6", "host": "fd00::2"}},
    ),
    ({"dst": "fd01::/64", "via": "fd00::2"}, {"gateway": "fd00::2", "metric": 1024}),
    (
        {"dst": "fd02::/64", "dev": "d0", "metric": 5, "mtu": 1400, "pref": "high"},
        {"metric": 5, "pref": "high"},
    ),
    ({"dst": "fd03::/64", "type": "blackhole"}, {"type": "blackhole"}),
    ({"dst": "fd04::/64", "type": "unreachable"}, {"type": "unreachable"}),
    ({"dst": "default", "via": "fd00::2"}, {"gateway": "fd00::2"}),
    (
        {
            "dst": "fd05::/64",
            "nexthops": [{"via": "fd00::2", "dev": "d0"}, {"via": "fd00::3", "dev": "d0"}],
        },
        {},
    ),
]


def test_every_kind_of_route(router):
    items = [item for item, expected in ROUTES]
    done = four_runs("routes", netns=router, routes=items)
    for (item, expected), returned in zip(ROUTES, done["routes"]):
        family = "-6" if ":" in returned["dst"] else "-4"
        (route,) = ip(router, family, "route", "show", item["dst"], "proto", "112")
        assert {word: route.get(word) for word in expected} == expected
        assert {word: returned[word] for word in ("lock", "ecn")} == {
            "lock": sorted(item.get("lock", [])),
            "ecn": item.get("ecn", False),
        }
    four_runs("routes", netns=router, routes=[{**item, "state": "absent"} for item in items])
    for family in ("-4", "-6"):
        assert ip(router, family, "route", "show", "proto", "112") == []


def test_tables(router):
    items = [
        {"dst": "10.2.0.0/24", "via": "10.0.0.2"},
        {"dst": "10.2.0.0/24", "via": "10.0.0.3", "metric": 9},
        {"dst": "10.2.0.0/24", "via": "10.0.1.2", "table": "100"},
        {"dst": "10.2.0.0/24", "via": "10.0.1.3", "table": "70000"},
        {"dst": "10.2.9.9/32", "type": "local", "dev": "lo"},
    ]
    done = four_runs("routes", netns=router, routes=items)
    assert len(done["changes"]) == 5
    found = {
        (x.get("table", "main"), x.get("metric", 0)): x.get("gateway")
        for x in ip(router, "route", "show", "table", "all", "proto", "112")
    }
    assert found == {
        ("main", 0): "10.0.0.2",
        ("main", 9): "10.0.0.3",
        ("100", 0): "10.0.1.2",
        ("70000", 0): "10.0.1.3",
        ("local", 0): None,
    }
    info = run_module("routes_info", netns=router, table="70000")["routes"]
    assert [(x["dst"], x["via"], x["dev"]) for x in info] == [("10.2.0.0/24", "10.0.1.3", "d1")]


def test_a_change_is_one_replacement(router):
    """No packet sees the route missing: the kernel tells of one change, and of no removal."""
    run_module("routes", netns=router, routes=[{"dst": "10.2.0.0/24", "via": "10.0.0.2"}])
    with subprocess.Popen(
        ["stdbuf", "-oL", "ip", "-n", router, "monitor", "route"], stdout=subprocess.PIPE, text=True
    ) as monitor:
        # The monitor listens once it reports a route of our own.
        assert monitor.stdout is not None
        probes = 0
        while True:
            do(
                "ip",
                "-n",
                router,
                "route",
                "replace",
                "198.51.100.1/32",
                "dev",
                "d0",
                "metric",
                f"{probes + 1}",
            )
            probes += 1
            if select.select([monitor.stdout], [], [], 0.2)[0]:
                break
        done = four_runs("routes", netns=router, routes=[{"dst": "10.2.0.0/24", "via": "10.0.1.2"}])
        do("ip", "-n", router, "route", "add", "198.51.100.2/32", "dev", "d0")
        lines = []
        for line in monitor.stdout:
            if "198.51.100.2" in line:
                break
            lines.append(line)
        monitor.terminate()
    assert done["changes"] == [f"change route 10.2.0.0/24 in netns {router}"]
    diff = done["diff"]["after"][f"route 10.2.0.0/24 in netns {router}"]
    assert diff["via"] == "10.0.1.2"
    about_it = [line for line in lines if "10.2.0.0/24" in line]
    assert len(about_it) == 1
    assert not any("Deleted" in line for line in lines)


def test_somebody_elses_route_is_left_alone(router):
    do("ip", "-n", router, "route", "add", "10.2.0.0/24", "via", "10.0.0.9", "proto", "static")
    item = {"dst": "10.2.0.0/24", "via": "10.0.0.2"}
    fails(
        "routes",
        "routes[0]",
        "10.2.0.0/24",
        "protocol 4",
        "force: true",
        netns=router,
        routes=[item],
    )
    fails("routes", "force: true", netns=router, routes=[{**item, "state": "absent"}])
    assert get(router, "10.2.0.0/24")["gateway"] == "10.0.0.9"
    four_runs("routes", netns=router, force=True, routes=[item])
    assert get(router, "10.2.0.0/24")["gateway"] == "10.0.0.2"
    assert get(router, "10.2.0.0/24")["protocol"] == "112"


def test_the_route_of_a_bridge_of_ours_is_not_somebody_elses(router):
    cidr, address = "10.2.0.0/25", "10.2.0.126"
    do("ip", "-n", router, "link", "add", "cbr0", "type", "bridge")
    bridge = {"dst": cidr, "dev": "cbr0", "src": address, "protocol": "kernel"}
    others = [
        ({"dst": cidr, "dev": "d1", "src": "10.0.1.1"}, {"dev": "d1"}),
        ({"dst": cidr, "type": "blackhole"}, {"type": "blackhole"}),
    ]
    do("ip", "-n", router, "addr", "add", f"{address}/25", "dev", "cbr0")
    do("ip", "-n", router, "link", "set", "cbr0", "up")
    fails("routes", "protocol 2", netns=router, routes=[others[0][0]])
    do("ip", "-n", router, "link", "set", "cbr0", "alias", "podnet:bridge:cbr0")
    run = run_module("routes", netns=router, routes=[bridge], purge=True)
    assert run["changes"] == []  # as the kernel makes it
    for other, shown in others:
        four_runs("routes", netns=router, routes=[other], purge=True)
        assert get(router, cidr).items() >= shown.items()
        four_runs("routes", netns=router, routes=[bridge], purge=True)
        found = {"dev": "cbr0", "protocol": "kernel", "scope": "link", "prefsrc": address}
        assert get(router, cidr).items() >= found.items()
    # The other one was there before the bridge had its address: the kernel's is behind it.
    for other, _shown in others:
        do("ip", "-n", router, "addr", "flush", "dev", "cbr0")
        four_runs("routes", netns=router, routes=[other])
        do("ip", "-n", router, "addr", "add", f"{address}/25", "dev", "cbr0")
        assert len(ip(router, "route", "show", cidr)) == 2
        four_runs("routes", netns=router, routes=[bridge])
        assert get(router, cidr).items() >= found.items()


def test_purge_keeps_routes_by_some_devices(router):
    routes = [{"dst": "10.2.0.1/32", "dev": "d0"}, {"dst": "10.2.0.2/32", "dev": "d1"}]
    run_module(
        "routes", netns=router, routes=[*routes, {"dst": "10.3.0.0/24", "type": "blackhole"}]
    )
    done = four_runs("routes", netns=router, routes=[], purge=True, keep_devices=["x*", "d?"])
    assert done["changes"] == [f"remove route 10.3.0.0/24 in netns {router}"]
    done = four_runs("routes", netns=router, routes=[], purge=True, keep_devices=["d0"])
    assert done["changes"] == [f"remove route 10.2.0.2/32 in netns {router}"]
    assert get(router, "10.2.0.1")["dev"] == "d0"


def test_purge_takes_ours_alone(router):
    do("ip", "-n", router, "route", "add", "10.3.0.0/24", "via", "10.0.0.9", "proto", "static")
    do("ip", "-n", router, "route", "add", "10.3.1.0/24", "via", "10.0.0.9", "proto", "112")
    do(
        "ip",
        "-n",
        router,
        "route",
        "add",
        "10.3.2.0/24",
        "via",
        "10.0.0.9",
        "proto",
        "112",
        "table",
        "100",
    )
    keep = {"dst": "10.2.0.0/24", "via": "10.0.0.2"}
    before = ip(router, "route", "show", "table", "all")
    assert run_module("routes", netns=router, routes=[])["changed"] is False
    assert ip(router, "route", "show", "table", "all") == before
    done = four_runs("routes", netns=router, routes=[keep], purge=True)
    assert done["changes"] == [
        f"create route 10.2.0.0/24 in netns {router}",
        f"remove route 10.3.1.0/24 in netns {router}",
    ]
    four_runs("routes", netns=router, routes=[], purge=True)
    left = [
        x["dst"]
        for x in ip(router, "route", "show", "table", "all")
        if x["dst"][:5] in ("10.2.", "10.3.")
    ]
    assert sorted(left) == ["10.3.0.0/24", "10.3.2.0/24"]
    four_runs("routes", netns=router, routes=[], purge=True, table="100")
    assert ip(router, "route", "show", "table", "100") == []


def test_a_gateway_behind_a_listed_route(router):
    items = [
        {"dst": "default", "via": "10.9.9.126", "dev": "d0"},
        {"dst": "10.9.9.126/32", "dev": "d0"},
    ]
    four_runs("routes", netns=router, routes=items)
    assert get(router, "default")["gateway"] == "10.9.9.126"
    four_runs("routes", netns=router, routes=[{**item, "state": "absent"} for item in items])


def test_bad_input_changes_nothing(router):
    good = {"dst": "10.2.0.0/24", "via": "10.0.0.2"}
    for item, part in [
        ({"dst": "10.2.1.7/24", "via": "10.0.0.2"}, "bits behind its prefix; 10.2.1.0/24 is valid"),
        ({"dst": "10.2.1.0/33", "via": "10.0.0.2"}, "routes[1].dst: '10.2.1.0/33'"),
        ({"dst": "10.2.1.0/24"}, "needs via, dev or nexthops"),
        ({"dst": "10.2.1.0/24", "via": "nonsense"}, "routes[1].via: 'nonsense'"),
        ({"dst": "10.2.1.0/24", "type": "blackhole", "dev": "d0"}, "neither via nor dev"),
        ({"dst": "10.2.1.0/24", "via": "10.0.0.2", "onlink": True}, "onlink needs dev"),
        ({"dst": "fd09::/64", "via": "10.0.0.2"}, "is IPv4"),
        ({"dst": "10.2.1.0/24", "dev": "d0", "src": "fd00::1"}, "routes[1].src"),
        ({"dst": "10.2.1.0/24", "dev": "d0", "table": "x"}, "routes[1].table: 'x'"),
        ({"dst": "10.2.1.0/24", "dev": "d0", "protocol": "256"}, "routes[1].protocol: 256"),
        ({"dst": "10.2.0.0/24", "dev": "d0"}, "routes[1]"),
    ]:
        fails("routes", part, netns=router, routes=[good, item])
    run = run_module("routes", netns=router, routes=[good, {"dst": "10.2.1.0/24", "dev": "d9"}])
    assert "routes[1].dev: there is no device 'd9'" in run["msg"]
    assert ip(router, "route", "show", "proto", "112") == []


def test_1000_routes_in_one_call(router):
    items = [
        {"dst": f"10.{100 + number // 250}.{number % 250}.0/24", "via": "10.0.0.2"}
        for number in range(1000)
    ]
    started = spent()
    done = run_module("routes", netns=router, routes=items)
    first = spent() - started
    assert not done.failed, done["msg"]
    started = spent()
    assert run_module("routes", netns=router, routes=items)["changes"] == []
    print(f"1000 routes: {first:.2f} s, again {spent() - started:.2f} s")
    assert first < 10  # about a second, where the machine has nothing else to do
    assert len(ip(router, "route", "show", "proto", "112")) == 1000
