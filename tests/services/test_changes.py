# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backends that end and go: what their connections, and those to others, notice of it."""

from __future__ import annotations

import contextlib

import pytest

from tests.cluster.predictions import predicted_then_done

from .clients import Client
from .talks import SERVERS, nothing_is_lost, talks
from .write_up import NAMES, NAMES_NODE_PORT, NAMES_SERVICE, NETPOD, NODES, STICKY, WEBPODS

FILL = "Fill the service maps"

#: Who holds connections: by sockets, by packets of a pod, from outside.
WAYS = {
    "sockets": (NETPOD, False, NAMES_SERVICE, NAMES),
    "packets": (NETPOD, True, NAMES_SERVICE, NAMES),
    "outside": ("internet", False, NODES["k8s-m"], NAMES_NODE_PORT),
    "outside, by the backend's node": ("internet", False, NODES["k8s-w1"], NAMES_NODE_PORT),
}


@pytest.fixture(scope="module")
def give(cluster):
    """Give services other backends until these tests are over; the next run brings them."""

    def give(name, *backends):
        (service,) = (s for s in cluster.variables["podnet_services"] if s["name"] == name)
        service["backends"] = list(backends)

    yield give
    for name in ("names", "sticky"):
        give(name, *({"ip": ip} for ip in WEBPODS))


def servers(cluster, way):
    """Return who takes new connections."""
    place, raw, address, port = WAYS[way]
    with talks(Client(cluster, place, raw), address, port, wanted=None) as some:
        return {talk["name"] for talk in some.begin}


@pytest.fixture(scope="module")
def held(cluster):
    """Connections of every kind, each to both backends."""
    with contextlib.ExitStack() as stack:
        yield {
            way: stack.enter_context(talks(Client(cluster, place, raw), address, port))
            for way, (place, raw, address, port) in WAYS.items()
        }


def test_a_backend_that_ends_keeps_its_connections_and_gets_no_new_one(cluster, held, give):
    give("names", {"ip": WEBPODS[0]}, {"ip": WEBPODS[1], "state": "terminating"})
    with nothing_is_lost(*held.values()):
        run = predicted_then_done(cluster)
    assert {node: list(tasks) for node, tasks in run.changed.items()} == {
        node: [FILL] for node in cluster.nodes
    }
    # What is the same on all nodes, the one that was first says.
    said = "".join(
        str(event.result["diff"])
        for event in run.of("changed")
        if event.task.endswith("Configure service load balancing")
    )
    for part in (
        "default/names",
        f"{NAMES_SERVICE}:{NAMES}",
        f"{WEBPODS[1]}:{NAMES} (terminating)",
    ):
        assert part in said
    assert "default/svc" not in said
    for way in WAYS:
        assert servers(cluster, way) == {"webpod1"}, way


def test_a_backend_that_is_gone_takes_its_connections_along_and_no_others(cluster, held, give):
    clients = [Client(cluster, NETPOD), Client(cluster, NETPOD, raw=True)]
    (stays,) = set(WEBPODS) - {page.address for page in clients[0].ask(STICKY, times=5)}

    give("names", {"ip": WEBPODS[0]})
    give("sticky", {"ip": stays})
    cluster.play("site").ok()
    for way, some in held.items():
        for talk in some.report():
            if talk["name"] == "webpod1":
                assert (talk["error"], talk["resent"]) == (None, 0), way
            elif way == "sockets":
                assert talk["error"] is not None
    for way in WAYS:
        assert servers(cluster, way) == {"webpod1"}, way
    for client in clients:
        assert {page.address for page in client.ask(STICKY, times=5)} == {stays}


def test_a_backend_that_is_back_gets_its_share(cluster, give):
    for name in ("names", "sticky"):
        give(name, *({"ip": ip} for ip in WEBPODS))
    cluster.play("site").ok()
    for place, raw, address, port in WAYS.values():
        with talks(Client(cluster, place, raw), address, port) as some:
            assert {talk["name"] for talk in some.begin} == SERVERS
