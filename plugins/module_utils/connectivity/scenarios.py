# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The scenarios of the connectivity test: a table of who asks whom for what, and what is seen.

From it and the plan follow the :mod:`actions` of each node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine.failure import Failure
from . import items

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What an action is to see.
ANSWER, NOTHING = "answer", "nothing"
#: Where a target is: on the node of who asks, or on the others.
HERE, PEERS, BOTH = "here", "peers", "both"
#: As whom the receiver sees who asked: by its own address, by one of its node, or by whichever.
OWN, EGRESS, ANY = "own", "egress", None
#: So many other nodes are asked from each node, those that follow it in the order of the inventory.
PEERS_ASKED = 2
#: Bytes that a TCP connection is to carry: many segments, put together by every offload there is.
BULK = 300_000


class Row(NamedTuple):
    """Who asks whom for what.

    :param source: a role of the test's pods, ``host`` or ``outside``.
    :param target: the same, ``echo`` or ``own`` for the services, ``node_port``.
    :param where: HERE, PEERS or BOTH.
    :param probe: a key of ``probes.PROBES``.
    :param port: of the target.
    :param expects: ANSWER or NOTHING.
    :param size: bytes of payload; ``mtu`` and ``over`` stand for the largest packet, and one more.
    :param sees: OWN, EGRESS or ANY.
    """

    source: str
    target: str
    where: str
    probe: str
    port: int = items.PORT
    expects: str = ANSWER
    size: int | str = 0
    sees: str | None = ANY


class Scenario(NamedTuple):
    """One scenario.

    :param group: its actions run with those of the other scenarios of the group, at once.
    :param needs: keys of ``actions.NEEDS``.
    """

    name: str
    group: str
    rows: tuple[Row, ...]
    needs: tuple[str, ...] = ()


def _each(probes: Iterable[str], *row: Any, **words: Any) -> tuple[Row, ...]:
    """Return a row for each probe."""
    source, target, where, *rest = row
    return tuple(Row(source, target, where, probe, *rest, **words) for probe in probes)


_BOTH = ("tcp", "udp")
_EVERY = (*_BOTH, "icmp")
_DENIED: dict[str, Any] = {"expects": NOTHING}

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("pod-to-pod-on-node", "pods", _each(["tcp"], "client", "server", HERE, sees=OWN)),
    Scenario("pod-to-pod-across", "pods", _each(["tcp"], "client", "server", PEERS, sees=OWN)),
    Scenario("udp", "pods", _each(["udp"], "client", "server", BOTH, sees=OWN)),
    Scenario("icmp", "pods", _each(["icmp"], "client", "server", BOTH)),
    Scenario("dns", "pods", _each(["dns"], "client", "server", BOTH, items.DNS_PORT)),
    Scenario(
        "largest-packet",
        "pods",
        (
            *_each(["udp", "icmp"], "client", "server", BOTH, size="mtu"),
            *_each(["tcp"], "client", "server", BOTH, size=BULK),
            *_each(["udp"], "client", "server", BOTH, size="over", expects=NOTHING),
        ),
    ),
    Scenario("encapsulation", "pods", _each(["wire"], "client", "server", PEERS)),
    Scenario("pod-to-host", "hosts", _each(_EVERY, "client", "host", BOTH, items.HOST_PORT)),
    Scenario("host-to-pod", "hosts", _each(_EVERY, "host", "server", BOTH)),
    Scenario(
        "pod-to-service",
        "services",
        _each(_BOTH, "client", "echo", HERE, items.SERVICE_PORT),
        ("services",),
    ),
    Scenario(
        "host-to-service",
        "services",
        _each(_BOTH, "host", "echo", HERE, items.SERVICE_PORT),
        ("services",),
    ),
    Scenario(
        "hairpin",
        "services",
        _each(_BOTH, "server", "own", HERE, items.SERVICE_PORT),
        ("services",),
    ),
    Scenario(
        "pod-to-nodeport-local",
        "services",
        _each(_BOTH, "client", "node_port", HERE),
        ("services",),
    ),
    Scenario(
        "pod-to-nodeport-remote",
        "services",
        _each(_BOTH, "client", "node_port", PEERS),
        ("services", "peers"),
    ),
    Scenario(
        "host-to-nodeport", "services", _each(_BOTH, "host", "node_port", BOTH), ("services",)
    ),
    Scenario(
        "outside-to-nodeport",
        "services",
        _each(_BOTH, "outside", "node_port", BOTH),
        ("services", "outside"),
    ),
    Scenario(
        "pod-to-outside",
        "outside",
        _each(_EVERY, "client", "outside", HERE, items.HOST_PORT, sees=OWN),
        ("outside", "unmasqueraded"),
    ),
    Scenario(
        "pod-to-outside-masqueraded",
        "outside",
        _each(_EVERY, "client", "outside", HERE, items.HOST_PORT, sees=EGRESS),
        ("outside", "masqueraded"),
    ),
    Scenario(
        "path-mtu",
        "outside",
        _each(["path_mtu"], "client", "outside", HERE, items.HOST_PORT, size="mtu"),
        ("outside",),
    ),
    Scenario(
        "outside-to-pod",
        "outside",
        _each(_EVERY, "outside", "server", BOTH),
        ("outside", "routed_outside"),
    ),
    Scenario("policy-allow-all", "policies", _each(_BOTH, "client", "other", BOTH), ("policies",)),
    Scenario(
        "policy-deny-all",
        "policies",
        _each(_EVERY, "client", "guarded", BOTH, **_DENIED),
        ("policies",),
    ),
    Scenario(
        "policy-by-label",
        "policies",
        (
            *_each(_BOTH, "client", "guarded", BOTH, items.LABEL_PORT),
            *_each(_BOTH, "server", "guarded", BOTH, items.LABEL_PORT, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-by-namespace",
        "policies",
        (
            *_each(_BOTH, "other", "guarded", BOTH, items.NAMESPACE_PORT),
            *_each(_BOTH, "client", "guarded", BOTH, items.NAMESPACE_PORT, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-by-cidr",
        "policies",
        (
            *_each(_BOTH, "client", "guarded", BOTH, items.CIDR_PORT),
            *_each(_BOTH, "client", "guarded", BOTH, items.OTHER_CIDR_PORT, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-ingress",
        "policies",
        (
            *_each(_BOTH, "client", "caged", BOTH, items.LABEL_PORT),
            *_each(_BOTH, "client", "caged", BOTH, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-egress",
        "policies",
        (
            *_each(_BOTH, "caged", "server", BOTH),
            *_each(_BOTH, "caged", "server", BOTH, items.CLOSED_PORT, **_DENIED),
            *_each(["icmp"], "caged", "server", BOTH, **_DENIED),
        ),
        ("policies",),
    ),
    # The pod may not begin anything towards who called it; its answer passes all the same.
    Scenario(
        "policy-echo",
        "policies",
        (
            *_each(_BOTH, "client", "caged", BOTH, items.LABEL_PORT, sees=OWN),
            *_each(["udp"], "caged", "client", BOTH, **_DENIED),
        ),
        ("policies",),
    ),
    Scenario(
        "policy-reply-of-denied",
        "policies",
        _each(["reply"], "client", "caged", HERE, **_DENIED),
        ("policies",),
    ),
    Scenario(
        "policy-host-to-pod",
        "policies",
        _each(_BOTH, "host", "guarded", HERE),
        ("policies",),
    ),
)
#: Scenarios of which other code says how they went: the recorder of drops, the role ``underlay``.
DROPS, UNDERLAY = "no-unexpected-drops", "underlay"
NAMES = (*(one.name for one in SCENARIOS), DROPS, UNDERLAY)
GROUPS = tuple(dict.fromkeys(one.group for one in SCENARIOS))


def chosen(names: Sequence[str]) -> list[str]:
    """Return the scenarios that are asked for, in the order of the table.

    :param names: of scenarios, and of groups, each of which stands for its own.
    :raises Failure: for a word that is none.
    """
    wanted: set[str] = set()
    for name in names:
        found = {one.name for one in SCENARIOS if name in (one.name, one.group)}
        if not found and name not in NAMES:
            raise Failure(
                f"podnet_scenarios has {name!r}, which is none; valid are {', '.join(NAMES)}, or a "
                f"group of them: {', '.join(GROUPS)}."
            )
        wanted |= found or {name}
    return [name for name in NAMES if name in wanted] if names else list(NAMES)
