# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backends of nodes that a run does not see, as an earlier run has written them down."""

from __future__ import annotations

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.services import wire
from ansible_collections.podnet.fabric.plugins.module_utils.services.remembered import remembered


def service(*ips: str, **more: Any) -> dict[str, Any]:
    backends = [{"ip": ip, "port": 80, "node": "n", "state": "active"} for ip in ips]
    port = {"name": "", "protocol": "TCP", "port": 80, "node_port": None, "backends": backends}
    return {"name": "default/web", "cluster_ip": "10.10.0.1", "ports": [port], **more}


ALL = service("10.1.0.5", "10.1.1.5", "10.1.2.5")


def brought(given: dict[str, Any], earlier: dict[str, Any] | None) -> dict[str, Any]:
    packed = wire.pack([earlier]) if earlier else ""
    (found,) = wire.unpack(remembered(wire.pack([given]), packed))
    return found


def test_a_run_that_sees_all_is_taken_as_it_is():
    packed = wire.pack([service("10.1.0.5")])
    assert remembered(packed, wire.pack([ALL])) == packed
    assert remembered("", wire.pack([ALL])) == ""


def test_backends_of_nodes_that_are_not_seen_stay_in_the_order_of_the_plan():
    keep = [{"cidr": "10.1.1.0/24", "state": "active"}, {"cidr": "10.1.2.0/24", "state": "active"}]
    assert brought(service("10.1.0.5", keep=keep), ALL) == ALL
    assert brought(service("10.1.0.5", "10.1.1.5", "10.1.2.5", keep=keep), ALL) == ALL
    # One that the run sees is gone with its pod.
    assert brought(service("10.1.1.9", keep=keep), ALL) == service(
        "10.1.1.5", "10.1.1.9", "10.1.2.5"
    )


def test_what_is_new_has_what_the_run_knows():
    keep = [{"cidr": "10.1.1.0/24", "state": "active"}]
    assert brought(service("10.1.0.5", keep=keep), None) == service("10.1.0.5")
    other = {**ALL, "name": "default/other"}
    assert brought(service("10.1.0.5", keep=keep), other) == service("10.1.0.5")
