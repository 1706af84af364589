"""bpf_program_info and bpf_map_info: what they read is what the kernel holds."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from bpf_support import bpftool, dump, ping, program
from running import do, fails, run_module

pytest_plugins = ["bpf_host"]

COUNT = "int count(struct __sk_buff *skb)\n{\n\treturn skb->len ? -1 : 0;\n}\n"
XDP = "int entry(struct xdp_md *ctx)\n{\n\treturn ctx->ingress_ifindex ? 2 : 1;\n}\n"
ALLOW = "int allow(struct bpf_sock_addr *ctx)\n{\n\treturn ctx->user_port != 1;\n}\n"
PIN = "/sys/fs/bpf/podnet/programs/"


@pytest.mark.parametrize("mode", ["tcx", "clsact"])
def test_programs_by_device_cgroup_and_pin(pair: None, mode: str) -> None:
    done = program(
        {"name": "count", "source": COUNT, "attach": [{"hook": "tc_egress", "device": "eth0"}]},
        {"name": "entry", "source": XDP, "attach": [{"hook": "xdp", "device": "eth0"}]},
        {"name": "allow", "source": ALLOW, "attach": [{"hook": "cgroup_connect4"}]},
        {"name": "loose", "function": "count", "source": COUNT, "type": "sched_cls"},
        attach_mode=mode,
    )
    assert not done.failed, done
    found = {pin: one for one in run_module("bpf_program_info")["programs"] for pin in one["pins"]}
    for made in done["programs"]:
        one = found[made["pin"]]
        assert (one["id"], one["tag"], one["digest"]) == (made["id"], made["tag"], made["digest"])
    places = {
        pin: [(one["hook"], one["mechanism"]) for one in found[PIN + pin]["attached"]]
        for pin in ("count", "entry", "allow", "loose")
    }
    assert places == {
        "count": [("tc_egress", mode)],
        "entry": [("xdp", "xdp")],
        "allow": [("cgroup_connect4", "cgroup")],
        "loose": [],
    }


def test_programs_of_others_are_listed_too(pair: None) -> None:
    made = program({"name": "loose", "function": "count", "source": COUNT, "type": "sched_cls"})
    pin = made["programs"][0]["pin"]
    do("tc", "qdisc", "add", "dev", "eth0", "clsact")
    do("tc", "filter", "add", "dev", "eth0", "ingress", "bpf", "da", "pinned", pin)
    (one,) = run_module("bpf_program_info", devices=["eth0"], cgroups=[], pins=[])["programs"]
    assert one["attached"] == [
        {"hook": "tc_ingress", "device": "eth0", "mechanism": "clsact", "link_id": None}
    ]


def test_runs_are_counted_while_the_kernel_counts(pair: None) -> None:
    program(
        {"name": "count", "source": COUNT, "attach": [{"hook": "tc_ingress", "device": "eth0"}]}
    )
    switch = Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text()
    try:
        switch.write_text("1")
        assert ping(5)
    finally:
        switch.write_text(before)
    (one,) = run_module("bpf_program_info", cgroups=[], pins=[])["programs"]
    assert one["runs"] >= 5
    assert one["run_ns"] > 0


def test_maps_with_their_use_and_entries(host: None) -> None:
    shape = {
        "path": "/sys/fs/bpf/podnet/maps/t",
        "key": [{"name": "address", "type": "ip16"}],
        "value": [{"name": "n", "type": "u32"}, {"name": "mac", "type": "mac"}, {"type": "pad(2)"}],
    }
    entries = [
        {"key": {"address": "10.0.0.1"}, "value": {"n": 1, "mac": "0a:58:0a:00:00:01"}},
        {"key": {"address": "2001:db8::1"}, "value": {"n": 2, "mac": "0a:58:0a:00:00:02"}},
    ]
    run_module("bpf_map", maps=[{**shape, "max_entries": 9, "entries": entries}])
    (one,) = run_module("bpf_map_info")["maps"]
    shown = bpftool("map", "show", "pinned", shape["path"])
    assert (one["id"], one["used"], one["max_entries"]) == (shown["id"], 2, 9)
    assert "entries" not in one
    (one,) = run_module("bpf_map_info", maps=[shape])["maps"]
    assert sorted(one["entries"], key=lambda each: each["value"]["n"]) == entries
    assert len(dump(shape["path"])) == 2
    fails("bpf_map_info", "values of 12 bytes", maps=[{**shape, "value": shape["key"]}])


def test_counters_of_a_per_cpu_map(host: None) -> None:
    field = [{"name": "n", "type": "u64"}]
    path = "/sys/fs/bpf/podnet/maps/t"
    table = {"path": path, "key": [{"name": "i", "type": "u32"}], "value": field}
    run_module("bpf_map", maps=[{**table, "type": "percpu_array", "max_entries": 2}])
    value = [f"{byte:02x}" for byte in struct.pack("Q", 5)]
    bpftool("map", "update", "pinned", path, "key", "hex", *["00"] * 4, "value", "hex", *value)
    (one,) = run_module("bpf_map_info", maps=[table])["maps"]
    assert one["entries"][0] == {"key": {"i": 0}, "value": {"n": 5}}


def test_what_is_not_there_is_left_out(host: None) -> None:
    assert run_module("bpf_map_info", maps=[{"path": "/sys/fs/bpf/none"}])["maps"] == []
    assert run_module("bpf_program_info", pins=["/sys/fs/bpf/none"])["programs"] == []
