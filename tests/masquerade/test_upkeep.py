# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Flows live through what is done to a node; what is over, or whose addresses go, does not."""

from __future__ import annotations

import contextlib

import pytest
from scapy.layers.inet import IP

from tests.cluster.capture import capture
from tests.cluster.probes import PYTHON
from tests.loss.versions import other_programs
from tests.services.clients import Client
from tests.services.talks import nothing_is_lost, talks
from tests.services.write_up import THERE as NAMES

from .flows import flow, seen
from .nat import forget, halves, rest
from .test_seen import ends
from .vpc import (
    ELSEWHERE,
    FOURTHPOD,
    INTERNET,
    IPS,
    NETPOD,
    NODES,
    OTHERPOD,
    SECOND_DEVICE,
    SECOND_IP,
    THERE,
    WEBPOD,
)

KINDS = ("tcp", "udp")
NODE = NODES["k8s-s"]
NAMES_PORT = 4720


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """By step: the collection that a run is of; each starts where the one before it ended."""
    other = other_programs(tmp_path_factory.mktemp("programs"))
    return {"other programs": {"ANSIBLE_COLLECTIONS_PATH": str(other)}}


#: Each starts where the one before it ended.
OTHERS = ("other programs", "programs as before")


@pytest.fixture(scope="module")
def names(cluster):
    """A server outside that holds long connections."""
    with cluster.start("internet", *PYTHON, str(NAMES / "names.py"), str(NAMES_PORT)) as process:
        while f":{NAMES_PORT} " not in cluster.exec("internet", "ss", "-Hltn"):
            assert process.poll() is None
        yield
        process.kill()


@pytest.mark.parametrize(
    "step",
    # In tests/upgrade datagrams that are masqueraded live through other programs, too.
    ["a rerun", *(pytest.param(step, marks=pytest.mark.whole) for step in OTHERS)],
)
def test_long_connections_lose_nothing_over(step, cluster, versions, names):
    with contextlib.ExitStack() as stack:
        several = [
            stack.enter_context(talks(Client(cluster, place), INTERNET, NAMES_PORT, wanted=None))
            for place in (NETPOD, OTHERPOD, WEBPOD)
        ]
        datagrams = [
            stack.enter_context(flow(cluster, place, "udp", INTERNET)) for place in several_places()
        ]
        before = [one.seen() for one in datagrams]
        with nothing_is_lost(*several):
            run = cluster.play("site", **versions.get(step, {})).ok()
        assert [one.seen() for one in datagrams] == before
    assert bool(run.changed) == (step != "a rerun"), run.changed


def several_places():
    """Return pods of which two share a node."""
    return (NETPOD, OTHERPOD, WEBPOD)


@contextlib.contextmanager
def connected(cluster, own_port):
    """A connection of a pod to the host outside: both ends, which send what they are told to."""
    end = (*PYTHON, str(THERE / "end.py"))
    with (
        cluster.start("internet", *end, "4730") as taker,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(taker.kill)
        assert taker.stdout.readline() == "ready\n", taker.stderr.read()
        words = (INTERNET, "4730", str(own_port))
        opener = stack.enter_context(cluster.start(NETPOD, *end, *words))
        stack.callback(opener.kill)
        assert opener.stdout.readline() == "ready\n", opener.stderr.read()
        yield {"the pod": opener, "the host outside": taker}


def say(talkers, who, what):
    """Let one end say something; fail unless the other one hears it."""
    (other,) = (name for name in talkers if name != who)
    talkers[who].stdin.write(f"{what}\n")
    talkers[who].stdin.flush()
    heard = talkers[other].stdout.readline()
    assert heard == f"{what}\n", (heard, talkers[other].stderr)


# Of what comes in, nobody but the half that is lost could say for which pod it is.
@pytest.mark.parametrize(
    ("lost", "first"), [("out", "the pod"), ("out", "the host outside"), ("in", "the pod")]
)
def test_a_half_that_was_lost_is_made_again(lost, first, cluster):
    own_port = 45000

    def ours(half):
        return half.addresses >= {IPS[NETPOD], INTERNET} and own_port in half.key.values()

    with (
        connected(cluster, own_port) as talkers,
        capture(cluster.lab, "switch", "internet") as wire,
    ):
        for who in talkers:
            say(talkers, who, "before")
        assert len([half for half in halves(cluster, "k8s-s") if ours(half)]) == 2
        wanted = lost == "out"
        assert forget(cluster, "k8s-s", lambda half: ours(half) and half.out == wanted) == 1
        rest(cluster, "k8s-s", ours)
        say(talkers, first, "after")
        for who in talkers:
            say(talkers, who, "and on")
        assert len([half for half in halves(cluster, "k8s-s") if ours(half)]) == 2
    assert ends(wire) == {(NODE, INTERNET), (INTERNET, NODE)}


def test_a_half_of_datagrams_that_was_lost_is_made_again(cluster):
    with flow(cluster, NETPOD, "udp", INTERNET, own_port=45010) as one:

        def ours(half):
            return IPS[NETPOD] in half.addresses and 45010 in half.key.values()

        told = one.seen()
        for out in (True, False):
            assert forget(cluster, "k8s-s", lambda half: ours(half) and half.out == out) == 1  # noqa: B023
            rest(cluster, "k8s-s", ours)
            assert one.seen() == told
            assert len([half for half in halves(cluster, "k8s-s") if ours(half)]) == 2


def test_what_is_over_lets_nothing_in(cluster):
    with flow(cluster, NETPOD, "udp", INTERNET, own_port=45020) as one:
        assert one.seen() == (NODE, 45020)

        def ours(half):
            return IPS[NETPOD] in half.addresses and 45020 in half.key.values()

        rest(cluster, "k8s-s", ours, seconds=61)
        assert {half.over for half in halves(cluster, "k8s-s") if ours(half)} == {True}
        with capture(cluster.lab, NETPOD, "eth0") as wire:
            cluster.exec("internet", *PYTHON, "-c", SEND, NODE, "45020")
            assert seen(cluster, NETPOD, INTERNET, "udp") == NODE  # and that is captured by now
        assert not [p for p in wire if b"a late answer" in bytes(p)]
        assert one.seen() == (NODE, 45020)


#: From the mirror's port: the mirror's socket has it, so this one is raw.
SEND = """
import socket, struct, sys
body = b"a late answer"
head = struct.pack("!4H", 4711, int(sys.argv[2]), 8 + len(body), 0)
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
    raw.sendto(head + body, (sys.argv[1], 0))
"""


def test_a_device_whose_address_changes(cluster):
    def change(old, new):
        cluster.exec("k8s-s", "ip", "address", "del", f"{old}/24", "dev", SECOND_DEVICE)
        cluster.exec("k8s-s", "ip", "address", "add", f"{new}/24", "dev", SECOND_DEVICE)
        # The route went with the address.
        route = ("9.9.9.0/24", "via", "192.168.20.1", "proto", "dhcp")
        cluster.exec("k8s-s", "ip", "route", "replace", *route)

    other = "192.168.20.11"
    with flow(cluster, NETPOD, "udp", ELSEWHERE, own_port=45032) as one:
        assert one.seen() == (SECOND_IP, 45032)
        for old, new in ((SECOND_IP, other), (other, SECOND_IP)):
            change(old, new)
            run = cluster.play("site").ok()
            assert set(run.changed) >= {"k8s-s"}
            assert one.seen() == (new, 45032)
            for kind in KINDS:
                assert seen(cluster, OTHERPOD, ELSEWHERE, kind) == new
            left = [half for half in halves(cluster, "k8s-s") if old in half.addresses]
            assert not [half for half in left if half.out and 45032 in half.key.values()]


def test_a_pod_that_goes_takes_its_flows_along(cluster):
    pods = cluster.nodes["k8s-s"]["podnet_pods"]
    (fourth,) = (pod for pod in pods if pod["name"] == "fourthpod")
    fifth = {**fourth, "name": "fifthpod"}
    ip = IPS[FOURTHPOD]
    for kind in KINDS:
        with flow(cluster, FOURTHPOD, kind, INTERNET, own_port=45040) as one:
            assert one.seen() == (NODE, 45040)
    with flow(cluster, OTHERPOD, "udp", INTERNET) as stays:
        told = stays.seen()
        assert [half for half in halves(cluster, "k8s-s") if ip in half.addresses]
        for goes, comes in ((fourth, fifth), (fifth, fourth)):
            pods[pods.index(goes)] = comes
            cluster.play("demo").ok()
            assert [half for half in halves(cluster, "k8s-s") if ip in half.addresses] == []
            place = f"k8s-s/{comes['name']}"
            with capture(cluster.lab, place, "eth0") as wire:
                cluster.exec("internet", *PYTHON, "-c", SEND, NODE, "45040")
                for kind in KINDS:
                    with flow(cluster, place, kind, INTERNET, own_port=45040) as one:
                        assert one.seen() == (NODE, 45040)
            assert not [p for p in wire if b"a late answer" in bytes(p)]
            assert {p[IP].src for p in wire if IP in p} == {ip, INTERNET}
        assert stays.seen() == told
