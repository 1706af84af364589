# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real hosts that boot without a controller, each time with something else in the way.

The order of the tests is that of the cluster's life.
"""

from __future__ import annotations

import json
import shlex
import time

import pytest

from tests.waiting import wait_for

from .clients import VARIABLES
from .hosts import come_back, everybody_is_reached, ways
from .lockout import COMMAND
from .machine import DEVICE
from .machines import ADDRESSES, ONE, TWO
from .trace import left, traces

UNIT = "podnet-boot.service"
NETWORK = "/etc/systemd/network/10-node-1.network"
DROP_IN = f"/etc/systemd/system/{UNIT}.d/test.conf"
#: Gives a node its network file back, which is beside its place.
LATE = "/etc/systemd/system/late.service"
#: Seconds from a node's address to its network; and so many times as long as `podnet status`.
SLACK, STATUSES = 5.0, 60
#: Pods that a run is about to bring when the power goes.
NEW = "new-1", "new-2"


@pytest.fixture(scope="module")
def fresh(machines):
    """What the machines were before we came."""
    return traces(machines)


def put(machines, node, path, *lines):
    machines.exec(node, "mkdir", "-p", path.rpartition("/")[0])
    machines.exec(node, "tee", path, stdin="".join(f"{line}\n" for line in lines))


def after_boot(machines, node):
    """Wait for the end of what the boot runs; return what it said, and its result."""
    result = ("systemctl", "show", "--property=Result", "--value", UNIT)
    state = ("systemctl", "show", "--property=ActiveState", "--value", UNIT)
    wait_for(
        f"{UNIT} of {node} ends",
        lambda: machines.try_exec(node, *state).stdout.strip() in ("active", "failed"),
    )
    said = machines.exec(node, "journalctl", "--boot", "--quiet", "--output=cat", f"--unit={UNIT}")
    return machines.exec(node, *result).strip(), said


def is_in_time(machines, node):
    """Print how long after the node's address its network was there; say whether that is soon.

    An emulated machine that boots, on a busy one, takes many times as long as a real one, by what
    the same code takes there later. What this finds is a boot that waits for something.
    """
    entries = machines.exec(
        node, "journalctl", "--boot", "--quiet", "--output=json", "--unit=systemd-networkd"
    )
    up = next(
        int(one["__MONOTONIC_TIMESTAMP"])
        for one in map(json.loads, entries.splitlines())
        if one["MESSAGE"] == f"{DEVICE}: Gained carrier"
    )
    times = ("ExecMainStartTimestampMonotonic", "ExecMainExitTimestampMonotonic", "CPUUsageNSec")
    shown = machines.exec(node, "systemctl", "show", f"--property={','.join(times)}", UNIT)
    found = {name: int(value) for name, value in (one.split("=") for one in shown.splitlines())}
    started, ended = (found[name] / 1e6 for name in times[:2])
    took = ended - up / 1e6
    began = time.monotonic()
    machines.exec(node, COMMAND, "status")
    status = time.monotonic() - began
    print(
        f"{node}: its network is there {took:.1f} s after its address, {ended - started:.1f} s "
        f"after the unit began, which took {found[times[2]] / 1e9:.1f} s of the processor; status "
        f"takes {status:.1f} s"
    )
    return took <= max(SLACK, STATUSES * status)


def test_all_nodes_at_once_come_back_by_themselves(machines, fresh):
    machines.variables.update(VARIABLES)
    machines.play("site").ok()
    before, pods = {node: ways(machines, node) for node in machines.nodes}, machines.pods()
    boots = {node: machines.boot_of(node) for node in machines.nodes}
    for node in machines.nodes:
        machines.try_exec(node, "systemctl", "reboot")
    for node, boot in boots.items():
        machines.booted(node, boot)
    for node in machines.nodes:
        assert after_boot(machines, node)[0] == "success"
        come_back(machines, node, before[node])
        assert is_in_time(machines, node)
    assert machines.pods() == pods
    everybody_is_reached(machines)
    assert machines.play("site").ok().changed == {}


def test_a_power_cut_in_a_run_leaves_the_network_of_the_run_before(machines):
    before, pods, boot = ways(machines, ONE), machines.pods(), machines.boot_of(ONE)
    more = [{"name": name} for name in NEW]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(machines.nodes[ONE], "podnet_pods", more)
        run = machines.start_play("site", journal=machines.folder / "cut")
        wait_for(
            "the run is half way through",
            lambda: NEW[0] in machines.exec(ONE, "ip", "netns").split(),
        )
        machines.machines[ONE].switch_on()  # that is its reset button
        run.communicate()
        assert run.returncode != 0
        machines.booted(ONE, boot)
        assert after_boot(machines, ONE)[0] == "success"
        come_back(machines, ONE, before)
        assert machines.pods(ONE) == {
            place: address for place, address in pods.items() if place.startswith(ONE)
        }
        assert ONE in machines.play("site").ok().changed
        assert machines.pods().keys() - pods.keys() == {f"{ONE}/{name}" for name in NEW}
        everybody_is_reached(machines)
    machines.play("site").ok()
    assert machines.pods() == pods


def test_an_address_that_is_a_minute_late_and_no_mounted_bpffs_are_waited_for_and_made(machines):
    before, pods = ways(machines, ONE), machines.pods()
    late = f"sleep 60; mv {NETWORK}.late {NETWORK}; networkctl reload"
    put(
        machines,
        ONE,
        LATE,
        *("[Service]", f"ExecStart=sh -c {shlex.quote(late)}"),
        *("[Install]", "WantedBy=multi-user.target"),
    )
    put(machines, ONE, DROP_IN, "[Service]", "ExecStartPre=umount /sys/fs/bpf")
    machines.exec(ONE, "systemctl", "--quiet", "enable", "late")
    machines.exec(ONE, "mv", NETWORK, f"{NETWORK}.late")
    machines.reboot(ONE)
    result, said = after_boot(machines, ONE)
    machines.exec(ONE, "systemctl", "--quiet", "disable", "late")
    machines.exec(ONE, "rm", "-r", LATE, DROP_IN.rpartition("/")[0])
    machines.exec(ONE, "systemctl", "daemon-reload")
    assert result == "success"
    assert f"waiting for at most 300 s: podnet_node_ip of {ONE} is {ADDRESSES[ONE]}" in said
    come_back(machines, ONE, before)
    assert machines.pods() == pods
    everybody_is_reached(machines)
    assert machines.play("site").ok().changed == {}


def test_another_address_than_planned_is_said_and_nothing_is_made(machines):
    before, pods, boot = ways(machines, ONE), machines.pods(), machines.boot_of(ONE)
    other = ADDRESSES[ONE].rpartition(".")[0] + ".99"
    made = "/run/made"  # what there is of the network when the unit has given up
    back = (
        f"(ip netns; ls /sys/fs/bpf; ip -br link) >{made}; "
        f"mv {NETWORK}.right {NETWORK}; networkctl reload"
    )
    put(machines, ONE, LATE, "[Service]", "Type=oneshot", f"ExecStart=sh -c {shlex.quote(back)}")
    put(
        machines,
        ONE,
        DROP_IN,
        *("[Unit]", "OnFailure=late.service", "[Service]"),
        *("ExecStart=", "ExecStart=/usr/local/sbin/podnet boot --wait 5"),
    )
    machines.exec(ONE, "cp", "-p", NETWORK, f"{NETWORK}.right")
    machines.exec(ONE, "sed", "-i", f"s/{ADDRESSES[ONE]}/{other}/", NETWORK)
    machines.try_exec(ONE, "systemctl", "reboot")
    machines.booted(ONE, boot)
    result, said = after_boot(machines, ONE)
    machines.exec(ONE, "rm", "-r", LATE, DROP_IN.rpartition("/")[0])
    machines.exec(ONE, "systemctl", "daemon-reload")
    sentence = f"podnet_node_ip of {ONE} is {ADDRESSES[ONE]}, which no device of the node holds"
    assert (result, sentence in said) == ("exit-code", True)
    assert "pn" not in machines.exec(ONE, "cat", made).replace("enp", "")
    assert "podnet" not in machines.exec(ONE, "cat", made)
    machines.exec(ONE, "rm", made)
    assert sentence in machines.try_exec(ONE, "podnet", "status").stdout
    # The way out that the documentation names.
    machines.exec(ONE, "systemctl", "start", "podnet-boot")
    assert sentence not in machines.exec(ONE, "podnet", "status")
    come_back(machines, ONE, before)
    assert machines.pods() == pods
    everybody_is_reached(machines)


def test_another_kernel_loads_what_was_compiled_under_the_one_before(machines):
    before, pods, release = ways(machines, TWO), machines.pods(), kernel(machines, TWO)
    other = release.replace("-cloud", "")
    machines.bring_packages(TWO, f"linux-image-{other}")
    files = (machines.fetch(TWO, f"/boot/{name}-{other}") for name in ("vmlinuz", "initrd.img"))
    # Not by kexec: for an emulated machine the way there takes hours.
    boot, (image, initrd) = machines.boot_of(TWO), files
    machines.switch_off(TWO)
    machines.machines[TWO].switch_on_with(image, initrd)
    machines.booted(TWO, boot)
    assert kernel(machines, TWO) == other
    assert after_boot(machines, TWO)[0] == "success"
    come_back(machines, TWO, before)
    assert machines.pods() == pods
    everybody_is_reached(machines)
    assert machines.play("site").ok().changed == {}


def kernel(machines, node):
    return machines.exec(node, "uname", "-r").strip()


def test_teardown_leaves_no_trace(machines, fresh):
    machines.play("teardown").ok()
    found = left(fresh, machines)
    # Other packages and another kernel are this test's own.
    assert found.get(ONE) is None
