"""What the module endpoints refuses before it looks at anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.endpoints.wanted import (
    Endpoint,
    Node,
    check,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure

NODE_IP, LONG = "10.111.0.8", "x" * 240
NODE = Node(
    gateway_ip="10.111.160.126",
    gateway_mac="0e:58:0a:6f:a0:7e",
    host_addresses=["10.111.160.126", NODE_IP],
    mtu=1500,
    program="/sys/fs/bpf/podnet/programs/from_container",
    attach_mode="auto",
)


def pod(name, number, **more):
    mac = f"0a:58:0a:6f:a0:{number:02x}"
    return {"name": name, "ip": f"10.111.160.{number}", "mac": mac, **more}


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        (pod("web-1", 2), ["name 'web-1'", "twice"]),
        (pod("web-2", 1), ["ip '10.111.160.1'", "twice"]),
        ({**pod("web-2", 2), "ip": "10.111.160.300"}, ["ip '10.111.160.300' of 'web-2'"]),
        ({**pod("web-2", 2), "ip": "fd00::1"}, ["ip 'fd00::1' of 'web-2'", "IPv4"]),
        ({**pod("web-2", 2), "ip": NODE_IP}, [f"ip {NODE_IP!r} of 'web-2'", "host_addresses"]),
        ({**pod("web-2", 2), "mac": "0A-58"}, ["mac '0A-58' of 'web-2'", "0a:58:"]),
        (pod("a/b", 2), ["name 'a/b'"]),
        (pod("", 2), ["name ''"]),
        (pod(LONG, 2), [f"name '{LONG}'", "239"]),
        *((pod(name, 2), [f"name {name!r}", "folder"]) for name in (".", "..", "a\0b")),
    ],
)
def test_bad_input_is_refused(bad, parts):
    wanted = [Endpoint(**one) for one in (pod("web-1", 1), bad)]
    with pytest.raises(Failure) as raised:
        check(wanted, NODE)
    for part in parts:
        assert part in raised.value.message


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        ({"prefix_length": 0}, ["prefix_length", "0", "1 to 32"]),
        ({"prefix_length": 33}, ["prefix_length", "33", "1 to 32"]),
        ({"route_src": "fd00::1"}, ["route_src", "'fd00::1'", "IPv4"]),
        ({"non_masquerade_cidrs": ["10.0.0.0/8", "10.0.0.1/8"]}, ["'10.0.0.1/8'", "10.0.0.0/8"]),
        ({"bridge": "a bridge with a name"}, ["bridge", "'a bridge with a name'"]),
    ],
)
def test_bad_options_of_the_node_are_refused(bad, parts):
    with pytest.raises(Failure) as raised:
        check([], replace(NODE, **bad))
    for part in parts:
        assert part in raised.value.message
