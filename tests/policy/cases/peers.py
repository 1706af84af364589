# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""112 cases: what a rule of x/a says of its peers, none, one or two of ten, in either direction."""

from __future__ import annotations

from itertools import combinations

from tests.policy.model import (
    ADDRESSES,
    ALL,
    WAYS,
    Case,
    Peer,
    block,
    labelled,
    peer,
    policy,
    rule,
    spec,
    where,
)

_A, _C = labelled(pod="a"), labelled(pod="c")
_SPACES = where("ns", "In", "x", "y")
#: Of z/c: it and another pod of its node are in the smaller one, pods of two nodes in the larger.
_SMALL, _LARGE = (f"{ADDRESSES['z/c']}/{length}" for length in (28, 24))

PEERS: dict[str, Peer] = {
    "all pods here": peer(ALL),
    "pods here": peer(_C),
    "all pods anywhere": peer(ALL, ALL),
    "pods anywhere": peer(_C, ALL),
    "all pods of namespaces": peer(ALL, _SPACES),
    "pods of namespaces": peer(_C, _SPACES),
    "any namespace": peer(None, ALL),
    "namespaces": peer(None, _SPACES),
    "block": block(_LARGE),
    "block but": block(_LARGE, _SMALL),
}


def _case(way: str, *names: str) -> Case:
    given = rule(way, [PEERS[name] for name in names])
    made = policy("x/base", spec(way, given, pods=_A))
    return Case("peers", f"{way} {' or '.join(names) or 'nobody said'}", (made,))


CASES = [
    _case(way, *names)
    for count in (0, 1, 2)
    for way in WAYS
    for names in combinations(PEERS, count)
]
