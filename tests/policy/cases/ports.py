# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""70 cases: what a rule of x/a says of ports, nothing, one or two of them, in either direction."""

from __future__ import annotations

from itertools import product

from tests.policy.model import (
    PORTS,
    PROTOCOLS,
    WAYS,
    Case,
    Spec,
    labelled,
    peer,
    policy,
    port,
    port_names,
    rule,
    spec,
    where,
)

SINGLE: list[Spec] = [
    *(port(number, protocol) for number, protocol in product((None, *PORTS), (None, *PROTOCOLS))),
    *(port(name, protocol) for name, protocol, _number in port_names()),
    # Ranges: around both, up to the first, from the second, one port, neither, everything.
    port(79, "TCP", 82),
    port(1, "TCP", 80),
    port(81, "UDP", 65535),
    port(80, "UDP", 80),
    port(82, "TCP", 90),
    port(1, "SCTP", 65535),
    # A port that nobody serves, a name that nobody has, a name of another protocol.
    port(7981, "TCP"),
    port("serve-7981-tcp", "TCP"),
    port("serve-81-udp", "TCP"),
]
PAIRS: list[tuple[Spec, Spec]] = [
    (port(80, "TCP"), port(81, "TCP")),
    (port(80, "UDP"), port(81, "TCP")),
    (port(80, "TCP"), port("serve-81-udp", "UDP")),
    (port("serve-80-sctp", "SCTP"), port("serve-81-tcp", "TCP")),
    (port(None, "UDP"), port(81, "TCP")),
    (port(79, "TCP", 80), port(81, "SCTP")),
    (port(80, "TCP", 81), port(80, "UDP", 81)),
]


def _case(way: str, *given: Spec) -> Case:
    those = rule(way, [peer(None, where("ns", "In", "x", "y"))], list(given))
    made = policy("x/base", spec(way, those, pods=labelled(pod="a")))
    name = " or ".join(" ".join(map(str, each.values())) or "a port" for each in given)
    return Case("ports", f"{way} {name or 'none said'}", (made,))


CASES = [
    *(_case(way) for way in WAYS),
    *(_case(way, given) for way in WAYS for given in SINGLE),
    *(_case(way, *pair) for way in WAYS for pair in PAIRS),
]
