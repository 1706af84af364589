# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs in a pod: containers, or in short the one command of a pod that has no more.

They share the pod's network, so that what the plan holds for a pod does not depend on them.
"""

from __future__ import annotations

from typing import Any, Callable

from . import values
from .values import Field, Invalid

_CONTAINERS = values.list_of(
    values.record(
        dict,
        {
            "name": Field(values.dns_label, needed="a DNS-1123 label such as nginx"),
            "command": Field(values.command, needed="a list of texts such as ['nginx']"),
        },
    )
)

#: The two ways of saying it, as keys of a pod or a deployment; :func:`read_into` makes one of them.
FIELDS = {"command": Field(values.command, []), "containers": Field(_CONTAINERS, [])}


def read_into(make: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``make`` get ``containers`` alone: a command is one container, of the same name."""

    def made(
        *, name: str, command: list[str], containers: list[dict[str, Any]], **others: Any
    ) -> Any:
        if command and containers:
            raise Invalid(containers, "either containers or command, not both", ".containers")
        names = [container["name"] for container in containers]
        for number, one in enumerate(names):
            if one in names[:number]:
                path = f".containers[{number}].name"
                raise Invalid(one, "a name that no other container of the pod has", path)
        if command:
            containers = [{"name": name, "command": command}]
        return make(name=name, containers=containers, **others)

    return made
