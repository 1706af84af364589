from __future__ import annotations

from ansible_collections.podnet.fabric.plugins.module_utils.network.bridge import BRIDGE

ITEM = {"purge_addresses": False, "purge_ports": False}


def test_a_time_that_the_kernel_rounds_is_no_difference():
    before = {"hello_time": 100, "priority": 100, "addresses": []}
    assert BRIDGE.target(before, {"hello_time": 101}, ITEM) == before
    assert BRIDGE.target(before, {"hello_time": 102}, ITEM)["hello_time"] == 102
    assert BRIDGE.target(before, {"priority": 101}, ITEM)["priority"] == 101


def test_ports_are_added_up_and_purged_when_asked():
    before = {"ports": ["a", "b"], "addresses": []}
    assert BRIDGE.target(before, {"ports": ["c", "b"]}, ITEM)["ports"] == ["a", "b", "c"]
    purged = BRIDGE.target(before, {"ports": ["c", "b"]}, {**ITEM, "purge_ports": True})
    assert purged["ports"] == ["b", "c"]


def test_bits_are_set_with_a_mask_of_those_that_are_meant():
    data = BRIDGE.data(None, {"no_linklocal_learn": True, "mst_enabled": False})
    assert data == [("IFLA_BR_MULTI_BOOLOPT", {"optval": 0b001, "optmask": 0b101})]
