# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each way that a packet can go, with policies that a run brought: one set for all of these."""

from __future__ import annotations

import pytest

from tests.cells.cells import NODE_IPS
from tests.cluster.cluster import INTERNET
from tests.cluster.cluster import SERVER as VPC_SERVER

from .asked import ANSWERED, REFUSED, becomes
from .model import ADDRESSES, ALL, block, both_ways, labelled, peer, port, rule, spec
from .scope import CELLS, RUNS
from .vpc import EVERYTHING, NODE_PORT, OTHERS, SERVER

X_A, X_B, Y_A, Y_B, Z_A, Z_B = (
    ADDRESSES[name] for name in ("x/a", "x/b", "y/a", "y/b", "z/a", "z/b")
)
#: Of bytes of a datagram: comes in three fragments, by any wire.
LARGE = 4000


def _policy(name, given):
    space, _slash, own = name.partition("/")
    return {"name": own, "namespace": space, "spec": given}


POLICIES = [
    _policy(
        "x/server",
        both_ways(
            spec(
                "ingress",
                rule("ingress", [block(f"{INTERNET}/32")], [port(80)]),
                rule("ingress", [peer(labelled(pod="a"), ALL)], [port(80), port(80, "UDP")]),
                rule("ingress", [peer(labelled(pod="b"))]),
                pods=labelled(pod="a"),
            ),
            spec(
                "egress",
                rule("egress", [block("203.0.113.0/24", "203.0.113.1/32")]),
                rule("egress", [peer(labelled(pod="b"), labelled(ns="z"))], [port(80)]),
                rule("egress", [peer(labelled(pod="c"), labelled(ns="y"))], [port(81)]),
            ),
        ),
    ),
    _policy("z/quiet", spec("egress")),
    _policy("y/closed", spec("ingress", pods=labelled(pod="b"))),
]

everywhere = pytest.mark.parametrize("cell", CELLS, ids=str)
by_runs = pytest.mark.parametrize("cell", RUNS, ids=str)


@pytest.fixture
def paths(standing):
    """The cluster with these policies, by a run where it had others."""
    if standing.brought != POLICIES:
        standing.site(POLICIES)
    return standing


#: Who asks, by what, whom; and what becomes of it.
QUESTIONS = {
    # Replies, out of pods and into pods that may not begin anything.
    "to another node": ("y/a", "tcp", X_A, 80, ANSWERED),
    "on one node": ("x/a", "tcp", Z_B, 80, ANSWERED),
    "its answer is no way in": ("z/b", "tcp", X_A, 80, "node-1 denies egress"),
    "by a datagram": ("y/a", "udp", X_A, 80, ANSWERED),
    "to another port": ("y/a", "udp", X_A, 81, "node-1 denies ingress"),
    "by another pod": ("y/c", "tcp", X_A, 80, "node-1 denies ingress"),
    "out to another port": ("x/a", "tcp", Z_B, 81, "node-1 denies egress"),
    "out to another pod": ("x/a", "tcp", Z_A, 80, "node-1 denies egress"),
    # ICMP: a rule without ports lets it through, one with ports does not.
    "ping": ("x/b", "icmp", X_A, 0, ANSWERED),
    "ping by a rule of ports": ("y/a", "icmp", X_A, 0, "node-1 denies ingress"),
    "ping out": ("x/a", "icmp", Z_B, 0, "node-1 denies egress"),
    "an error about what is allowed": ("x/b", "udp", X_A, 9999, REFUSED),
    # Fragments, of which the first alone has ports.
    "in fragments": ("y/a", "udp", X_A, 80, ANSWERED, LARGE),
    "in fragments, to another port": ("y/a", "udp", X_A, 81, "node-1 denies ingress", LARGE),
    "ping in fragments": ("x/b", "icmp", X_A, 0, ANSWERED, LARGE),
    # A pod reaches itself, and a node its own pods; another node is like anybody.
    "itself": ("x/a", "udp", X_A, 81, ANSWERED),
    "itself by a service": ("x/a", "tcp", SERVER, 80, ANSWERED),
    "from the node": ("node-1", "tcp", X_A, 81, ANSWERED),
    "from the node, ping": ("node-3", "icmp", Y_B, 0, ANSWERED),
    "from another node": ("node-2", "tcp", X_A, 80, "node-1 denies ingress"),
    # A policy counts for the backend of a service, and its port.
    "by a service": ("y/a", "tcp", SERVER, 80, ANSWERED),
    "by a service, another pod": ("y/c", "tcp", SERVER, 80, "node-1 denies ingress"),
    "out by a service": ("x/a", "tcp", OTHERS, 8080, ANSWERED),
    # From outside: the client is seen by the node that it asks.
    "from outside": ("internet", "tcp", NODE_IPS["node-1"], NODE_PORT, ANSWERED),
    "from outside, another client": (
        *("vpc-server", "tcp", NODE_IPS["node-1"], NODE_PORT, "node-1 denies ingress"),
    ),
    "from outside, by another node": (
        *("internet", "tcp", NODE_IPS["node-2"], NODE_PORT, "node-1 denies ingress"),
    ),
    # Out: before it is masqueraded.
    "to the outside": ("x/a", "icmp", INTERNET, 0, ANSWERED),
    "to the outside, a datagram": ("x/a", "udp", INTERNET, 9, REFUSED),
    "to what the block excepts": ("x/a", "icmp", "203.0.113.1", 0, "node-1 denies egress"),
    "to the rest of the outside": ("x/a", "icmp", VPC_SERVER, 0, "node-1 denies egress"),
    "out of a pod that may nothing": ("z/b", "icmp", INTERNET, 0, "node-1 denies egress"),
    "out of a pod that may all": ("x/b", "icmp", INTERNET, 0, ANSWERED),
}


@everywhere
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_what_becomes_of_a_packet(paths, question):
    source, protocol, address, number, right, *size = question
    assert becomes(paths, source, protocol, address, number, *size) == right


@everywhere
def test_every_pair_is_as_the_evaluator_says(paths):
    paths.sees({("policy", f"{p['namespace']}/{p['name']}"): p["spec"] for p in POLICIES})


@by_runs
def test_a_rerun_changes_nothing(paths):
    assert paths.site(POLICIES).changed == {}


@by_runs
def test_without_policies_everybody_reaches_everybody(paths):
    paths.site(EVERYTHING)
    paths.sees({})
