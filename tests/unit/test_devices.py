from __future__ import annotations

from ansible_collections.podnet.fabric.plugins.module_utils.engine import devices

BEFORE = {"name": "a", "mtu": 1500, "addresses": ["10.0.0.1/24", "10.0.0.2/24", "fe80::1/64"]}


def test_what_the_wish_does_not_name_stays():
    after = devices.target(BEFORE, {"mtu": 1400}, purge_addresses=True)
    assert after == {**BEFORE, "mtu": 1400}


def test_addresses_are_added_up():
    after = devices.target(BEFORE, {"addresses": ["10.0.0.3/24"]}, purge_addresses=False)
    assert after["addresses"] == [*BEFORE["addresses"], "10.0.0.3/24"]


def test_purge_keeps_the_kernels_own_address():
    wish = {"addresses": ["10.0.0.2/24", "10.0.0.3/24"]}
    after = devices.target(BEFORE, wish, purge_addresses=True)
    assert after["addresses"] == ["10.0.0.2/24", "fe80::1/64", "10.0.0.3/24"]


def test_the_order_of_addresses_is_no_difference():
    wish = {"addresses": ["10.0.0.2/24", "10.0.0.1/24"]}
    assert devices.target(BEFORE, wish, purge_addresses=True) == BEFORE
