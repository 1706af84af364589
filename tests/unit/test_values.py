from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine import values
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure


@pytest.mark.parametrize(
    ("check", "value", "canonical"),
    [
        (values.device_name, "pn_0123456789ab", "pn_0123456789ab"),
        (values.mac, "0A:58:0a:6F:a0:01", "0a:58:0a:6f:a0:01"),
        (values.mac, "01:80:c2:00:00:0d", "01:80:c2:00:00:0d"),
        (values.device_mac, "0E:58:0a:6f:a0:01", "0e:58:0a:6f:a0:01"),
        (values.address, "10.0.0.1", "10.0.0.1"),
        (values.address, "FD00:0::1", "fd00::1"),
        (values.interface, "10.0.0.1/24", "10.0.0.1/24"),
        (values.interface, "FD00::0001/64", "fd00::1/64"),
    ],
)
def test_valid_values_become_canonical(check, value, canonical):
    assert check(value, "x") == canonical


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (values.device_name, ""),
        (values.device_name, "a" * 16),
        (values.device_name, "a b"),
        (values.device_name, "a/b"),
        (values.device_name, ".."),
        (values.mac, "0a:58:0a:6f:a0"),
        (values.mac, "0a580a6fa001"),
        (values.device_mac, "01:58:0a:6f:a0:01"),
        (values.device_mac, "00:00:00:00:00:00"),
        (values.address, "10.0.0.1/24"),
        (values.address, "10.0.0.256"),
        (values.interface, "10.0.0.1"),
        (values.interface, "10.0.0.1/33"),
    ],
)
def test_invalid_values_are_named_with_their_place(check, value):
    with pytest.raises(Failure) as raised:
        check(value, "veths[3].word")
    assert raised.value.message.startswith("veths[3].word: ")
    assert repr(value) in raised.value.message


def test_a_repeated_key_is_named_with_its_place():
    values.unique(["a", "b"], "veths")
    with pytest.raises(Failure) as raised:
        values.unique(["a", "b", "a"], "veths")
    assert raised.value.message.startswith("veths[2]: a ")
