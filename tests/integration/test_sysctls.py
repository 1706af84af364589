"""sysctls: set, remembered once, restored."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine import files
from node_support import sysctl
from running import do, fails, four_runs, run, run_module

pytest_plugins = ["node_support"]

RECORD = Path("/var/lib/podnet/sysctls.json")


def test_sysctls_are_remembered_once_and_restored(bare):
    first = {"net.ipv4.ip_forward": "0", "net.ipv4.ip_local_port_range": "32768 60999"}
    assert {name: sysctl(name) for name in first} == first
    wanted = {"net.ipv4.ip_forward": 1, "net.ipv4.ip_local_port_range": "20000 30000"}
    done = four_runs("sysctls", values=wanted, remember=True)
    assert done["changes"] == [f"change sysctl {name}" for name in wanted]
    assert {name: sysctl(name) for name in wanted} == {k: str(v) for k, v in wanted.items()}
    assert done["diff"]["before"]["sysctl net.ipv4.ip_forward"] == {"value": "0"}

    # What comes later does not take the place of what was there before us.
    run_module("sysctls", values={"net.ipv4.ip_local_port_range": "1024 2048"}, remember=True)
    assert json.loads(RECORD.read_text()) == first
    assert RECORD.stat().st_mode & 0o777 == 0o600
    done = four_runs("sysctls", state="restored")
    assert done["changes"] == [*(f"change sysctl {n}" for n in sorted(first)), f"remove {RECORD}"]
    assert {name: sysctl(name) for name in first} == first
    assert not RECORD.exists()


def test_some_are_restored_while_others_are_set(bare):
    do("ip", "link", "add", "a.b", "type", "bridge")
    do("ip", "link", "add", "br0", "type", "bridge")
    forwarding = {name: f"net/ipv4/conf/{name}/forwarding" for name in ("a.b", "br0", "eth0")}
    run_module("sysctls", values=dict.fromkeys(forwarding.values(), 1), remember=True)
    do("ip", "link", "del", "br0")
    port_range = "net.ipv4.ip_local_port_range"
    done = four_runs(
        "sysctls",
        values={port_range: "20000 30000", "net.ipv4.conf.eth0.forwarding": 1},
        restore=["net.ipv4.conf.*.forwarding", "net.ipv4.no.such"],
        remember=True,
    )
    names = [port_range, forwarding["a.b"], forwarding["br0"]]
    assert done["changes"] == [f"change sysctl {name}" for name in names]
    told = {"value": "1", "remembered": "0"}
    assert done["diff"]["before"][f"sysctl {forwarding['a.b']}"] == told
    assert Path(f"/proc/sys/{forwarding['a.b']}").read_text() == "0\n"
    assert Path(f"/proc/sys/{forwarding['eth0']}").read_text() == "1\n"
    recorded = {forwarding["eth0"]: "0", port_range: "32768 60999"}
    assert json.loads(RECORD.read_text()) == recorded

    # What is as it was before is forgotten all the same, and with the last one the record goes.
    do("sysctl", "-q", "net.ipv4.conf.eth0.forwarding=0")
    done = four_runs("sysctls", restore=["net.ipv4.*"])
    assert done["changes"] == [f"change sysctl {name}" for name in sorted(recorded)]
    assert sysctl(port_range) == "32768 60999"
    assert not RECORD.parent.exists()


def test_sysctls_of_devices_and_of_other_namespaces(bare):
    do("ip", "link", "add", "a.b", "type", "bridge")
    four_runs("sysctls", values={"net/ipv4/conf/a.b/forwarding": 1})
    assert Path("/proc/sys/net/ipv4/conf/a.b/forwarding").read_text() == "1\n"
    assert not RECORD.exists()
    four_runs("sysctls", values={"net.ipv4.ip_forward": True and 1}, netns="peer")
    assert (sysctl("net.ipv4.ip_forward", "peer"), sysctl("net.ipv4.ip_forward")) == ("1", "0")


def test_a_setting_of_a_device_that_is_gone_is_not_restored(bare):
    do("ip", "link", "add", "br0", "type", "bridge")
    run_module("sysctls", values={"net.ipv4.conf.br0.forwarding": 1}, remember=True)
    do("ip", "link", "del", "br0")
    assert four_runs("sysctls", state="restored")["changes"] == [f"remove {RECORD}"]


def test_a_setting_of_a_device_of_ours_is_not_remembered(bare):
    do("ip", "link", "add", "pn_x", "type", "bridge")
    do("ip", "link", "add", "cbr0", "type", "bridge")
    ours = dict.fromkeys(["net.ipv4.conf.pn_x.forwarding", "net.ipv4.conf.cbr0.forwarding"], 1)
    run_module("sysctls", values={**ours, "net.ipv4.ip_forward": 1}, remember=True)
    assert {name: sysctl(name) for name in ours} == dict.fromkeys(ours, "1")
    assert json.loads(RECORD.read_text()) == {"net.ipv4.ip_forward": "0"}


RESERVED = "net.ipv4.ip_local_reserved_ports"


def test_ports_are_reserved_beside_those_of_others(bare):
    do("sysctl", "-q", f"{RESERVED}=8080,30000-30010")
    node_ports = {"ranges": {RESERVED: "30000-32767"}, "remember": True}
    done = four_runs("sysctls", **node_ports)
    assert done["diff"]["before"][f"sysctl {RESERVED}"] == {"value": "8080,30000-30010"}
    assert sysctl(RESERVED) == "8080,30000-32767"
    assert sysctl(RESERVED, "peer") == ""
    assert json.loads(RECORD.read_text()) == {RESERVED: {"added": "30011-32767"}}

    # Others come and go meanwhile; of ours one half goes.
    do("sysctl", "-q", f"{RESERVED}=30000-32767,40000")
    four_runs("sysctls", ranges={RESERVED: "31000-32767"}, remember=True)
    assert sysctl(RESERVED) == "30000-30010,31000-32767,40000"
    done = four_runs("sysctls", state="restored")
    assert done["changes"] == [f"change sysctl {RESERVED}", f"remove {RECORD}"]
    assert sysctl(RESERVED) == "30000-30010,40000"


def test_reserved_ports_are_given_back_to_the_last_one(bare):
    four_runs("sysctls", ranges={RESERVED: 30000}, remember=True)
    done = four_runs("sysctls", restore=["net.ipv4.ip_local_*"])
    assert done["diff"]["before"][f"sysctl {RESERVED}"]["remembered"] == "added 30000"
    assert sysctl(RESERVED) == ""
    assert not RECORD.exists()
    # What names them keeps them.
    four_runs("sysctls", ranges={RESERVED: "30000,30001"}, remember=True)
    again = run_module("sysctls", ranges={RESERVED: "30000-30001"}, restore=["*"], remember=True)
    assert again["changes"] == []


def test_reserved_ports_without_a_memory_are_only_added(bare):
    do("ip", "netns", "exec", "peer", "sysctl", "-q", f"{RESERVED}=30000-32767")
    four_runs("sysctls", ranges={RESERVED: "30000-32767"}, remember=True)
    four_runs("sysctls", ranges={RESERVED: "8080,30000"}, netns="peer")
    assert sysctl(RESERVED, "peer") == "8080,30000-32767"
    assert sysctl(RESERVED) == "30000-32767"


def test_ports_that_cannot_be_reserved(bare):
    for bad in ("30000-", "32767-30000", "65536", "http", "1,,2"):
        fails("sysctls", "ranges", repr(bad), RESERVED, ranges={RESERVED: bad}, remember=True)
    fails(
        *("sysctls", "ranges", "values"),
        values={RESERVED: "1"},
        ranges={RESERVED.replace(".", "/"): "2"},
    )
    forwarding = {"net.ipv4.ip_local_port_range": "1"}
    fails("sysctls", "'32768 60999'", RESERVED, ranges=forwarding)
    assert not RECORD.exists()


def test_sysctls_that_cannot_be(bare):
    good = {"net.ipv4.ip_forward": 1}
    run = run_module("sysctls", values={**good, "net.ipv4.no_such": 1}, remember=True)
    assert run.failed
    assert "'net.ipv4.no_such'" in run["msg"]
    for bad in ("net..ipv4", "../kernel/x", ""):
        fails("sysctls", repr(bad), values={**good, bad: 1})
    assert sysctl("net.ipv4.ip_forward") == "0"
    assert not RECORD.exists()
    # In check mode its device may be yet to come.
    late = run_module("sysctls", check=True, values={"net.ipv4.conf.pn_host.forwarding": 1})
    assert late["changes"] == ["change sysctl net.ipv4.conf.pn_host.forwarding"]

    run = run_module("sysctls", values={"net.ipv4.ip_forward": "many"}, remember=True)
    assert run.failed
    assert "refused 'many' for net.ipv4.ip_forward" in run["msg"]
    # It is remembered before it is changed: restoring what was not changed does no harm.
    assert not run_module("sysctls", state="restored").failed
    assert sysctl("net.ipv4.ip_forward") == "0"


@pytest.mark.parametrize("left", ["", "{", "[]", '{"net.ipv4.ip_forward": 0}', '{"a": {"b": ""}}'])
def test_a_record_that_a_power_cut_left_is_said_and_holds_up_nothing(bare, left):
    wanted = {"net.ipv4.ip_forward": 1}
    run("sysctls", values=wanted, remember=True)
    RECORD.write_text(left)
    # It is begun anew: what it held is lost, what comes from now on is not.
    more = {**wanted, "net.ipv4.ip_default_ttl": 32}
    done = four_runs("sysctls", values=more, remember=True)
    assert done["changes"] == ["change sysctl net.ipv4.ip_default_ttl", f"change {RECORD}"]
    (warning,) = done.warned
    assert warning.startswith(f"{RECORD} cannot be read (")
    assert "first values" in warning
    assert json.loads(RECORD.read_text()) == {"net.ipv4.ip_default_ttl": "64"}
    assert RECORD.stat().st_mode & 0o777 == 0o600
    # With nothing to write down there is no record.
    RECORD.write_text(left)
    assert four_runs("sysctls", values=more, remember=True)["changes"] == [f"change {RECORD}"]
    assert not RECORD.parent.exists()

    RECORD.parent.mkdir()
    RECORD.write_text(left)
    done = four_runs("sysctls", state="restored")
    assert done["changes"] == [f"remove {RECORD}"]
    assert done.warned == [warning]
    assert not RECORD.exists()


def test_the_text_is_on_the_disk_before_the_name(bare, monkeypatch):
    """What a power cut can leave is told by the order of these calls; all of them are done."""
    order = []

    def noted(call):
        def noting(what, *more, **words):
            name = what if not isinstance(what, int) else Path(f"/proc/self/fd/{what}").readlink()
            order.append((call.__name__, str(name)))
            return call(what, *more, **words)

        return noting

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(getattr(os, name)))
    RECORD.parent.mkdir()
    files.write(RECORD, b"{}")
    fresh = str(RECORD.with_name(f".{RECORD.name}.new"))
    assert order == [
        ("fsync", fresh),
        ("replace", fresh),
        ("fsync", str(RECORD.parent)),
    ]
    assert RECORD.read_text() == "{}"
