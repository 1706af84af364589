# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the other nodes and their health endpoints answer, asked while a scrape waits.

By echo requests, which kernels answer: the responder of the playbook ``health`` runs for it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import icmp
from .families import gauge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .families import Family

#: So many peers that do not answer are named.
MOST_NAMED = 100
#: What is asked of a peer, and what holds its address.
_TARGETS = {"node": "node_ip", "endpoint": "health_ip"}
_STATES = {True: "reachable", False: "unreachable"}


def health(node: Mapping[str, Any] | None) -> Iterator[Family]:
    """Return how many peers answer, and which do not."""
    if node is None or not node["peers"]:
        return
    asked = [
        (peer["name"], target, peer[word])
        for peer in node["peers"]
        for target, word in _TARGETS.items()
        if peer.get(word)
    ]
    answers = icmp.answering(address for _name, _target, address in asked)
    yield gauge(
        "podnet_peer_health",
        "Other nodes by whether they answer an echo request, and their health endpoints.",
        [
            (
                {"target": target, "state": state},
                sum(to == target and (address in answers) is there for _name, to, address in asked),
            )
            for target in _TARGETS
            for there, state in _STATES.items()
        ],
    )
    silent = [(name, target) for name, target, address in asked if address not in answers]
    yield gauge(
        "podnet_peer_unreachable",
        f"Those that do not answer; of more than {MOST_NAMED} the first ones.",
        [({"peer": name, "target": target}, 1) for name, target in silent[:MOST_NAMED]],
    )
