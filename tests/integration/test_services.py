"""services: the maps by which programs balance connections, on a node as the roles leave it."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    layout,
    nat_layout,
    service_layout,
    tasks,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.services import maglev, wire
from ansible_collections.podnet.fabric.plugins.module_utils.services.state import forget_flows
from node_support import NODE_IP, PEER_IP, bare_node, plan
from running import do, fails, four_runs, run, run_module

from tests.clock import spent

SO_COOKIE, SO_NETNS_COOKIE = 57, 71
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
FIRST = {"ip": "172.16.1.235", "port": 80, "node": "k8s-w1"}
SECOND = {"ip": "172.16.2.253", "port": 80, "node": "k8s-w2"}
THIRD = {"ip": "172.16.3.7", "port": 80, "node": "k8s-w3"}
NAME = "service default/svc:svc-webport/TCP 10.10.252.131:80"
REPORT = """\
ID   Frontend           Service Type   Backend
1    10.10.252.131:80   ClusterIP      1 => 172.16.1.235:80 (active)
                                       2 => 172.16.2.253:80 (active)

SERVICE ADDRESS        BACKEND ADDRESS (REVNAT_ID) (SLOT)
10.10.252.131:80 (2)   172.16.2.253:80 (1) (2)
10.10.252.131:80 (1)   172.16.1.235:80 (1) (1)
10.10.252.131:80 (0)   0.0.0.0:0 (1) (0) [ClusterIP, non-routable]

ID   BACKEND ADDRESS (REVNAT_ID) (SLOT)
1    10.10.252.131:80

Key                        Value
[172.16.1.235]:80, 41965   [10.10.252.131]:80, 1

Map               Used   Size
services          2      65536
backends          2      131072
service_names     1      65536
service_state     1      1
reverse_sockets   1      65536
affinity          0      65536
maglev            0      4096
source_ranges     0      65536
nat               0      131072
nat_seen          1      1"""


@pytest.fixture(scope="module")
def node():
    """One node with all maps for all tests of this file."""
    with bare_node():
        do("ip", "-n", "peer", "link", "set", "lo", "up")
        run("bpf_map", maps=tasks.build(plan())["maps"])
        yield


@pytest.fixture(autouse=True)
def empty(node):
    """Leave the node without services, and see that no map has anything left."""
    state = service_layout.SERVICE_STATE
    put(state, {"zero": 0}, dict.fromkeys((field.name for field in state.value), 0))
    note(pod_flows=0, host_flows=0)
    yield
    run("services", services=[], purge=True)
    for table in (*service_layout.MAPS, nat_layout.NAT):
        if table.type != "array":
            assert entries(table) == [], table.name
    state = state_now()
    assert (state["frontends"], state["outside"], state["sweep"]) == (0, 0, 0)


def service(*backends, name="default/svc", address="10.10.252.131", port=None, **more):
    one = {"name": "svc-webport", "port": 80, "backends": backends or (FIRST, SECOND)}
    return {"name": name, "cluster_ip": address, "ports": [{**one, **(port or {})}], **more}


def entries(table):
    """All entries of a map, each key and value as fields."""
    with maps.open_pin(table.pin) as found:
        items = found.items().items()
        return [(table.unpack_key(key), table.unpack_value(value)) for key, value in items]


def put(table, key, value):
    """Set an entry by hand."""
    with maps.open_pin(table.pin) as found:
        found.update({table.pack_key(**key): table.pack_value(**value)})


def drop(table, key):
    """Remove an entry by hand."""
    with maps.open_pin(table.pin) as found:
        found.delete([table.pack_key(**key)])


def frontends():
    """The map services: address, port and protocol -> the rest."""
    found = entries(service_layout.SERVICES)
    return {(key["address"], key["port"], key["protocol"]): value for key, value in found}


def slots(value, side=""):
    """Backends of a frontend as its slots have them: those that are active, and the others."""
    first, active, total = (value[side + word] for word in ("first", "active", "total"))
    run = [slot(number) for number in range(first, first + total)]
    told = [f"{one['address']}:{one['port']}" for one in run]
    return told[:active], told[active:]


def slot(number):
    """One slot of the map backends."""
    table = service_layout.BACKENDS
    with maps.open_pin(table.pin) as found:
        return table.unpack_value(found.get(table.pack_key(slot=number)))


def state_now():
    return entries(service_layout.SERVICE_STATE)[0][1]


def test_the_service_of_the_write_up_comes_and_goes():
    done = four_runs("services", services=[service()], purge=True)
    assert done["changes"] == [f"create {NAME}"]
    assert done["diff"]["before"] == {NAME: None}
    assert done["diff"]["after"][NAME] == {
        "name": "default/svc:svc-webport/TCP",
        "type": "ClusterIP",
        "id": 1,
        "backends": "172.16.1.235:80 (active), 172.16.2.253:80 (active)",
    }
    found = frontends()
    assert set(found) == {("10.10.252.131", 80, TCP), ("10.10.252.131", 0, 0)}
    told = {word: value for word, value in found["10.10.252.131", 0, 0].items() if value}
    assert told == {"kind": service_layout.SERVICE_CLUSTER_IP}
    assert slots(found["10.10.252.131", 80, TCP]) == (["172.16.1.235:80", "172.16.2.253:80"], [])
    state = state_now()
    assert (state["frontends"], state["outside"], state["next_id"]) == (1, 0, 2)
    with socket.socket() as here:
        cookie = here.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    assert state["host_netns"] == int.from_bytes(cookie, "little") > 0

    note_socket(41965, "172.16.1.235", 80, TCP, 1)
    found = run("services_info")
    assert found["report"] == REPORT
    (one,) = found["services"]
    assert one["backends"] == [
        {"number": 1, "address": "172.16.1.235:80", "state": "active"},
        {"number": 2, "address": "172.16.2.253:80", "state": "active"},
    ]
    assert found["reverse_sockets"][0]["cookie"] == 41965

    done = four_runs("services", services=[], purge=True)
    assert done["changes"] == [f"remove {NAME}"]
    assert run("services_info")["services"] == []


def test_what_a_service_answers_on():
    both = [FIRST, {**SECOND, "state": "terminating"}, {**THIRD, "state": "quarantined"}]
    given_services = [
        service(
            *both,
            type="LoadBalancer",
            cluster_ip_allocated=True,
            external_ips=["203.0.113.9"],
            load_balancer_ips=["192.0.2.7"],
            load_balancer_ips_allocated=True,
            source_ranges=["198.51.100.0/24", "203.0.113.128/25"],
            external_traffic_policy="Local",
            session_affinity=10800,
            port={"node_port": 31000, "node_port_allocated": True},
        ),
        # One port number for two protocols; an address of IPv6; the number as the name of a port.
        {
            "name": "kube-system/dns",
            "cluster_ip": "fd00::10",
            "internal_traffic_policy": "Local",
            "ports": [
                {"port": 53, "protocol": protocol, "backends": [FIRST, SECOND]}
                for protocol in ("TCP", "UDP")
            ],
        },
        # A headless service has nothing, a host port is that of one node.
        service(name="default/headless", address=None),
        host_port("web-1", "k8s-w2", 8080),
        host_port("web-2", "k8s-w3", 8080),
        host_port("web-3", "k8s-w2", 8080, host_ip=NODE_IP),
    ]
    four_runs("services", services=given_services, node="k8s-w2")
    found = frontends()
    words = {1: "ClusterIP", 2: "NodePort", 3: "ExternalIP", 4: "LoadBalancer", 5: "HostPort"}
    kinds = {where: words[one["kind"]] for where, one in found.items() if one["id"]}
    assert kinds == {
        ("10.10.252.131", 80, TCP): "ClusterIP",
        ("203.0.113.9", 80, TCP): "ExternalIP",
        ("192.0.2.7", 80, TCP): "LoadBalancer",
        ("::", 31000, TCP): "NodePort",
        ("fd00::10", 53, TCP): "ClusterIP",
        ("fd00::10", 53, UDP): "ClusterIP",
        ("::", 8080, TCP): "HostPort",
        (NODE_IP, 8080, TCP): "HostPort",
    }
    alone = {address for address, port, protocol in found if (port, protocol) == (0, 0)}
    assert alone == {"10.10.252.131", "203.0.113.9", "192.0.2.7", "fd00::10"}

    outside, ranges, local, allocated = (
        getattr(service_layout, f"SERVICE_{word}")
        for word in ("OUTSIDE", "SOURCE_RANGES", "LOCAL_OUTSIDE", "ALLOCATED")
    )
    flags = {where[0]: one["flags"] for where, one in found.items() if where[1] in (80, 31000)}
    assert flags == {
        "10.10.252.131": allocated,
        "203.0.113.9": outside | local,
        "192.0.2.7": outside | local | ranges | allocated,
        "::": outside | local | allocated,
    }
    node_port = found["::", 31000, TCP]
    assert node_port["affinity"] == 10800
    assert slots(node_port) == (["172.16.1.235:80"], ["172.16.2.253:80"])
    # Of this node's own there is none but one that terminates.
    assert slots(node_port, "outside_") == (["172.16.2.253:80"], [])
    assert found["10.10.252.131", 80, TCP]["outside_total"] == 0
    # Frontends with the same backends share their slots.
    assert found["192.0.2.7", 80, TCP]["first"] == node_port["first"]
    assert slots(found["fd00::10", 53, UDP]) == (["172.16.2.253:80"], [])
    number = found["192.0.2.7", 80, TCP]["id"]
    prefixes = [key for key, _value in entries(service_layout.SOURCE_RANGES)]
    assert sorted(prefixes, key=lambda key: key["address"]) == [
        {"prefixlen": 32 + 96 + 24, "id": number, "address": "198.51.100.0"},
        {"prefixlen": 32 + 96 + 25, "id": number, "address": "203.0.113.128"},
    ]
    names = {value["name"] for _key, value in entries(service_layout.SERVICE_NAMES)}
    assert {"kube-system/dns:53/UDP", "web-1:http/TCP"} < names
    state = state_now()
    assert (state["frontends"], state["outside"]) == (8, 5)


def host_port(name, node, port, **more):
    one = {"name": "http", "port": port, "backends": [{**SECOND, "node": node}]}
    return {"name": name, "type": "HostPort", "node": node, "ports": [one], **more}


def test_ports_of_processes_among_those_of_flows_are_warned_of():
    web = service(type="NodePort")
    web["ports"][0]["node_port"] = 30080
    range_of = "net.ipv4.ip_local_port_range"
    first, last = before = do("sysctl", "-n", range_of).split()
    assert int(first) >= 30000
    try:
        do("sysctl", "-qw", f"{range_of}=20000 {last}")
        said = run("services", services=[web], purge=True)
        (warning,) = map(str, said["warnings"])  # newer versions of Ansible have more than a text
        assert f"{range_of} is 20000 to {last}; " in warning
        assert "valid is a range that begins at 30000 or above." in warning
        # Pods are masqueraded: there a program sees to it.
        table = nat_layout.MASQUERADE
        key = table.pack_key(ifindex=2, family=layout.FAMILY_IPV4)
        with maps.open_pin(table.pin) as devices:
            devices.update({key: table.pack_value(address=NODE_IP, flags=0)})
            assert "warnings" not in run("services", services=[web], purge=True)
            devices.delete([key])
        assert "warnings" not in run("services", services=[service()], purge=True)
        do("sysctl", "-qw", f"{range_of}=30000 {last}")
        assert "warnings" not in run("services", services=[web], purge=True)
    finally:
        do("sysctl", "-qw", f"{range_of}={' '.join(before)}")
        run("services", services=[], purge=True)


def test_an_address_of_a_node_is_none_of_services_alone():
    node_addresses = layout.NODE_ADDRESSES
    assert {key["address"] for key, _value in entries(node_addresses)} >= {NODE_IP, PEER_IP}
    four_runs("services", services=[service(external_ips=[NODE_IP, PEER_IP])])
    alone = {address for address, port, _protocol in frontends() if not port}
    assert alone == {"10.10.252.131"}


def test_new_backends_come_in_one_step():
    run("services", services=[service(), service(name="default/b", address="10.10.0.2")])
    before = frontends()["10.10.252.131", 80, TCP]
    done = four_runs("services", services=[service(FIRST, THIRD)])
    assert done["diff"]["before"][NAME] == {
        "backends": "172.16.1.235:80 (active), 172.16.2.253:80 (active)"
    }
    assert done["diff"]["after"][NAME] == {
        "backends": "172.16.1.235:80 (active), 172.16.3.7:80 (active)"
    }
    after = frontends()["10.10.252.131", 80, TCP]
    assert after["id"] == before["id"]
    assert after["first"] not in range(before["first"], before["first"] + 2)
    assert slots(after) == (["172.16.1.235:80", "172.16.3.7:80"], [])
    assert slots(before) == (["172.16.1.235:80", "172.16.2.253:80"], [])
    # A terminating one stays where it was: only the number of active ones changes.
    run("services", services=[service(FIRST, {**THIRD, "state": "terminating"})])
    ending = frontends()["10.10.252.131", 80, TCP]
    assert (ending["first"], ending["active"], ending["total"]) == (after["first"], 1, 2)
    # No number comes again.
    run("services", services=[service(name="default/b", address="10.10.0.2")], purge=True)
    run("services", services=[service()])
    assert frontends()["10.10.252.131", 80, TCP]["id"] == 3


def test_what_is_not_listed_stays_without_a_purge():
    other = service(name="default/other", address="10.10.0.2")
    run("services", services=[service(external_ips=["10.10.0.2"], port={"port": 81}), other])
    moved = service(address="10.10.252.132")
    done = four_runs("services", services=[moved])
    assert done["changes"] == [
        "remove service default/svc:svc-webport/TCP 10.10.0.2:81",
        "remove service default/svc:svc-webport/TCP 10.10.252.131:81",
        "create service default/svc:svc-webport/TCP 10.10.252.132:80",
    ]
    assert set(frontends()) == {
        ("10.10.252.132", 80, TCP),
        ("10.10.252.132", 0, 0),
        ("10.10.0.2", 80, TCP),
        ("10.10.0.2", 0, 0),
    }
    done = four_runs("services", services=[moved], purge=True)
    assert done["changes"] == ["remove service default/other:svc-webport/TCP 10.10.0.2:80"]


FULL = service(
    load_balancer_ips=["192.0.2.7"],
    source_ranges=["198.51.100.0/24"],
    algorithm="maglev",
)
BALANCER = "service default/svc:svc-webport/TCP 192.0.2.7:80"


def edited(table, key, **words):
    """Change some fields of an entry by hand."""
    value = next(value for found, value in entries(table) if found == key)
    put(table, key, {**value, **words})


def of_balancer():
    """Key in the maps of what belongs to the frontend that a hand has changed."""
    return {"id": frontends()["192.0.2.7", 80, TCP]["id"]}


def test_what_a_hand_has_changed_is_repaired():
    four_runs("services", services=[FULL])
    services, names = service_layout.SERVICES, service_layout.SERVICE_NAMES
    ranges, tables = service_layout.SOURCE_RANGES, service_layout.MAGLEV
    state = (service_layout.SERVICE_STATE, {"zero": 0})
    key = {"address": "192.0.2.7", "port": 80, "protocol": TCP, "family": 0}
    alone = {"address": "192.0.2.7", "port": 0, "protocol": 0, "family": 0}
    zeros = dict.fromkeys((field.name for field in services.value), 0)
    prefix = {"prefixlen": 152, "address": "198.51.100.0"}
    more = {"prefixlen": 32, "address": "::"}
    right = run("services_info")["services"]
    for change, told in (
        (lambda: drop(services, key), f"create {BALANCER}"),
        (lambda: edited(services, key, active=1), f"change {BALANCER}"),
        (lambda: edited(services, key, id=99), f"change {BALANCER}"),
        (lambda: edited(services, key, id=2**32 - 1), f"change {BALANCER}"),
        (lambda: edited(services, key, id=1), f"change {BALANCER}"),
        (lambda: edited(services, key, flags=0), f"change {BALANCER}"),
        (lambda: edited(services, key, outside_first=2**17 - 1), f"change {BALANCER}"),
        (lambda: drop(names, of_balancer()), f"change {BALANCER}"),
        (lambda: put(names, of_balancer(), {"name": "x"}), f"change {BALANCER}"),
        (lambda: drop(ranges, {**prefix, **of_balancer()}), f"change {BALANCER}"),
        (lambda: put(ranges, {**more, **of_balancer()}, {"allowed": 1}), f"change {BALANCER}"),
        (lambda: drop(tables, of_balancer()), f"change {BALANCER}"),
        (lambda: put(tables, of_balancer(), {"positions": ""}), f"change {BALANCER}"),
        (lambda: drop(services, alone), "create service address 192.0.2.7"),
        (
            lambda: put(services, {**alone, "address": "192.0.2.8"}, zeros),
            "remove service address 192.0.2.8",
        ),
        (
            lambda: edited(*state, frontends=0, host_netns=1),
            "change what programs ask before they look for a service",
        ),
    ):
        change()
        done = run("services", services=[FULL])
        assert told in done["changes"], (told, done["changes"])
        assert run("services", services=[FULL])["changes"] == [], told
        found = run("services_info")["services"]
        assert sorted(map(strip, found)) == sorted(map(strip, right)), told

    # A slot belongs to all frontends that name it.
    run("services", services=[], purge=True)
    run("services", services=[FULL])
    first = frontends()["192.0.2.7", 80, TCP]["first"]
    put(service_layout.BACKENDS, {"slot": first}, {**slot(first), "address": "10.0.0.1"})
    done = four_runs("services", services=[FULL])
    assert sorted(done["changes"]) == [f"change {NAME}", f"change {BALANCER}"]
    # Bytes that no word stands for.
    first = frontends()["192.0.2.7", 80, TCP]["first"]
    put(service_layout.BACKENDS, {"slot": first}, {**slot(first), "reserved": 7})
    done = four_runs("services", services=[FULL])
    assert done["diff"]["before"][BALANCER] == {"altered": True}


def strip(one):
    """What a frontend is, less its number, as text."""
    return str({word: value for word, value in one.items() if word != "id"})


def test_a_table_of_maglev_follows_from_the_backends():
    backends = [{**FIRST, "ip": f"172.16.1.{n}"} for n in range(1, 6)]
    four_runs(
        "services", services=[service(*backends, external_ips=["192.0.2.1"], algorithm="maglev")]
    )
    (((key, _text),)) = entries(service_layout.MAGLEV)
    assert key["id"] == frontends()["192.0.2.1", 80, TCP]["id"]
    with maps.open_pin(service_layout.MAGLEV.pin) as found:
        (raw,) = found.items().values()
    assert raw == maglev.packed([f"172.16.1.{n}:80" for n in range(1, 6)])
    # Terminating ones are not in it, and without any there is none.
    run("services", services=[service(external_ips=["192.0.2.1"])])
    assert entries(service_layout.MAGLEV) == []


BAD = {
    "name 'default/svc'": [service(), service(address="10.10.0.3")],
    "'10.10.252.1310'": [service(address="10.10.252.1310")],
    "'300.1.1.1'": [service({**FIRST, "ip": "300.1.1.1"})],
    "'host.name'": [service(external_ips=["host.name"])],
    "port 0 ": [service(port={"port": 0})],
    "port 65536 ": [service(port={"port": 65536})],
    "port of a backend 70000": [service({**FIRST, "port": 70000})],
    "node_port 29999": [service(port={"node_port": 29999})],
    "node_port 32768": [service(port={"node_port": 32768})],
    "protocol 'SCTP'": [service(port={"protocol": "SCTP"})],
    "session_affinity 86401": [service(session_affinity=86401)],
    "source_ranges '203.0.113.1/24'": [
        service(load_balancer_ips=["192.0.2.1"], source_ranges=["203.0.113.1/24"])
    ],
    "10.10.252.131:80/TCP": [service(), service(name="default/b")],
    "node_port 31000/TCP": [
        service(port={"node_port": 31000}),
        service(name="b", address="10.10.0.3", port={"node_port": 31000}),
    ],
    "port 31000/TCP": [
        service(port={"node_port": 31000}),
        host_port("web-1", "k8s-w1", 31000),
    ],
    "172.16.1.235:80": [service(FIRST, SECOND, {**FIRST, "state": "terminating"})],
    "too long": [service(name="n" * 250)],
}


@pytest.mark.parametrize("told", BAD)
def test_services_that_cannot_be(told):
    run("services", services=[service(THIRD, name="default/there", address="10.10.0.9")])
    message = fails("services", "services: ", told, services=BAD[told], node="k8s-w1")
    assert message.endswith(".")
    assert len(frontends()) == 2


def test_a_local_policy_needs_the_name_of_the_node():
    for side in ("internal", "external"):
        fails("services", "node: ", services=[service(**{f"{side}_traffic_policy": "Local"})])


def test_more_than_a_map_holds(node):
    small = {"services": 4, "backends": 3, "maglev": 1, "source_ranges": 1}
    items = [item for item in tasks.build(plan())["maps"] if item["name"] in small]

    def grown(sizes):
        for item in items:
            run("bpf_map", maps=[{"path": item["path"], "state": "absent"}])
            size = sizes.get(item["name"], item["max_entries"])
            run("bpf_map", maps=[{**item, "max_entries": size}])

    with contextlib.ExitStack() as stack:
        stack.callback(grown, {})
        grown(small)
        three = [service(name=f"default/{n}", address=f"10.10.0.{n}") for n in range(3)]
        fails("services", "6 frontends", "'services' holds 4", services=three)
        many = [service(FIRST, SECOND, THIRD, {**FIRST, "port": 81})]
        fails("services", "4 backends", "'backends' holds 3", services=many)
        outside = {"external_ips": ["10.10.0.1"], "algorithm": "maglev"}
        both = service(**outside, load_balancer_ips=["10.10.0.2"], address=None)
        fails("services", "2 frontends", "'maglev' holds 1", services=[both])
        prefixes = ["10.0.0.0/24", "10.0.1.0/24"]
        both = service(load_balancer_ips=["10.10.0.2"], source_ranges=prefixes, address=None)
        fails("services", "2 source ranges", "'source_ranges' holds 1", services=[both])
        # What is there stays there until the new one is: that is too much for these slots.
        run("services", services=[service()])
        fails("services", "2 backends", "of 3 slots", services=[service(THIRD, FIRST)])
        run("services", services=[], purge=True)


def test_no_maps_no_services(node):
    item = next(item for item in tasks.build(plan())["maps"] if item["name"] == "nat")
    run("bpf_map", maps=[{"path": item["path"], "state": "absent"}])
    done = run_module("services", services=[service()])
    assert done.failed
    assert "'nat'" in done["msg"]
    assert run_module("services", services=[service()], check=True)["changed"]
    assert {one["name"]: one["used"] for one in run("services_info")["maps"]}["nat"] is None
    run("bpf_map", maps=[item])
    assert frontends() == {}


def test_what_only_the_controller_reads():
    fails("services", "path: ", path="/tmp/x")
    fails("services", "src: ", src=["x.yml"])
    fails("services", "_services: ", _services="x")
    four_runs("services", _services=wire.pack([service()]))


def note_socket(cookie, address, port, protocol, number, service_address="10.10.252.131"):
    """Write what the program for connections writes."""
    put(
        service_layout.REVERSE_SOCKETS,
        {
            "cookie": cookie,
            "address": address,
            "port": port,
            "protocol": protocol,
            "reserved": 0,
        },
        {"address": service_address, "port": 80, "reserved": 0, "id": number},
    )


def note_client(number, backend):
    """Write that a client keeps a backend."""
    zeros = {"reserved": 0, "slot": 0, "used": 1}
    put(
        service_layout.AFFINITY,
        {"client": "10.9.9.9", "id": number, "reserved": 0},
        {"address": backend["ip"], "port": backend["port"], **zeros},
    )


def note_flow(number, backend, client_port):
    """Write both halves of a translated flow."""
    client, frontend = ("10.9.9.9", client_port), ("10.10.252.131", 80)
    place = (backend["ip"], backend["port"])
    for flags, key, value in (
        (0, (client, frontend), (client, place)),
        (nat_layout.NAT_REVERSE, (place, client), (frontend, client)),
    ):
        put(
            nat_layout.NAT,
            {**flow(*key), "protocol": TCP, "reserved": 0},
            {
                **flow(*value),
                "flags": flags,
                "reserved": 0,
                "id": number,
                "slot": 0,
                "created": 1,
                "used": 1,
                "acked": 0,
                "unused": 0,
            },
        )


def flow(source, destination):
    return {
        "source": source[0],
        "source_port": source[1],
        "destination": destination[0],
        "destination_port": destination[1],
    }


def noted():
    """Backends that are noted: by clients, flows and sockets."""
    kept = [value["address"] for _key, value in entries(service_layout.AFFINITY)]
    flows = [
        key["source"] if value["flags"] else value["destination"]
        for key, value in entries(nat_layout.NAT)
    ]
    sockets = [key["address"] for key, _value in entries(service_layout.REVERSE_SOCKETS)]
    return kept, sorted(flows), sorted(sockets)


def test_where_all_terminate_they_take_new_connections_until_one_is_active():
    leaving = [{**FIRST, "state": "terminating"}, {**SECOND, "state": "quarantined"}]
    four_runs("services", services=[service(*leaving)])
    assert slots(frontends()["10.10.252.131", 80, TCP]) == (["172.16.1.235:80"], [])
    # The next one is there: what terminates keeps its flows, and gets no new ones.
    four_runs("services", services=[service(leaving[0], THIRD)])
    active, others = slots(frontends()["10.10.252.131", 80, TCP])
    assert (len(active), others) == (1, ["172.16.1.235:80"])


def test_what_is_noted_of_a_backend_goes_with_it():
    other = service(name="default/other", address="10.10.0.2")
    run("services", services=[service(), other])
    for number, backend in ((1, SECOND), (2, SECOND)):
        note_client(number, backend)
    for number in (1, 2):
        for backend in (FIRST, SECOND):
            note_flow(number, backend, 40000 + number)
            note_socket(number, backend["ip"], 80, TCP, number)
    flows = noted()[1]
    assert len(flows) == 6  # two ways there, and four back

    # One that rests, or ends, keeps what it has.
    for state in ("terminating", "quarantined", "maintenance", "active"):
        run("services", services=[service(FIRST, {**SECOND, "state": state}), other])
        assert noted() == (["172.16.2.253"] * 2, flows, ["172.16.1.235"] * 2 + ["172.16.2.253"] * 2)
    run("services", services=[service(FIRST), other])
    kept, flows, sockets = noted()
    assert kept == ["172.16.2.253"]
    assert flows == ["172.16.1.235"] * 2 + ["172.16.2.253"] * 2
    assert sockets == ["172.16.1.235"] * 2 + ["172.16.2.253"]
    run("services", services=[other], purge=True)
    assert noted()[2] == ["172.16.1.235", "172.16.2.253"]
    assert {value["id"] for _key, value in entries(nat_layout.NAT)} == {2}


def note(**flags):
    """Note in the map ``nat_seen`` what programs do."""
    put(nat_layout.NAT_SEEN, {"zero": 0}, flags)


def seen():
    """Return what is noted there."""
    return entries(nat_layout.NAT_SEEN)[0][1]


def test_without_flows_no_packet_is_looked_up():
    run("services", services=[service()])
    note_flow(1, SECOND, 40000)
    flags = {"pod_flows": 1, "host_flows": 1}
    note(**flags)
    edited(service_layout.SERVICE_STATE, {"zero": 0}, **flags)  # an earlier version's
    done = four_runs("services", services=[service(), service(name="b", address="10.10.0.2")])
    assert len(done["changes"]) == 1
    assert seen() == flags
    assert {word: state_now()[word] for word in flags} == flags
    run("services", services=[service(FIRST)])
    assert entries(nat_layout.NAT) == []
    assert seen() == dict.fromkeys(flags, 0)
    assert {word: state_now()[word] for word in flags} == dict.fromkeys(flags, 0)


class Meanwhile(maps.Map):
    """The map of flows, in which one begins just after the first look."""

    def empty(self):
        was = super().empty()
        note_flow(1, FIRST, 40000)
        return was


def test_a_flow_that_begins_meanwhile_is_looked_up():
    run("services", services=[service()])
    flags = {"pod_flows": 1, "host_flows": 1}
    note(**flags)
    with (
        maps.open_pin(service_layout.SERVICE_STATE.pin) as state,
        maps.open_pin(nat_layout.NAT_SEEN.pin) as noted,
        maps.open_pin(nat_layout.NAT.pin) as flows,
        Meanwhile(os.dup(flows.fd)) as nat,
    ):
        forget_flows(state, noted, nat)
    assert seen() == flags


def connection(kind, address, family=socket.AF_INET):
    """Return a socket that talks to a server, the server's end, and the cookie."""
    server, client = socket.socket(socket.AF_INET, kind), socket.socket(family, kind)
    server.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        server.listen()
    port = server.getsockname()[1]
    client.connect((f"::ffff:{address}" if family == socket.AF_INET6 else address, port))
    client.settimeout(0.2)
    cookie = int.from_bytes(client.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), "little")
    return client, server, cookie


def is_closed(client):
    try:
        client.recv(1)
    except TimeoutError:
        return False
    except ConnectionAbortedError:
        return True
    raise AssertionError


def test_sockets_to_a_backend_that_went_are_closed_and_no_others():
    protocols = {socket.SOCK_STREAM: (TCP, "TCP"), socket.SOCK_DGRAM: (UDP, "UDP")}
    with contextlib.ExitStack() as stack:

        def talk(kind, address=NODE_IP, **more):
            client, server, cookie = connection(kind, address, **more)
            stack.callback(client.close)
            stack.callback(server.close)
            return client, server.getsockname()[1], cookie

        for kind, (number, protocol) in protocols.items():
            first, port, cookie = talk(kind)
            mapped, mapped_port, mapped_cookie = talk(kind, family=socket.AF_INET6)
            with namespaces.inside("peer"):
                there, there_port, there_cookie = talk(kind, PEER_IP)
            stays, stays_port, stays_cookie = talk(kind)
            unknown, unknown_port, _cookie = talk(kind)
            going = [(NODE_IP, port), (NODE_IP, mapped_port), (PEER_IP, there_port)]
            going.append((NODE_IP, unknown_port))
            staying = {"ip": NODE_IP, "port": stays_port}
            backends = [{"ip": ip, "port": port} for ip, port in going]
            wanted = {"port": {"protocol": protocol}}
            run("services", services=[service(*backends, staying, **wanted)], purge=True)
            (one,) = run("services_info")["services"]
            cookies = (cookie, mapped_cookie, there_cookie)
            for cookie, (ip, port) in zip(cookies, going):
                note_socket(cookie, ip, port, number, one["id"])
            note_socket(stays_cookie, NODE_IP, stays_port, number, one["id"])
            # A socket that has another peer by now: its cookie is right, and its backend is not.
            note_socket(stays_cookie, NODE_IP, unknown_port, number, one["id"])
            run("services", services=[service(staying, **wanted)])
            sockets = (first, mapped, there, stays, unknown)
            assert [is_closed(each) for each in sockets] == [True] * 3 + [False] * 2
            (key, _value) = entries(service_layout.REVERSE_SOCKETS)[0]
            assert key["cookie"] == stays_cookie
            run("services", services=[], purge=True)
            assert is_closed(stays)


def test_what_a_killed_run_left_is_swept():
    run("services", services=[service()])
    client, server, cookie = connection(socket.SOCK_STREAM, NODE_IP)
    with client, server:
        # Of a frontend and of a backend that nobody knows any more.
        note_socket(cookie, NODE_IP, server.getsockname()[1], TCP, 77)
        note_socket(5, "172.16.9.9", 80, TCP, 1)
        note_socket(6, FIRST["ip"], 80, TCP, 1)
        note_client(1, THIRD)
        put(service_layout.SERVICE_NAMES, {"id": 77}, {"name": "default/gone:80/TCP"})
        prefix = {"prefixlen": 152, "id": 77, "address": "10.0.0.0"}
        put(service_layout.SOURCE_RANGES, prefix, {"allowed": 1})
        put(service_layout.MAGLEV, {"id": 77}, {"positions": ""})
        edited(service_layout.SERVICE_STATE, {"zero": 0}, sweep=1)
        done = four_runs("services", services=[service()])
        what = "what services that are gone left"
        assert done["changes"] == [f"remove {what}"]
        assert done["diff"]["before"][what] == {
            "names": 1,
            "source_ranges": 1,
            "maglev_tables": 1,
            "to_be_swept": True,
        }
        assert is_closed(client)
        assert noted() == ([], [], ["172.16.1.235"])


def many(count=10000):
    return [
        service(
            *({"ip": f"172.{16 + k}.{n // 256}.{n % 256}", "port": 8080} for k in range(3)),
            name=f"default/svc-{n}",
            address=f"10.96.{n // 256}.{n % 256}",
        )
        for n in range(count)
    ]


def test_ten_thousand_services_in_one_call():
    services, took = many(), {}
    for what, changed in (("made", 10000), ("again", 0), ("one changed", 1), ("removed", 10000)):
        if what == "one changed":
            services[5000]["ports"][0]["backends"][1]["ip"] = "172.31.0.1"
        listed = wire.pack([] if what == "removed" else services)
        start = spent()
        done = run("services", _services=listed, purge=True)
        took[what] = spent() - start
        assert len(done["changes"]) == changed
        if what == "made":
            assert state_now()["frontends"] == 10000
            where = frontends()["10.96.1.2", 80, TCP]
            assert slots(where) == ([f"172.{16 + k}.1.2:8080" for k in range(3)], [])
    print("10,000 services:", ", ".join(f"{what} {each:.2f} s" for what, each in took.items()))
    assert took["made"] < 8
    assert max(took["again"], took["one changed"]) < 5
