# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backends that a run knows nothing of: they stay as this node has them.

The pods of a node that is no part of a run are in nobody's list. Taken for gone, their connections
would be closed by any run with ``--limit``.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from . import packed, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .held import Held
    from .wanted import Service


def kept(services: Sequence[Service], held: Held) -> Sequence[Service]:
    """Return services with the backends that the node holds and that this run does not know.

    :param services: those with ``keep`` have prefixes in it, each with the state that its
        backends have at best: ``[{"cidr": "10.111.161.0/25", "state": "terminating"}]``. Those
        that have it from there get ``answers: False``: nobody knows whether they serve.
    """
    if not any(service.get("keep") for service in services):
        return services
    by_name = defaultdict(list)
    for numbers in held.frontends.values():
        by_name[held.name(numbers.id)].append(numbers)
    return [
        _with(service, by_name, held) if service.get("keep") else service for service in services
    ]


def _with(
    service: Service, by_name: Mapping[str | None, list[packed.Numbers]], held: Held
) -> Service:
    prefixes = [(ipaddress.ip_network(each["cidr"]), each["state"]) for each in service["keep"]]
    ports = []
    for port in service["ports"]:
        listed = {(each["ip"], each["port"]) for each in port["backends"]}
        found: dict[tuple[str, int], tuple[str, bool]] = {}
        for numbers in by_name.get(words.name_of(service, port), ()):
            for place, state in chain.from_iterable(run.backends() for run in held.runs(numbers)):
                at = packed.address_text(place[:16])
                number = int.from_bytes(place[16:18], "big")
                best = _state(at, state, prefixes)
                # A run for one policy may lack what that for the other has.
                known = found.get((at, number), ("", True))[0] == words.ACTIVE
                if best and (at, number) not in listed and not known:
                    found[at, number] = best
        more = [
            {"ip": ip, "port": number, "node": None, "state": state, "answers": answers}
            for (ip, number), (state, answers) in found.items()
        ]
        ports.append({**port, "backends": [*port["backends"], *more]})
    return {**service, "ports": ports}


def _state(
    address: str, state: str, prefixes: Sequence[tuple[Any, str]]
) -> tuple[str, bool] | None:
    """Return the state in which a backend stays, and whether its node answers; None: it is gone."""
    for prefix, at_best in prefixes:
        if ipaddress.ip_address(address) in prefix:
            answers = at_best == words.ACTIVE
            return (state if answers else at_best), answers
    return None
