from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.network import routes_wanted


def wanted(given, table="main"):
    defaults = {word: option.get("default") for word, option in routes_wanted.OPTIONS.items()}
    hop = {word: option.get("default") for word, option in routes_wanted.HOP_OPTIONS.items()}
    given = {**given, "nexthops": [{**hop, **one} for one in given.get("nexthops", [])]}
    return routes_wanted.wanted({**defaults, **given}, "routes[0]", table)


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


GATEWAY = {"dst": "10.0.0.0/8", "via": "10.0.0.1"}
SIX = {"dst": "fd00::/64", "via": "fd00::1"}


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({**GATEWAY, "mtu": 65521}, "mtu: 65521 is out of range; it is from 1 to 65520"),
        ({**GATEWAY, "advmss": 65496}, "advmss: 65496"),
        ({**SIX, "hoplimit": 256}, "hoplimit: 256"),
        ({**GATEWAY, "tos": 3}, "tos: 3 has bits that belong to ECN; 0 is valid"),
        ({**SIX, "tos": 4}, "routes of IPv6 have no TOS"),
        ({**GATEWAY, "pref": "high"}, "routes of IPv4 have no preference"),
        ({**GATEWAY, "family": "ipv6"}, "family: 10.0.0.0/8 is not of ipv6"),
        ({**GATEWAY, "scope": "link"}, "scope: 'link' holds no gateway"),
        ({"dst": "10.0.0.0/8", "dev": "a", "scope": "nowhere"}, "scope: 'nowhere'"),
        ({**SIX, "scope": "nonsense"}, "scope: 'nonsense'"),
        ({**SIX, "scope": "host"}, "routes of IPv6 have the scope global alone"),
        ({**GATEWAY, "via": "0.0.0.0", "dev": "a"}, "via: '0.0.0.0' is no gateway"),
        ({**SIX, "via": "fe80::1"}, "via: 'fe80::1' is of one link: give its device in dev"),
        ({**SIX, "via": "fe80::1%a"}, "via: 'fe80::1%a' is not an address"),
        ({"dst": "10.0.0.0/8", "dev": "a", "onlink": True}, "onlink needs dev"),
        ({**GATEWAY, "table": "²"}, "table: '²' is neither a number nor one of"),
        (
            {"dst": "fd00::/64", "nexthops": [{"dev": "a"}, {"dev": "b"}]},
            "nexthops[0]: of several next hops of IPv6 each needs via",
        ),
        (
            {"dst": "fd00::/64", "nexthops": [{"via": "fd00::1"}, {"via": "fd00:0::1"}]},
            "nexthops[1]: ('fd00::1', None) stands in the list already",
        ),
    ],
)
def test_what_the_kernel_would_refuse_or_not_keep_is_refused_first(given, part):
    with pytest.raises(Failure) as raised:
        wanted(given)
    assert part in raised.value.message


def test_words_of_the_hosts_iproute2_are_known(tmp_path, monkeypatch):
    (tmp_path / "rt_tables.d").mkdir()
    (tmp_path / "rt_tables").write_text("# a comment\n0x64\tuplink # one\n\n255 local\n")
    (tmp_path / "rt_tables.d" / "mine.conf").write_text("200 mine\n")
    (tmp_path / "rt_protos").write_text("186 bgp\n")
    monkeypatch.setattr(routes_wanted.iproute2, "FOLDERS", (str(tmp_path / "none"), str(tmp_path)))
    assert wanted({**GATEWAY, "table": "uplink"})["table"] == 100
    assert wanted({**GATEWAY, "table": "mine", "protocol": "bgp"})["table"] == 200
    assert wanted({**GATEWAY, "protocol": "bgp"})["protocol"] == 186
    with pytest.raises(Failure) as raised:
        wanted({**GATEWAY, "table": "other"})
    assert "default, local, main, mine, uplink." in raised.value.message
