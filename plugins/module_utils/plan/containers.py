# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs in a pod: containers, or in short the one command of a pod that has no more.

They share the pod's network, so that what the plan holds for a pod does not depend on them. Their
ports are for services: a service may name one as its target, and one may be a port of the node.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable, NamedTuple

from . import values
from .values import Field, Invalid

#: What a container may serve; only some of it is balanced.
SERVED = (*values.PROTOCOLS, "SCTP")


class ContainerPort(NamedTuple):
    """A port that a container serves; ``host_port`` is the port of its node that leads to it.

    ``host_ip`` restricts that to one address of the node, None takes all. ``of_ipv6`` says that it
    had a port of the node at an address of IPv6, which is left out.
    """

    name: str | None
    port: int
    protocol: str
    host_port: int | None
    host_ip: int | None
    of_ipv6: bool = False


def served(*, protocol: str, host_port: int | None, **others: Any) -> ContainerPort:
    """Return a port, the words of ContainerPort.

    :raises Invalid: for a port of the node with a protocol that is not balanced.
    """
    if host_port is not None and protocol not in values.PROTOCOLS:
        valid = f"{values.one_of(values.PROTOCOLS)} for a port of the node"
        raise Invalid(protocol, valid, ".protocol")
    return ContainerPort(protocol=protocol, host_port=host_port, **others)


_PORTS = values.list_of(
    values.record(
        served,
        {
            "name": Field(values.port_name),
            "port": Field(values.port, needed="the port that the container serves, such as 80"),
            "protocol": Field(values.choice(*SERVED), SERVED[0]),
            "host_port": Field(values.port),
            "host_ip": Field(values.address),
        },
    )
)
_CONTAINERS = values.list_of(
    values.record(
        dict,
        {
            "name": Field(values.dns_label, needed="a DNS-1123 label such as nginx"),
            "command": Field(values.command, needed="a list of texts such as ['nginx']"),
            "ports": Field(_PORTS, []),
        },
    )
)

#: The two ways of saying it, as keys of a pod or a deployment; :func:`read_into` makes one of them.
FIELDS = {"command": Field(values.command, []), "containers": Field(_CONTAINERS, [])}


def read_into(make: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``make`` get ``containers`` and their ``ports``: a command is one of the same name."""

    def made(
        *, name: str, command: list[str], containers: list[dict[str, Any]], **others: Any
    ) -> Any:
        # What runs a container does not need its ports, and the slices stay as small as they were.
        ports = tuple(port for container in containers for port in container.pop("ports"))
        if command and containers:
            raise Invalid(containers, "either containers or command, not both", ".containers")
        names = [container["name"] for container in containers]
        for number, one in enumerate(names):
            if one in names[:number]:
                path = f".containers[{number}].name"
                raise Invalid(one, "a name that no other container of the pod has", path)
        counted = Counter(port.name for port in ports if port.name is not None)
        for name_of_port, times in counted.items():
            if times > 1:
                path = ".containers has a port whose name"
                raise Invalid(name_of_port, "a name that no other port of the pod has", path)
        if command:
            containers = [{"name": name, "command": command}]
        return make(name=name, containers=containers, ports=ports, **others)

    return made
