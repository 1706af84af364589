# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which parts of a node are done in one process, and what is left of them where one fails."""

from __future__ import annotations

from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.engine.spec import Call
from ansible_collections.podnet.fabric.plugins.module_utils.steps import converge, parts
from ansible_collections.podnet.fabric.plugins.module_utils.steps.given import Given


def test_parts_are_done_along_with_one_up_to_what_waits_for_a_compiler():
    cell = {"usable": True, "datapath": "ebpf", "network_type": "native_routing"}
    policies = {"isolation": False, "policies": 0, "holds_policies": False}
    alone = {**cell, **policies, "services": 0, "balances": False, "masquerade": None}
    assert list(parts.alone_after("settle", alone)) == ["services", "masquerade", "boot"]
    assert list(parts.alone_after("settle", {**alone, "services": 1})) == []
    assert list(parts.alone_after("masquerade", {**alone, "services": 1})) == ["boot"]
    assert list(parts.alone_after("datapath", {**alone, "fresh_cluster": False})) == []


def test_in_a_cluster_without_a_network_all_is_done_along_with_what_loads_programs():
    cell = {"usable": True, "datapath": "ebpf", "network_type": "overlay", "fresh_cluster": True}
    policies = {"isolation": True, "policies": 1, "holds_policies": False}
    fresh = {**cell, **policies, "services": 1, "balances": False, "masquerade": {}}
    names = list(parts.PARTS)
    assert list(parts.alone_after("datapath", fresh)) == names[names.index("datapath") + 1 :]
    assert list(parts.alone_after("node", fresh)) == []
    assert list(parts.alone_after("peers", fresh)) == []


def test_nothing_is_done_along_with_a_part_after_one_that_failed():
    def fail(_given):
        raise Failure("it cannot be")

    steps = {"services": [], "masquerade": [parts.Step("Do", "mounts", fail)], "boot": []}
    found = converge.go_on(steps, Given({}, {}, {}, ""), Call(False, print, print))
    assert list(found) == ["services", "masquerade"]
    assert not found["services"]["changed"]
    assert (found["masquerade"]["failed"], found["masquerade"]["msg"]) == (True, "Do: it cannot be")
