from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import routes
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure


def wanted(given, table="main"):
    defaults = {word: option.get("default") for word, option in routes.OPTIONS.items()}
    return routes.wanted({**defaults, **given}, "routes[0]", table)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"dst": "default", "via": "10.0.0.1"}, {"dst": "0.0.0.0/0", "scope": "global"}),
        ({"dst": "default", "via": "fd00::1"}, {"dst": "::/0", "metric": 1024}),
        ({"dst": "default", "dev": "a", "family": "ipv6"}, {"dst": "::/0"}),
        ({"dst": "10.0.0.1", "dev": "a"}, {"dst": "10.0.0.1/32", "scope": "link"}),
        ({"dst": "FD00:0::/64", "dev": "a", "metric": 0}, {"dst": "fd00::/64", "metric": 1024}),
        ({"dst": "10.0.0.1", "dev": "lo", "type": "local"}, {"table": 255, "scope": "host"}),
        ({"dst": "10.0.0.0/8", "type": "blackhole"}, {"table": 254, "scope": "global"}),
        ({"dst": "10.0.0.0/8", "dev": "a", "scope": "200"}, {"scope": "site"}),
        ({"dst": "10.0.0.0/8", "dev": "a", "table": "default"}, {"table": 253}),
        ({"dst": "10.0.0.0/8", "dev": "a"}, {"protocol": 112, "table": 254}),
        ({"dst": "10.0.0.0/8", "dev": "a", "protocol": "static"}, {"protocol": 4}),
    ],
)
def test_defaults_are_those_of_the_kernel(given, expected):
    route = wanted(given)
    assert {word: route[word] for word in expected} == expected


def test_the_table_of_the_task_is_the_default():
    assert wanted({"dst": "10.0.0.0/8", "dev": "a"}, "100")["table"] == 100
    assert wanted({"dst": "10.0.0.0/8", "dev": "a", "table": "main"}, "100")["table"] == 254


def test_bits_behind_the_prefix_are_refused_with_what_is_valid():
    with pytest.raises(Failure) as raised:
        wanted({"dst": "10.111.160.1/25", "dev": "a"})
    assert raised.value.message == (
        "routes[0].dst: '10.111.160.1/25' has bits behind its prefix; 10.111.160.0/25 is valid."
    )
