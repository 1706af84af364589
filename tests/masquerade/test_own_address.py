# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pods that are called by their own addresses: also before their node took note of that."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import nat_layout

from tests.cluster.capture import capture
from tests.cluster.cluster import ROOT
from tests.cluster.probes import PYTHON
from tests.loss.versions import PARTS
from tests.services.maps import entries

from .flows import flow, mirrors
from .test_seen import ends, ping
from .vpc import INTERNET, IPS, NETPOD, NODES, SERVER, THERE

#: The last commit whose programs noted no calls of TCP.
BEFORE = "3a7a60aa17cefe8acb45bfb077092cf437acb4b4"
KINDS = ("tcp", "udp")
OWN, NODE = IPS[NETPOD], NODES["k8s-s"]


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """Where ansible-playbook finds the collection of that commit."""
    folder = tmp_path_factory.mktemp("before")
    checkout = folder / "ansible_collections" / "podnet" / "fabric"
    checkout.mkdir(parents=True)
    words = ["git", "-C", str(ROOT), "archive", BEFORE, *PARTS]
    archive = subprocess.run(words, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(checkout)], input=archive, check=True)
    return {"ANSIBLE_COLLECTIONS_PATH": str(folder)}


@contextlib.contextmanager
def talkers(cluster, place, port, client, address, own_port=0):
    """A connection from a place to an address of another: both ends, by who took and who opened."""
    end = (*PYTHON, str(THERE / "end.py"))
    with contextlib.ExitStack() as stack:
        found = {}
        for who, where, words in (
            ("taker", place, (str(port),)),
            ("opener", client, (address, str(port), str(own_port))),
        ):
            found[who] = stack.enter_context(cluster.start(where, *end, *words))
            stack.callback(found[who].kill)
            assert found[who].stdout.readline() == "ready\n", found[who].stderr.read()
        yield found


def say(pair, who, what):
    """Let one end say something; fail unless the other one hears it."""
    (other,) = (name for name in pair if name != who)
    pair[who].stdin.write(f"{what}\n")
    pair[who].stdin.flush()
    heard = pair[other].stdout.readline()
    assert heard == f"{what}\n", (heard, pair[other].stderr)


def test_a_pod_is_called_by_its_own_address(cluster):
    with (
        mirrors(cluster, NETPOD, port=42040),
        capture(cluster.lab, "switch", "internet") as wire,
    ):
        for kind in KINDS:
            with flow(cluster, "internet", kind, OWN, 42040, own_port=42041) as one:
                assert [one.seen() for _question in range(3)] == [(INTERNET, 42041)] * 3
        ping(cluster, "internet", OWN)
    assert ends(wire) == {(INTERNET, OWN), (OWN, INTERNET)}


def test_an_upgrade_keeps_who_called_a_pod_before(cluster, before):
    """Whoever speaks first afterwards, and whoever is silent for as long as it takes."""
    cluster.play("site", **before).ok()
    with contextlib.ExitStack() as stack:
        several = [
            stack.enter_context(talkers(cluster, NETPOD, 42050 + n, "internet", OWN))
            for n in range(2)
        ]
        # Of the pod's own, by the node's address, and by its own to whom it reaches so.
        several += [
            stack.enter_context(talkers(cluster, host, 42060, NETPOD, address, 42061 + n))
            for n, (host, address) in enumerate((("internet", INTERNET), ("server", SERVER)))
        ]
        for pair in several:
            for who in pair:
                say(pair, who, "before")
        stack.enter_context(mirrors(cluster, NETPOD, port=42052))
        asks = stack.enter_context(flow(cluster, "internet", "tcp", OWN, 42052, own_port=42053))
        assert asks.seen() == (INTERNET, 42053)
        cluster.play("site").ok()
        assert asks.seen() == (INTERNET, 42053)
        for pair, first in zip(several, ("taker", "opener", "opener", "taker")):
            say(pair, first, "after")
            for who in pair:
                say(pair, who, "and on")
        kept = {
            key["source_port"]
            for key, value in entries(cluster, "k8s-s", nat_layout.NAT)
            if value["flags"] & nat_layout.NAT_INBOUND and key["protocol"] == 6
        }
        assert kept >= {42050, 42051, 42052}
        assert not kept & {42060, 42061, 42062}
    assert cluster.play("site").ok().changed == {}
