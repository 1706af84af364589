"""The queue of flows and the accounts on it, as modules keep them, on the maps of a node."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    nat_layout,
    pinned,
    tasks,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import addresses
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.engine.map_spec import MapSpec
from ansible_collections.podnet.fabric.plugins.module_utils.names import MAP_PINS
from ansible_collections.podnet.fabric.plugins.module_utils.nat import sweep
from nat_support import NAT, TCP, empty, flow, held, write
from node_support import bare_node, plan
from running import fails, four_runs, run

NODE, POD, OTHER_POD, WEB = "192.168.10.10", "172.16.2.1", "172.16.2.2", ("203.0.113.9", 443)
QUEUE, QUOTA, TOTAL = nat_layout.NAT_QUEUE, nat_layout.NAT_QUOTA, nat_layout.NAT_TOTAL
INBOUND, OUTSIDE = nat_layout.NAT_INBOUND, nat_layout.NAT_OUTSIDE
TURNS = f"{MAP_PINS}/nat_flows"


@pytest.fixture
def node():
    """One node with all maps."""
    with bare_node():
        run("bpf_map", maps=tasks.build(plan())["maps"])
        yield


def element(address, port, kind=0):
    """Return what a program puts into the queue for a flow of a pod."""
    (key, value), *_rest = flow((address, port), WEB, (NODE, port), protocol=TCP).items()
    created = nat_layout.NAT.unpack_value(value)["created"]
    row = {**nat_layout.NAT.unpack_key(key), "created": created}
    return QUEUE.pack_value(**row, address=address, kind=kind, padding=0)


def fill(*elements, quotas):
    with maps.open_pin(QUEUE.pin) as queue:
        for one in elements:
            queue.push(one)
    with maps.open_pin(QUOTA.pin) as table:
        table.update(
            {
                QUOTA.pack_key(address=address, kind=kind): QUOTA.pack_value(
                    flows=flows, refused=refused
                )
                for (address, kind), (flows, refused) in quotas.items()
            }
        )
    with maps.open_pin(TOTAL.pin) as table:
        table.update({TOTAL.pack_key(by=0): TOTAL.pack_value(flows=len(elements))})


def queued():
    """Return the flows of the queue, and empty it."""
    with maps.open_pin(QUEUE.pin) as queue:
        return [QUEUE.unpack_value(one) for one in iter(queue.pop, None)]


def totals():
    return [value["flows"] for _key, value in pinned.entries(TOTAL)]


def accounts():
    return {
        (key["address"], key["kind"]): (value["flows"], value["refused"])
        for key, value in pinned.entries(QUOTA)
    }


def test_who_has_how_many_flows_is_said(node):
    assert run("nat_info")["accounts"] == []
    quotas = {
        (POD, 0): (24576, 7),
        (POD, INBOUND): (3, 0),
        (OTHER_POD, OUTSIDE): (9, 0),
        (NODE, nat_layout.NAT_HOST): (2**64 - 1, 0),  # of a moment between two processors
        ("fd00::2", 0): (1, 8),
    }
    fill(quotas=quotas)
    words = ("address", "kind", "flows", "refused")
    assert [tuple(one[word] for word in words) for one in run("nat_info")["accounts"]] == [
        ("fd00::2", "pod", 1, 8),
        (POD, "pod", 24576, 7),
        (OTHER_POD, "outside", 9, 0),
        (POD, "inbound", 3, 0),
        (NODE, "host", 0, 0),
    ]


def test_with_a_pod_go_its_accounts_and_what_is_on_them(node):
    unknown = "172.16.2.77"
    fill(
        element(POD, 1),
        element(OTHER_POD, 2),
        element(POD, 3, INBOUND),
        element(unknown, 4),
        element(OTHER_POD, 5),
        quotas={
            (POD, 0): (1, 4),
            (POD, INBOUND): (1, 0),
            (unknown, 0): (1, 0),
            (OTHER_POD, 0): (2, 0),
            ("172.16.9.9", OUTSIDE): (0, 0),  # a backend on another node
        },
    )
    write(flow((POD, 1), WEB, (NODE, 1)), flow((OTHER_POD, 2), WEB, (NODE, 2)))
    sweep.forget({addresses.packed(POD)}, {addresses.packed(OTHER_POD)})
    assert accounts() == {(OTHER_POD, 0): (2, 0), ("172.16.9.9", OUTSIDE): (0, 0)}
    assert totals() == [5, 2**64 - 3]
    assert sorted(one["source_port"] for one in queued()) == [2, 5]
    assert held() == set(flow((OTHER_POD, 2), WEB, (NODE, 2)))


def test_flows_of_an_earlier_version_are_queued_once_nothing_runs_of_it(node):
    empty()
    quiet = flow((POD, 1), WEB, (NODE, 1), protocol=TCP, flags=4 | nat_layout.NAT_ANSWERED, idle=60)
    over = flow((POD, 2), WEB, (NODE, 2), idle=61)
    write(quiet, flow((OTHER_POD, 3), WEB, (NODE, 3)), over)
    with maps.create(MapSpec("nat_flows", "array", 4, 40, 16)) as turns:
        turns.pin(TURNS)
    done = four_runs("teardown", keep={"devices": [], "programs": []})
    assert done["changes"] == ["change flows of an earlier version"]
    assert maps.open_pin(TURNS) is None
    assert held() == {*quiet, *flow((OTHER_POD, 3), WEB, (NODE, 3))}
    assert totals() == [0, 2]
    found = queued()
    assert sorted((one["source"], one["source_port"]) for one in found) == [
        (POD, 1),
        (OTHER_POD, 3),
    ]
    with maps.open_pin(NAT.pin) as table:
        created = {NAT.unpack_value(value)["created"] for value in table.items().values()}
    assert {one["created"] for one in found} == created
    # On nobody's account.
    assert {one["kind"] for one in found} == {0xFFFFFFFF}


def test_a_queue_is_made_and_never_filled_by_a_task(node):
    path = f"{MAP_PINS}/t"
    value = [{"name": "number", "type": "u32"}]
    item = {"path": path, "type": "queue", "value": value, "max_entries": 4}
    four_runs("bpf_map", maps=[item])
    with maps.open_pin(path) as found:
        assert found.spec == MapSpec("t", "queue", 0, 4, 4)
        for number in (b"one.", b"two."):
            found.push(number)
        # A rerun leaves what is in it.
        assert run("bpf_map", maps=[item])["changed"] is False
        (told,) = run("bpf_map_info", maps=[{"path": path}])["maps"]
        assert (told["type"], told["used"]) == ("queue", 4)
        assert [found.pop(), found.pop(), found.pop()] == [b"one.", b"two.", None]
    keyed = {**item, "key": value}
    fails("bpf_map", f"map {path}: a queue has no keys, and programs alone fill it.", maps=[keyed])
    more = {**item, "max_entries": 5, "on_mismatch": "migrate"}
    fails("bpf_map", "entries of prog arrays and queues cannot be carried over", maps=[more])
