# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``endpoints``."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..endpoints import converge, wanted
from ..engine.spec import Spec

if TYPE_CHECKING:
    from ..engine.spec import Call, Params

_ENDPOINT = {
    "name": {"type": "str", "required": True},
    "ip": {"type": "str", "required": True},
    "mac": {"type": "str", "required": True},
    "netns": {"type": "str"},
    "isolated": {"type": "bool", "default": False},
}


def _work(given: Params, call: Call) -> dict[str, Any]:
    node = wanted.Node(**{word.name: given[word.name] for word in fields(wanted.Node)})
    listed = [wanted.Endpoint(**endpoint) for endpoint in given["endpoints"]]
    return converge.converge(
        listed, node, purge=given["purge"], check_mode=call.check_mode
    ).result()


SPEC = Spec(
    arguments={
        "endpoints": {"type": "list", "elements": "dict", "required": True, "options": _ENDPOINT},
        "gateway_ip": {"type": "str", "required": True},
        "gateway_mac": {"type": "str", "required": True},
        "host_addresses": {"type": "list", "elements": "str", "default": []},
        "mtu": {"type": "int", "required": True},
        "program": {"type": "path", "default": "/sys/fs/bpf/podnet/programs/from_container"},
        "delivery_program": {"type": "path"},
        "datapath": {"type": "str", "choices": ["ebpf", "bridge", "routed"], "default": "ebpf"},
        "bridge": {"type": "str", "default": "cbr0"},
        "prefix_length": {"type": "int", "default": 32},
        "route_src": {"type": "str"},
        "non_masquerade_cidrs": {"type": "list", "elements": "str"},
        "attach_mode": {"type": "str", "choices": ["auto", "tcx", "clsact"], "default": "auto"},
        "purge": {"type": "bool", "default": False},
    },
    work=_work,
    needs=("pyroute2",),
)
