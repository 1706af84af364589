"""The filters, and the write-up's capacity table."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.filter.address import FilterModule

FILTERS = FilterModule().filters()


def test_the_write_ups_table():
    columns = ("mask", "addresses_per_node", "nodes", "pod_addresses", "usable_pods")
    assert FILTERS["capacity"]("10.111.160.0/20") == [
        dict(zip(columns, row))
        for row in ((24, 256, 16, 256, 128), (25, 128, 32, 128, 64), (26, 64, 64, 64, 32))
    ]


def test_other_masks():
    assert FILTERS["capacity"]("10.111.160.0/24", [24, "28"]) == [
        {
            "mask": 24,
            "addresses_per_node": 256,
            "nodes": 1,
            "pod_addresses": 256,
            "usable_pods": 128,
        },
        {"mask": 28, "addresses_per_node": 16, "nodes": 16, "pod_addresses": 16, "usable_pods": 8},
    ]


@pytest.mark.parametrize(
    ("number", "address"),
    [(0, "10.111.0.0"), (10, "10.111.0.10"), ("10", "10.111.0.10"), (-1, "10.111.0.255")],
)
def test_nth_address(number, address):
    assert FILTERS["nth_address"]("10.111.0.0/24", number) == address


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        (
            "capacity",
            ("10.111.160.0",),
            "The range is '10.111.160.0'; valid is an IPv4 CIDR without host bits such as "
            "10.111.160.0/20.",
        ),
        (
            "capacity",
            ("10.111.160.0/20", [19]),
            "The mask /19 lies outside the range 10.111.160.0/20; valid is 20 to 32.",
        ),
        (
            "capacity",
            ("10.111.160.0/20", [24, "x"]),
            "masks[1] is 'x'; valid is a whole number from 0 to 32.",
        ),
        (
            "capacity",
            ("10.111.160.0/20", 24),
            "masks is 24; valid is a list.",
        ),
        (
            "nth_address",
            ("10.111.0.0/24", 256),
            "number is 256; valid is a whole number from -256 to 255.",
        ),
    ],
)
def test_what_a_filter_refuses(name, arguments, sentence):
    with pytest.raises(AnsibleFilterError) as caught:
        FILTERS[name](*arguments)
    assert caught.value.message == sentence
