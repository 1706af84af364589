# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services: from the list to frontends, slots, tables of Maglev, and the report."""

from __future__ import annotations

import contextlib
import itertools
import socket
import sys
from collections import Counter

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.service_layout import (
    MAGLEV_POSITIONS,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import (
    addresses,
    namespaces,
    sockdiag,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.network import ranges
from ansible_collections.podnet.fabric.plugins.module_utils.services import (
    converge,
    given,
    maglev,
    packed,
    report,
    said,
    sockets,
    sweep,
    wanted,
    wire,
)
from ansible_collections.podnet.fabric.plugins.module_utils.services.slots import Slots
from ansible_collections.podnet.fabric.plugins.module_utils.services.state import State


def backends(count, first=1):
    return [f"172.16.{n // 256}.{n % 256}:80" for n in range(first, first + count)]


@pytest.mark.parametrize("count", [1, 2, 3, 10, 100])
def test_maglev_is_fair(count):
    found = maglev.table(backends(count))
    assert len(found) == MAGLEV_POSITIONS
    shares = Counter(found)
    assert set(shares) == set(range(count))
    # Each has its turn: no one has more than two positions more than another.
    assert max(shares.values()) - min(shares.values()) <= 2


@pytest.mark.parametrize("count", [3, 10, 100])
def test_maglev_keeps_what_it_can_when_a_backend_goes(count):
    before, names = maglev.table(backends(count)), backends(count)
    for gone in (0, count // 2, count - 1):
        left = [name for name in names if name != names[gone]]
        after = maglev.table(left)
        moved = sum(1 for old, new in zip(before, after) if old != gone and names[old] != left[new])
        assert moved / MAGLEV_POSITIONS < 0.02


def test_maglev_is_the_same_whatever_the_order():
    names = backends(7)
    table = [names[at] for at in maglev.table(names)]
    for order in itertools.islice(itertools.permutations(names), 0, 5040, 997):
        assert [order[at] for at in maglev.table(order)] == table


def test_slots_are_taken_where_they_fit_first():
    slots = Slots(10)
    slots.use(2, 3)
    assert [slots.take(n) for n in (2, 3, 0, 2)] == [0, 5, 0, 8]
    with pytest.raises(Failure, match="1 backends"):
        slots.take(1)


def test_what_frontends_name_beyond_the_array_is_passed_over():
    slots = Slots(4)
    slots.use(3, 1000)
    slots.use(2**32 - 1, 1)
    slots.use(0, 1)
    assert slots.take(2) == 1
    with pytest.raises(Failure):
        slots.take(1)


def service(**more):
    port = {
        "name": "http",
        "port": 80,
        "backends": [backend(1), backend(2)],
        **more.pop("port", {}),
    }
    return {"name": "default/a", "cluster_ip": "10.10.0.1", "ports": [port], **more}


def backend(number, state="active", node=None):
    return {"ip": f"172.16.0.{number}", "port": 8080, "node": node, "state": state}


def frontends(*services, node="k8s-w1"):
    found = wanted.frontends(services, node=node, node_addresses=frozenset())
    return {said.where(key): one for key, one in found.frontends.items()}


def places(run):
    return [packed.place_text(place) for place in packed.places(run.slots)]


def test_each_policy_is_for_its_own_clients():
    mixed = [backend(1, node="k8s-w1"), backend(2, node="k8s-w2"), backend(3, "terminating")]
    one = service(port={"node_port": 30000, "backends": mixed}, external_traffic_policy="Local")
    found = frontends(one)
    all_of_them = ["172.16.0.1:8080", "172.16.0.2:8080", "172.16.0.3:8080"]
    for where in ("10.10.0.1:80", "0.0.0.0:30000"):
        assert places(found[where].inside) == all_of_them
        assert found[where].inside.active == 2
    assert places(found["0.0.0.0:30000"].outside) == ["172.16.0.1:8080"]
    assert found["10.10.0.1:80"].outside == wanted.NOTHING
    inside = frontends({**one, "internal_traffic_policy": "Local"})["10.10.0.1:80"].inside
    assert places(inside) == ["172.16.0.1:8080"]
    nowhere = frontends({**one, "internal_traffic_policy": "Local"}, node="k8s-w9")
    assert nowhere["10.10.0.1:80"].inside == wanted.NOTHING


def test_programs_find_backends_sorted_whatever_the_order_that_they_are_given_in():
    others = [{"ip": ip, "port": 8080} for ip in ("fd00::1", "9.9.9.9", "172.16.0.10")]
    given = [backend(2), *others, {**backend(2), "port": 81}]
    expected = ["9.9.9.9:8080", "172.16.0.2:81", "172.16.0.2:8080", "172.16.0.10:8080"]
    expected.append("[fd00::1]:8080")
    for order in itertools.permutations(given):
        found = frontends(service(port={"backends": [*order]}))["10.10.0.1:80"].inside
        assert places(found) == expected
        # Those that take new connections, and behind them others, in their own order.
        ending = [{**each, "state": "terminating"} for each in order if each["port"] == 8080]
        left = [*ending, *(each for each in order if each["port"] == 81), backend(1)]
        found = frontends(service(port={"backends": left}))["10.10.0.1:80"].inside
        assert found.active == 2
        assert places(found)[:2] == ["172.16.0.1:8080", "172.16.0.2:81"]


def test_those_that_terminate_and_serve_take_over_where_none_is_active():
    leaving = [
        backend(1, "terminating", "k8s-w1"),
        {**backend(2, "terminating", "k8s-w1"), "answers": False},
        backend(3, "quarantined", "k8s-w1"),
    ]
    there = [backend(4, node="k8s-w2")]
    port = {"node_port": 30000, "backends": leaving + there}
    found = frontends(service(port=port, external_traffic_policy="Local"))["0.0.0.0:30000"]
    # Of the whole cluster one is active, of this node none.
    assert places(found.inside) == [f"172.16.0.{n}:8080" for n in (4, 1, 2)]
    assert found.inside.active == 1
    assert places(found.outside) == ["172.16.0.1:8080", "172.16.0.2:8080"]
    assert found.outside.active == 1
    alone = frontends(service(port={**port, "backends": leaving[1:]}))["10.10.0.1:80"].inside
    assert (places(alone), alone.active) == (["172.16.0.2:8080"], 0)


def test_a_port_at_loopback_is_not_for_those_outside():
    port = {"port": 8080, "backends": [backend(1)]}
    one = {"name": "web-1", "type": "HostPort", "node": "k8s-w1", "ports": [port]}
    (found,) = frontends({**one, "host_ip": "127.0.0.1"}).values()
    assert (found.flags, found.outside) == (0, wanted.NOTHING)
    assert places(found.inside) == ["172.16.0.1:8080"]
    (found,) = frontends({**one, "host_ip": "192.168.10.101"}).values()
    assert places(found.outside) == ["172.16.0.1:8080"]


def test_a_resting_backend_gets_nothing_and_is_not_forgotten():
    one = service(port={"backends": [backend(1), backend(2, "quarantined")]})
    found = frontends(one)["10.10.0.1:80"]
    assert places(found.inside) == ["172.16.0.1:8080"]
    assert [packed.place_text(place) for place in found.resting] == ["172.16.0.2:8080"]


def test_a_list_comes_through_as_it_was_sent():
    services = [service(), service(name="default/ä")]
    nothing = {"path": None, "src": None, "services": None}
    assert given.services({**nothing, "_services": wire.pack(services)}) == services
    with pytest.raises(Failure, match="base64"):
        given.services({**nothing, "_services": "%%"})


def test_what_is_lost_is_known_by_frontend_and_backend():
    # The fourth is nobody's: somebody took it away by hand.
    lost = sweep.lost({1: {b"a"}, 2: set()}, whole={3})
    found = [lost(number, place) for number in (1, 2, 3, 4) for place in (b"a", b"b")]
    assert found == [False, True, True, True, False, False, True, True]


def test_no_count_is_lower_than_what_is_there():
    more, fewer = State(frontends=5, outside=1, sweep=1), State(frontends=3, outside=2, next_id=9)
    for now, after in ((more, fewer), (fewer, more)):
        while_some_go = converge.while_some_go(now, after)
        assert (while_some_go.frontends, while_some_go.outside) == (5, 2)
        assert while_some_go.sweep == now.sweep
        assert while_some_go.next_id == after.next_id


def test_a_kernel_that_closes_no_sockets_is_a_warning(monkeypatch):
    def cannot(_found):
        raise sockdiag.Unsupported

    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        raw = client.getsockopt(socket.SOL_SOCKET, 57, 8)  # SO_COOKIE
        place = addresses.packed("127.0.0.1") + server.getsockname()[1].to_bytes(2, "big")
        talk = (int.from_bytes(raw, sys.byteorder), place, socket.IPPROTO_TCP)
        monkeypatch.setattr(sockdiag, "destroy", cannot)
        monkeypatch.setattr(namespaces, "living", lambda: ["/proc/self/ns/net"])
        monkeypatch.setattr(namespaces, "inside", contextlib.nullcontext)  # that needs root
        (warning,) = sockets.close([talk])
        assert "CONFIG_INET_DIAG_DESTROY" in warning
        assert sockets.close([(talk[0] + 10**6, place, socket.IPPROTO_TCP)]) == []


def shown(**more):
    two = [
        {"number": 1, "address": "172.16.1.235:80", "state": "active"},
        {"number": 2, "address": "[fd00::1]:80", "state": "terminating"},
    ]
    return {
        "id": 9,
        "name": "default/svc:svc-webport/TCP",
        "frontend": "10.10.252.131:80",
        "protocol": "TCP",
        "type": "ClusterIP",
        "flags": [],
        "session_affinity": 0,
        "source_ranges": [],
        "backends": two,
        "outside_backends": [],
        **more,
    }


def test_services_are_listed_with_numbered_backends():
    found = {"services": [shown(), shown(id=10, protocol="UDP", backends=[])]}
    assert report.service_list(found) == [
        "ID   Frontend               Service Type   Backend",
        "9    10.10.252.131:80       ClusterIP      1 => 172.16.1.235:80 (active)",
        "                                           2 => [fd00::1]:80 (terminating)",
        "10   10.10.252.131:80/UDP   ClusterIP",
    ]


def test_frontends_say_who_reaches_them_and_how():
    one = shown(
        type="LoadBalancer",
        flags=["outside", "source ranges", "maglev", "local"],
        session_affinity=10,
        outside_backends=[{"number": 1, "address": "172.16.1.235:80", "state": "active"}],
    )
    flags = "LoadBalancer, Local, check source-range, maglev, sessionAffinity"
    assert report.lb_list({"services": [one]}) == [
        "SERVICE ADDRESS          BACKEND ADDRESS (REVNAT_ID) (SLOT)",
        "10.10.252.131:80 (1)     172.16.1.235:80 (9) (1)",
        f"10.10.252.131:80 (0)     0.0.0.0:0 (9) (0) [{flags}]",
        "10.10.252.131:80/i (2)   [fd00::1]:80 (9) (2) [terminating]",
        "10.10.252.131:80/i (1)   172.16.1.235:80 (9) (1)",
        f"10.10.252.131:80/i (0)   0.0.0.0:0 (9) (0) [{flags}]",
    ]


def test_sockets_are_listed_with_what_they_take_their_backend_for():
    entry = {"cookie": 41965, "backend": "172.16.1.235:80", "frontend": "[fd00::2]:80", "id": 9}
    assert report.reverse_socket_list({"reverse_sockets": [entry]}) == [
        "Key                        Value",
        "[172.16.1.235]:80, 41965   [fd00::2]:80, 9",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [("", ""), ("1", "1"), ("3,1-2", "1-3"), ("8080, 30000-32767", "8080,30000-32767")],
)
def test_port_ranges_are_written_as_the_kernel_does(text, written):
    assert ranges.text(ranges.numbers(text)) == written


@pytest.mark.parametrize("text", ["1-", "-1", "2-1", "65536", "a", "1,,2", "1;2"])
def test_what_is_no_port_range(text):
    with pytest.raises(ValueError, match="no range of ports"):
        ranges.numbers(text)


def test_an_address_has_one_form():
    assert addresses.packed("10.0.0.1") == addresses.packed("::ffff:10.0.0.1")
    assert packed.address_text(addresses.packed("FD00:0::1")) == "fd00::1"
    assert packed.place_text(addresses.ANY + (80).to_bytes(2, "big")) == "0.0.0.0:80"
    for bad in ("10.0.0", "10.0.0.01", "", None, 7, "fd00::1::"):
        with pytest.raises((ValueError, TypeError)):
            addresses.packed(bad)
