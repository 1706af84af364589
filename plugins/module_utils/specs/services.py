# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``services``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine.spec import Spec
from ..services import converge, words
from ..services import given as listed

if TYPE_CHECKING:
    from ..engine.spec import Call, Params

_BACKEND = {
    "ip": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "node": {"type": "str"},
    "state": {
        "type": "str",
        "choices": list(words.STATES),
        "default": words.ACTIVE,
    },
}
_PORT = {
    "name": {"type": "str"},
    "protocol": {"type": "str", "default": "TCP"},
    "port": {"type": "int", "required": True},
    "node_port": {"type": "int"},
    "node_port_allocated": {"type": "bool", "default": False},
    "backends": {"type": "list", "elements": "dict", "default": [], "options": _BACKEND},
}
_SERVICE = {
    "name": {"type": "str", "required": True},
    "type": {
        "type": "str",
        "choices": [*words.TYPES, words.HOST_PORT],
        "default": words.CLUSTER_IP,
    },
    "cluster_ip": {"type": "str"},
    "cluster_ip_allocated": {"type": "bool", "default": False},
    "external_ips": {"type": "list", "elements": "str", "default": []},
    "load_balancer_ips": {"type": "list", "elements": "str", "default": []},
    "load_balancer_ips_allocated": {"type": "bool", "default": False},
    "source_ranges": {"type": "list", "elements": "str", "default": []},
    "internal_traffic_policy": {
        "type": "str",
        "choices": list(words.POLICIES),
        "default": words.CLUSTER,
    },
    "external_traffic_policy": {
        "type": "str",
        "choices": list(words.POLICIES),
        "default": words.CLUSTER,
    },
    "session_affinity": {"type": "int", "default": 0},
    "algorithm": {"type": "str", "choices": list(words.ALGORITHMS), "default": words.RANDOM},
    "node": {"type": "str"},
    "host_ip": {"type": "str"},
    "ports": {"type": "list", "elements": "dict", "default": [], "options": _PORT},
}

_ONE_OF = ("services", "path", "src", "_services")


def _work(given: Params, call: Call) -> dict[str, Any]:
    done = converge.converge(
        listed.services(given),
        node=given["node"],
        purge=given["purge"],
        check_mode=call.check_mode,
    )
    for warning in done.warnings:
        call.warn(warning)
    return done.changes.result()


SPEC = Spec(
    arguments={
        "services": {"type": "list", "elements": "dict", "options": _SERVICE},
        "path": {"type": "str"},
        "src": {"type": "list", "elements": "str"},
        "node": {"type": "str"},
        "purge": {"type": "bool", "default": False},
        "_services": {"type": "str"},
    },
    work=_work,
    rules={"mutually_exclusive": [_ONE_OF], "required_one_of": [_ONE_OF]},
    no_log=True,  # the journal is no place for thousands of services
)
