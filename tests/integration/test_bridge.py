from __future__ import annotations

import pytest
from running import do, fails, four_runs, ip, run_module

#: Every attribute, with a value that is not the default of the kernel.
EVERYTHING = {
    "forward_delay": 401,
    "hello_time": 101,
    "max_age": 1501,
    "ageing_time": 10001,
    "stp_state": True,
    "priority": 4096,
    "group_fwd_mask": 8,
    "group_address": "01:80:c2:00:00:0d",
    "no_linklocal_learn": True,
    "mcast_snooping": True,
    "mcast_router": 2,
    "mcast_query_use_ifaddr": True,
    "mcast_querier": True,
    "mcast_hash_max": 512,
    "mcast_last_member_count": 3,
    "mcast_startup_query_count": 4,
    "mcast_last_member_interval": 201,
    "mcast_membership_interval": 20001,
    "mcast_querier_interval": 20002,
    "mcast_query_interval": 10001,
    "mcast_query_response_interval": 901,
    "mcast_startup_query_interval": 2001,
    "mcast_stats_enabled": True,
    "mcast_igmp_version": 3,
    "mcast_mld_version": 2,
    "fdb_max_learned": 1000,
    "nf_call_iptables": True,
    "nf_call_ip6tables": True,
    "nf_call_arptables": True,
}

#: What a kernel without VLANs on bridges does not have.
VLANS = {
    "vlan_filtering": True,
    "vlan_protocol": "802.1ad",
    "vlan_default_pvid": 7,
    "vlan_stats_enabled": True,
    "vlan_stats_per_port": True,
}

#: Where ``ip -j`` has another word than the option.
IP_WORDS = {
    "group_address": "group_addr",
    "mcast_last_member_interval": "mcast_last_member_intvl",
    "mcast_membership_interval": "mcast_membership_intvl",
    "mcast_querier_interval": "mcast_querier_intvl",
    "mcast_query_interval": "mcast_query_intvl",
    "mcast_query_response_interval": "mcast_query_response_intvl",
    "mcast_startup_query_interval": "mcast_startup_query_intvl",
    "mcast_last_member_count": "mcast_last_member_cnt",
    "mcast_startup_query_count": "mcast_startup_query_cnt",
}


def test_every_attribute_at_creation_and_in_place(netns):
    made = four_runs("bridge", netns=netns, bridges=[{"name": "br0", **EVERYTHING}])
    run_module("bridge", netns=netns, bridges=[{"name": "br1"}])
    changed = four_runs("bridge", netns=netns, bridges=[{"name": "br1", **EVERYTHING}])
    for done, name in ((made, "br0"), (changed, "br1")):
        (bridge,) = done["bridges"]
        shown = ip(netns, "link", "show", name)[0]["linkinfo"]["info_data"]
        for word, value in EVERYTHING.items():
            # The kernel counts in ticks of 4 ms: it may show a hundredth less than it was given.
            same = value if isinstance(value, (bool, str)) else pytest.approx(value, abs=1)
            assert bridge[word] == same
            ip_word = IP_WORDS.get(word, word)
            if ip_word in shown:
                found = shown[ip_word]
                found = int(found, 16) if isinstance(found, str) and found[:2] == "0x" else found
                assert found == bridge[word], word
    assert "recreated_because" not in changed["diff"]["after"][f"bridge br1 in netns {netns}"]


def test_vlans_are_set_or_refused_clearly(netns):
    run_module("bridge", netns=netns, bridges=[{"name": "probe"}])
    (probe,) = run_module("bridge_info", netns=netns)["bridges"]
    if probe["vlan_protocol"] is None:
        for word, value in VLANS.items():
            run = run_module("bridge", netns=netns, bridges=[{"name": "br0", word: value}])
            assert run.failed
            assert word in run["msg"] or "Operation not supported" in run["msg"]
        return
    done = four_runs("bridge", netns=netns, bridges=[{"name": "br0", **VLANS}])
    assert {word: done["bridges"][0][word] for word in VLANS} == VLANS


def test_ports(netns):
    for number in (0, 2):
        do("ip", "-n", netns, "link", "add", f"v{number}", "type", "veth", "peer", f"v{number + 1}")
    wish = {"name": "br0", "ports": ["v0", "v2"], "mtu": 1400, "addresses": ["10.1.0.1/24"]}
    four_runs("bridge", netns=netns, bridges=[wish])
    assert {x["ifname"] for x in ip(netns, "link", "show", "master", "br0")} == {"v0", "v2"}
    assert ip(netns, "link", "show", "br0")[0]["mtu"] == 1400

    run = run_module("bridge", netns=netns, bridges=[{"name": "br0", "ports": ["v1"]}])
    assert sorted(run["bridges"][0]["ports"]) == ["v0", "v1", "v2"]
    done = four_runs(
        "bridge", netns=netns, bridges=[{"name": "br0", "ports": ["v1"], "purge_ports": True}]
    )
    assert done["bridges"][0]["ports"] == ["v1"]
    assert [x["ifname"] for x in ip(netns, "link", "show", "master", "br0")] == ["v1"]
    (found,) = run_module("bridge_info", netns=netns, name="br0")["bridges"]
    assert found["ports"] == ["v1"]


def test_an_mtu_that_is_wished_does_not_follow_the_ports(netns):
    do("ip", "-n", netns, "link", "add", "br0", "type", "bridge")
    do("ip", "-n", netns, "link", "add", "v0", "mtu", "1300", "type", "veth", "peer", "v1")
    wish = {"name": "br0", "mtu": 1500, "ports": ["v0"]}
    four_runs("bridge", netns=netns, bridges=[wish])
    assert ip(netns, "link", "show", "br0")[0]["mtu"] == 1500


def test_removal(netns):
    run_module("bridge", netns=netns, bridges=[{"name": "br0"}])
    four_runs("bridge", netns=netns, bridges=[{"name": "br0", "state": "absent"}])
    assert [link["ifname"] for link in ip(netns, "link")] == ["lo"]


def test_what_the_kernel_does_not_keep_is_said(netns):
    # The hash elasticity has been without effect since Linux 4.20, and is taken without an error.
    run = run_module("bridge", netns=netns, bridges=[{"name": "br0", "mcast_hash_elasticity": 4}])
    assert run.failed
    assert "mcast_hash_elasticity=4" in run["msg"]
    assert "shows 16" in run["msg"]


def test_bad_input_changes_nothing(netns):
    good = {"name": "br0"}
    for item, part in [
        ({"name": "br1", "vlan_default_pvid": 4095}, "bridges[1].vlan_default_pvid: 4095"),
        ({"name": "br1", "group_address": "nonsense"}, "bridges[1].group_address"),
        ({"name": "br1", "priority": 70000}, "bridges[1].priority: 70000"),
        ({"name": "br0"}, "bridges[1]"),
        ({"name": "br/1"}, "bridges[1].name"),
    ]:
        fails("bridge", part, netns=netns, bridges=[good, item])
    missing_port = [good, {"name": "br1", "ports": ["nosuch"]}]
    run = run_module("bridge", netns=netns, bridges=missing_port)
    assert run.failed
    assert "bridges[1].ports[0]: there is no device 'nosuch'" in run["msg"]
    assert [link["ifname"] for link in ip(netns, "link")] == ["lo"]
