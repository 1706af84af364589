from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.network.vxlan import VXLAN

BEFORE = {
    **dict.fromkeys((field.option for field in VXLAN.fields), None),
    "id": 7,
    "dstport": 4789,
    "gbp": False,
    "vnifilter": False,
    "remote": "10.0.0.2",
    "group": None,
    "local": "10.0.0.1",
    "ttl": "auto",
    "srcport": [0, 0],
    "addresses": [],
}


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"id": 7, "dstport": 4789, "gbp": False, "vnifilter": False},
        {"remote": "10.0.0.9", "local": "10.0.0.8"},
        {"ttl": "64"},
        {"learning": False, "ageing": 5, "df": "set"},
    ],
)
def test_no_reason_to_recreate(wish):
    assert VXLAN.reason_to_recreate(BEFORE, wish) is None


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        ({"id": 8}, "id cannot change from 7 to 8 in place"),
        ({"gbp": True}, "gbp cannot change from False to True in place"),
        ({"ttl": "inherit"}, "ttl cannot change from auto to inherit in place"),
        ({"srcport": [1, 2]}, "srcport cannot change from [0, 0] to [1, 2] in place"),
        ({"local": "fd00::1"}, "the addresses cannot change from IPv4 to IPv6 in place"),
    ],
)
def test_reasons_to_recreate(wish, reason):
    assert VXLAN.reason_to_recreate(BEFORE, wish) == reason


def test_remote_and_group_take_each_others_place():
    item = {"purge_addresses": False}
    after = VXLAN.target(BEFORE, {"group": "239.0.0.1"}, item)
    assert (after["remote"], after["group"]) == (None, "239.0.0.1")
    after = VXLAN.target(after, {"remote": "10.0.0.3"}, item)
    assert (after["remote"], after["group"]) == ("10.0.0.3", None)


def test_addresses_of_the_other_family_go():
    after = VXLAN.target(BEFORE, {"remote": "fd00::2"}, {"purge_addresses": False})
    assert (after["remote"], after["local"]) == ("fd00::2", None)
