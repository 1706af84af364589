"""node_info: what was chosen for services, out of the maps of this version and of another one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import service_layout as layout
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.structs import FAMILY_IPV4
from node_support import bare_node
from running import do, run

ALLOCATED = layout.SERVICE_ALLOCATED
#: Name of each frontend, its address and port, its kind and flags.
FRONTENDS = [
    ("default/web:http/TCP", "10.10.0.7", 80, layout.SERVICE_CLUSTER_IP, ALLOCATED),
    ("default/web:443/TCP", "10.10.0.7", 443, layout.SERVICE_CLUSTER_IP, ALLOCATED),
    ("default/web:http/TCP", "203.0.113.9", 80, layout.SERVICE_LOAD_BALANCER, ALLOCATED | 1),
    ("default/web:http/TCP", "203.0.113.8", 80, layout.SERVICE_LOAD_BALANCER, ALLOCATED | 1),
    ("default/web:http/TCP", "::", 30080, layout.SERVICE_NODE_PORT, ALLOCATED | 1),
    ("default/web:443/TCP", "::", 30443, layout.SERVICE_NODE_PORT, 1),
    ("default/given:80/UDP", "10.10.0.8", 80, layout.SERVICE_CLUSTER_IP, 0),
]
OBSERVED = {
    "cluster_ips": {"default/web": "10.10.0.7"},
    "load_balancer_ips": {"default/web": ["203.0.113.8", "203.0.113.9"]},
    "node_ports": {"default/web:http/TCP": 30080},
}


@pytest.fixture(autouse=True)
def _node():
    with bare_node():
        yield


def entry(at: int, address: str, port: int, kind: int, flags: int) -> dict[str, Any]:
    value = {field.name: 0 for field in layout.SERVICES.value}
    return {
        "key": {"address": address, "port": port, "protocol": 6, "family": FAMILY_IPV4},
        "value": {**value, "id": at, "kind": kind, "flags": flags},
    }


def fill(frontends: Any, added: list[dict[str, str]], fewer: int = 0) -> None:
    services = layout.SERVICES.task()
    services["value"] = services["value"][: len(services["value"]) - fewer] + added
    entries = [entry(at, *rest) for at, (_name, *rest) in enumerate(frontends, 1)]
    for each in entries:
        each["value"].update({field["name"]: 7 for field in added})
        each["value"] = {f["name"]: each["value"][f["name"]] for f in services["value"]}
    names = [
        {"key": {"id": at}, "value": {"name": each[0]}} for at, each in enumerate(frontends, 1)
    ]
    run(
        "bpf_map",
        maps=[{**services, "entries": entries}, layout.SERVICE_NAMES.task(entries=names)],
    )


def observed() -> Any:
    return run("node_info").get("services")


@pytest.mark.parametrize(
    ("added", "fewer"),
    [([], 0), ([{"name": "added", "type": "u32"}], 0), ([], 1)],
    ids=["this version", "one with a field more", "one with a field less"],
)
def test_what_was_chosen_and_nothing_else(added, fewer):
    fill(FRONTENDS, added, fewer)
    assert observed() == OBSERVED


def test_nothing_where_nothing_was_chosen():
    assert observed() is None
    fill(FRONTENDS[-1:], [])
    assert observed() is None


def test_a_frontend_without_a_name_is_nobodys():
    fill(FRONTENDS, [])
    do("rm", f"{layout.SERVICE_NAMES.pin}")
    assert observed() == {"cluster_ips": {}, "load_balancer_ips": {}, "node_ports": {}}
