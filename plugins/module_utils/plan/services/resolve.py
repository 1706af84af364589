# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backends of each port of a service: pods that its selector finds, or those that were given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...services import words
from ..prefix import text
from ..problems import some
from .around import Around, Homes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .around import Placed
    from .model import Port, Service

#: How many services without backends are named.
NAMED = 5


@dataclass
class Resolved:
    """Backends by service and port, in the order of both, and what is wrong or worth a word."""

    backends: list[list[list[dict[str, Any]]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def resolve(services: Sequence[Service], around: Around) -> Resolved:
    """Find the backends of services."""
    homes = Homes(around)
    index = _Index(around if any(each.selector for each in services) else Around())
    result = Resolved()
    for service in services:
        if service.backends is not None or not service.selector:
            found = [_given(service, port, homes) for port in service.ports]
        else:
            found = _selected(service, index.find(service), result)
        result.backends.append(found)
        if not service.headless and not (around.keep and service.selector):
            result.without += _without(service, found, around)
    if result.without:
        count = len(result.without)
        result.warnings += result.without[:NAMED]
        if count > NAMED:
            result.warnings.append(f"{count - NAMED} more services have no active backends.")
    return result


def _without(service: Service, found: list[list[dict[str, Any]]], around: Around) -> list[str]:
    """Return a sentence about a service of which a port has no backend."""
    by_port = [
        (port.label, {each["state"] for each in backends})
        for port, backends in zip(service.ports, found)
    ]
    empty = [label for label, states in by_port if not states]
    if not empty:
        return list(_without_active(service, by_port))
    if service.backends is None and service.selector:
        wanted = ",".join(f"{key}={value}" for key, value in service.selector.items())
        why = f"its selector {wanted} matches no pod"
        if around.namespaced:
            why += f" of the namespace {service.namespace}"
    elif not service.backends:
        why = "neither a selector nor backends were given"
    else:
        return [f"{service.where} has no backends for {some(empty)}."]
    return [f"{service.where} has no backends: {why}."]


def _without_active(service: Service, by_port: list[tuple[str, set[str]]]) -> Iterator[str]:
    inactive = [label for label, states in by_port if words.ACTIVE not in states]
    resting = [label for label, states in by_port if states <= set(words.RESTING)]
    if resting:
        yield (
            f"{service.where} has no backends that take new connections for {some(resting)}: none "
            "is active or terminating."
        )
    draining = [label for label in inactive if label not in resting]
    if draining:
        yield (
            f"{service.where} has for {some(draining)} only backends that are terminating; these "
            "take new connections until one is active."
        )


class _Index:
    """Pods by namespace and label; all in one namespace where no pod names one."""

    def __init__(self, around: Around) -> None:
        self._namespaced = around.namespaced
        self._by_label: dict[tuple[str, str, str], list[Placed]] = {}
        for placed in around.pods:
            where = self._where(placed.pod.namespace)
            for label in placed.pod.labels.items():
                self._by_label.setdefault((where, *label), []).append(placed)

    def _where(self, namespace: str) -> str:
        return namespace if self._namespaced else ""

    def find(self, service: Service) -> list[Placed]:
        """Return the pods that have all labels of a selector: through the rarest of them."""
        where, wanted = self._where(service.namespace), service.selector.items()
        lists = [self._by_label.get((where, *label), []) for label in wanted]
        rarest = min(lists, key=len)
        if len(lists) == 1:
            return rarest
        return [placed for placed in rarest if wanted <= placed.pod.labels.items()]


def _selected(service: Service, pods: list[Placed], result: Resolved) -> list[list[dict[str, Any]]]:
    found = []
    for port in service.ports:
        backends = []
        missing = []
        for placed in pods:
            number = _target(port, placed)
            if number is None:
                missing.append(placed.pod.name)
            else:
                backends.append((placed.ip, number, placed.node, words.ACTIVE))
        if missing and not backends:
            names = sorted({p.name for placed in pods for p in placed.pod.ports if p.name})
            valid = f"{', '.join(names)} or a number" if names else "a number"
            result.problems.append(
                f"{service.where} has for {port.label} the target port {port.target!r}, which no "
                f"container of {some(missing)} has for {port.protocol}; valid is {valid}."
            )
        elif missing:
            result.warnings.append(
                f"{service.where} has for {port.label} the target port {port.target!r}, which "
                f"{some(missing)} {'do' if len(missing) > 1 else 'does'} not have; they are no "
                "backends of it."
            )
        found.append(_listed(backends))
    return found


def _target(port: Port, placed: Placed) -> int | None:
    if isinstance(port.target, int):
        return port.target
    for each in placed.pod.ports:
        if each.name == port.target and each.protocol == port.protocol:
            return each.port
    return None


def _given(service: Service, port: Port, homes: Homes) -> list[dict[str, Any]]:
    backends = []
    for each in service.backends or ():
        number = each.ports
        if isinstance(number, dict):
            number = number.get((port.name, port.protocol))
        elif number is None and isinstance(port.target, int):
            number = port.target
        if isinstance(number, int):
            # A manifest may name the nodes of another cluster; without a plan there are none.
            known = each.node is not None and (each.node in homes.names or not homes.names)
            node = each.node if known else homes.of(each.ip)
            backends.append((each.ip, number, node, each.state))
    return _listed(backends)


def _listed(backends: Iterable[tuple[int, int, str | None, str]]) -> list[dict[str, Any]]:
    """Return backends as the nodes get them, each once, in the order of their addresses.

    Where one is there in two states, the better counts: EndpointSlices may name it twice for a
    while.
    """
    best: dict[tuple[int, int], tuple[str | None, str]] = {}
    for ip, number, node, state in backends:
        held = best.get((ip, number))
        if held is None or words.STATES.index(state) < words.STATES.index(held[1]):
            best[ip, number] = (node, state)
    return [
        {"ip": text(ip), "port": number, "node": node, "state": state}
        for (ip, number), (node, state) in sorted(best.items(), key=lambda item: item[0])
    ]
