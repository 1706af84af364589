# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Datagrams that a pod had before a policy selected it: nobody saw who sent the first of them."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.policy_layout import (
    POLICY_PODS,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces

from tests.cluster.capture import network
from tests.services.maps import opened

from .made_up import drops
from .model import ADDRESSES, ALL, BEGINNING, after, both_ways, labelled, peer, policy, rule, spec
from .probing import LOST, place
from .scope import EBPF

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER, CLIENT = "x/a", "y/a"
#: As programs and the clients of Linux have them; each pair of sockets its own, since notes stay.
PORTS = list(zip(range(9000, 9100), range(45000, 45100)))
_A = labelled(pod="a")
_CALLED = rule("ingress", [peer(ALL, ALL)])
#: The server may be called, and may send whatever it likes; or it answers, and begins nothing.
OPEN = policy("x/p", spec("ingress", _CALLED, pods=_A))
ANSWERS = policy("x/p", both_ways(spec("ingress", _CALLED, pods=_A), spec("egress", pods=_A)))
SHUT = policy("x/p", both_ways(spec("ingress", pods=_A), spec("egress", pods=_A)))

everywhere = pytest.mark.parametrize("cell", EBPF, ids=str)


@contextlib.contextmanager
def bound(standing, pod: str, port: int) -> Iterator[socket.socket]:
    """Open a socket of UDP in a pod."""
    with namespaces.inside(network(standing.cluster.lab, place(pod))):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with one:
        one.bind((ADDRESSES[pod], port))
        one.settimeout(LOST)
        yield one


@contextlib.contextmanager
def two_sockets(standing):
    """Open both ends; yield what sends a datagram from one to the other and says if it passed."""
    port, client_port = PORTS.pop()
    with bound(standing, SERVER, port) as server, bound(standing, CLIENT, client_port) as client:

        def passes(one: socket.socket, other: socket.socket) -> bool:
            before = drops(standing.cluster)
            other.setblocking(False)
            one.sendto(b"datagram", other.getsockname())
            end = time.monotonic() + LOST
            while time.monotonic() < end:
                with contextlib.suppress(BlockingIOError):
                    return bool(other.recv(64))
                if drops(standing.cluster) != before:
                    return False
            raise AssertionError("neither came nor was dropped")

        yield lambda: passes(client, server), lambda: passes(server, client)


@everywhere
def test_an_answer_that_was_judged_first_is_an_answer_still(standing):
    standing.take(BEGINNING)
    with two_sockets(standing) as (asks, answers):
        assert asks()
        standing.take(after(BEGINNING, OPEN))
        assert answers()  # the first that is judged
        assert asks()
        standing.take(after(BEGINNING, ANSWERS))
        assert answers()
        assert asks()
        standing.take(after(BEGINNING, SHUT))
        assert not asks()
        assert not answers()


@everywhere
def test_an_answer_that_nobody_took_says_nothing(standing):
    standing.take(BEGINNING)
    with two_sockets(standing) as (asks, answers):
        assert asks()
        standing.take(after(BEGINNING, OPEN))
        assert answers()
        standing.take(after(BEGINNING, ANSWERS))
        assert asks()
        assert answers()


@everywhere
def test_who_began_under_the_eyes_of_the_programs_stays_who_began(standing):
    """Whatever its ports look like: a permission that is taken away is away."""
    standing.take(after(BEGINNING, OPEN))
    with opened(standing.cluster, "node-1", POLICY_PODS) as pods:
        for key, value in pods.items().items():
            pods.update(
                {key: POLICY_PODS.pack_value(**{**POLICY_PODS.unpack_value(value), "selected": 0})}
            )
    with two_sockets(standing) as (asks, answers):
        assert answers()
        assert asks()
        # The programs have run for longer than a flow lives: what they noted then is right.
        standing.take(after(BEGINNING, ANSWERS))
        assert not answers()
        assert asks()
