"""What one pod does, or lacks, concerns that pod alone: pods are root in their namespaces."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from node_support import options, plan, pod
from running import do, four_runs, ip, ip_here, run, run_module, until
from test_endpoints import HOST_DEVICE, assert_whole, empty, entries, node, reaches

__all__ = ["empty", "node"]  # fixtures: a node, which each test leaves without endpoints

PODS = [pod(f"web-{number}", number) for number in (1, 2, 3)]


@contextlib.contextmanager
def process(*command):
    """Have a process for the length of a block."""
    with subprocess.Popen(["unshare", "--net", *command]) as started:
        here = Path("/proc/self/ns/net").readlink()
        until(lambda: Path(f"/proc/{started.pid}/ns/net").readlink() != here)
        try:
            yield started.pid
        finally:
            started.kill()


@contextlib.contextmanager
def busy(name):
    """Have a process in a namespace for the length of a block, by its number."""
    with namespaces.inside(name):
        started = subprocess.Popen(["sleep", "infinity"])
    try:
        yield started.pid
    finally:
        started.kill()
        started.wait()


def devices(place):
    """Return the devices of a namespace, by name, of a process by its number."""
    inside = ("nsenter", "--net", f"--target={place}") if isinstance(place, int) else ()
    inside = inside or ("ip", "netns", "exec", place)
    return set(do(*inside, "ls", "/proc/sys/net/ipv4/conf").split()) - {"all", "default"}


def unfinished(expected, pods, **more):
    """Run twice, each time first in check mode: all is done but what is expected; changes of it.

    :param expected: name of an endpoint -> parts of its reason.
    """
    changes = []
    for _again in range(2):
        predicted, done = (
            run_module("endpoints", check=check, **options(pods, **more)) for check in (True, False)
        )
        for found in (predicted, done):
            assert found.failed
            assert {one["name"] for one in found["unfinished"]} == set(expected)
            for one in found["unfinished"]:
                for part in expected[one["name"]]:
                    assert part in one["reason"]
                assert f"'{one['name']}'" in found["msg"]
                assert one["reason"] in found["msg"]
        assert predicted["changes"] == done["changes"]
        assert predicted["diff"] == done["diff"]
        assert done["changed"] is bool(done["changes"])
        changes.append(done["changes"])
    assert changes[1] == [] or changes[0] == changes[1], "what is left is the same each time"
    return changes[0]


def test_a_pod_that_renames_its_device():
    run("endpoints", **options(PODS))
    do("ip", "-n", "web-2", "link", "set", "eth0", "down")
    do("ip", "-n", "web-2", "link", "set", "eth0", "name", "mine")
    wanted = [*PODS, pod("web-4", 4)]
    changes = unfinished({"web-2": ["netns 'web-2'", "'mine'", "'eth0'"]}, wanted, mtu=1400)
    assert changes == [
        *(f"change endpoint web-{number}" for number in (1, 2, 3)),
        "create endpoint web-4",
    ]
    for number in (1, 3, 4):
        assert ip(f"web-{number}", "link", "show", "eth0")[0]["mtu"] == 1400
        assert reaches("peer", f"10.111.160.{number}")
    # The node's end of it is as it shall be, and the pod's as the pod made it.
    assert ip_here("link", "show", HOST_DEVICE("web-2"))[0]["mtu"] == 1400
    assert ip("web-2", "link", "show", "mine")[0]["mtu"] == 1500
    # One that has that name instead is not taken for ours.
    do("ip", "-n", "web-2", "link", "add", "eth0", "type", "bridge")
    unfinished({"web-2": ["'mine'"]}, wanted, mtu=1400)
    do("ip", "-n", "web-2", "link", "del", "eth0")
    do("ip", "-n", "web-2", "link", "set", "mine", "name", "eth0")
    done = run("endpoints", **options(wanted))
    assert "change endpoint web-2" in done["changes"]
    assert_whole("web-2", "10.111.160.2")


def test_it_goes_whole_by_whatever_name():
    run("endpoints", **options(PODS))
    do("ip", "-n", "web-2", "link", "set", "eth0", "down")
    do("ip", "-n", "web-2", "link", "set", "eth0", "name", "mine")
    assert four_runs("endpoints", **options(PODS[:1]))["changes"] == [
        "remove endpoint web-2",
        "remove endpoint web-3",
    ]
    assert set(do("ip", "netns", "list").split()) & {"web-2", "web-3"} == set()


@pytest.mark.parametrize("keeps_ours", [True, False])
def test_a_pod_with_devices_of_its_own(keeps_ours):
    run("endpoints", **options(PODS))
    do("ip", "-n", "web-1", "link", "add", "docker0", "type", "bridge")
    do("ip", "-n", "web-1", "link", "add", "tun0", "type", "veth", "peer", "name", "tun1")
    if not keeps_ours:
        do("ip", "-n", "web-1", "link", "del", "eth0")
        until(lambda: HOST_DEVICE("web-1") not in do("ip", "link"))
        assert four_runs("endpoints", **options(PODS))["changes"] == ["change endpoint web-1"]
        do("ip", "-n", "web-1", "link", "del", "eth0")
        until(lambda: HOST_DEVICE("web-1") not in do("ip", "link"))
    else:
        assert run("endpoints", **options(PODS))["changes"] == []
        assert four_runs("endpoints", **options(PODS, mtu=1400))["changed"]
    assert {"docker0", "tun0"} < devices("web-1")
    assert four_runs("endpoints", **options(PODS[1:]))["changes"][0] == "remove endpoint web-1"
    assert "web-1" not in do("ip", "netns", "list").split()
    run("endpoints", **options(PODS))
    assert_whole("web-1", "10.111.160.1")
    assert devices("web-1") == {"lo", "eth0"}


def test_a_namespace_under_its_name_that_somebody_else_made():
    run("endpoints", **options(PODS))
    with busy("web-1"):
        do("ip", "netns", "del", "web-1")
        do("ip", "netns", "add", "web-1")
        do("ip", "-n", "web-1", "link", "add", "br0", "type", "bridge")
        run("endpoints", **options(PODS[1:]))
        assert devices("web-1") == {"lo", "br0"}
    # It is not taken for a pod's either.
    changes = unfinished({"web-1": ["netns 'web-1'", "br0"]}, PODS)
    assert changes == []
    do("ip", "netns", "del", "web-1")


def test_a_pod_that_holds_its_namespace_busy():
    run("endpoints", **options(PODS))
    with busy("web-1") as pid:
        do("ip", "-n", "web-1", "link", "add", "own0", "type", "bridge")
        assert four_runs("endpoints", **options(PODS[1:]))["changes"] == ["remove endpoint web-1"]
        assert "web-1" not in do("ip", "netns", "list").split()
        assert HOST_DEVICE("web-1") not in do("ip", "link")
        # Its processes are nobody's here to end: they have what they made, and no network of ours.
        assert devices(pid) == {"lo", "own0"}
        run("endpoints", **options(PODS))
        assert_whole("web-1", "10.111.160.1")
        assert devices(pid) == {"lo", "own0"}


def test_a_pod_that_renames_its_loopback_device():
    run("endpoints", **options(PODS))
    do("ip", "-n", "web-1", "link", "set", "lo", "down")
    do("ip", "-n", "web-1", "link", "set", "lo", "name", "loop")
    assert four_runs("endpoints", **options(PODS))["changes"] == ["change endpoint web-1"]
    assert "UP" in ip("web-1", "link", "show", "loop")[0]["flags"]
    (found,) = [one for one in run_module("netns_info")["namespaces"] if one["name"] == "web-1"]
    assert found["loopback"] is True
    run("netns", names=["web-1"], loopback=False)
    assert "UP" not in ip("web-1", "link", "show", "loop")[0]["flags"]


def test_a_pod_named_by_digits_is_no_process():
    with process("sleep", "infinity") as pid:
        digits = pod(str(pid), 1)
        four_runs("endpoints", **options([digits]))
        assert_whole(str(pid), "10.111.160.1")
        assert reaches("peer", "10.111.160.1")
        assert devices(pid) == {"lo"}
        four_runs("endpoints", **options([]))
        assert str(pid) not in do("ip", "netns", "list").split()
        os.kill(pid, 0)
        # A process is meant where its path says so.
        four_runs("endpoints", **options([pod("web-1", 1, netns=f"/proc/{pid}/ns/net")]))
        assert devices(pid) == {"lo", "eth0"}
        run("endpoints", **options([]))


@pytest.mark.parametrize("module", ["veth", "bridge", "routes", "neighbors", "vxlan"])
def test_every_module_takes_digits_for_a_name(module):
    arguments = {
        "veth": {"veths": [{"name": "v0", "peer": {"name": "v1"}}]},
        "bridge": {"bridges": [{"name": "br0"}]},
        "vxlan": {"vxlans": [{"name": "vx0", "id": 7, "dstport": 8472}]},
        "routes": {"routes": [{"dst": "192.0.2.0/24", "dev": "lo"}]},
        "neighbors": {
            "neighbors": [{"dst": "192.0.2.1", "dev": "lo", "lladdr": "02:00:00:00:00:01"}]
        },
    }
    with process("sleep", "infinity") as pid:
        before = do("nsenter", "--net", f"--target={pid}", "ip", "-d", "-j", "link")
        done = run_module(module, netns=str(pid), **arguments[module])
        assert done.failed
        assert f"netns '{pid}' does not exist" in done["msg"]
        assert f"/proc/{pid}/ns/net" in done["msg"]
        assert do("nsenter", "--net", f"--target={pid}", "ip", "-d", "-j", "link") == before


def test_a_namespace_that_has_gone():
    with process("sleep", "infinity") as pid:
        attached = pod("db", 9, netns=f"/proc/{pid}/ns/net")
        run("endpoints", **options([*PODS, attached]))
    until(lambda: HOST_DEVICE("db") not in do("ip", "link"))
    wanted = [*PODS[1:], pod("web-4", 4), attached]
    changes = unfinished({"db": [f"netns '/proc/{pid}/ns/net'", "does not exist"]}, wanted)
    assert changes == ["remove endpoint web-1", "create endpoint web-4"]
    for number in (2, 3, 4):
        assert_whole(f"web-{number}", f"10.111.160.{number}")


def test_many_at_once():
    """Every kind of pod that is left, and those beside it that are done."""
    do("ip", "netns", "add", "foreign")
    do("ip", "-n", "foreign", "link", "add", "br0", "type", "bridge")
    taken = HOST_DEVICE("taken")
    do("ip", "link", "add", taken, "type", "bridge")
    run("endpoints", **options(PODS))
    do("ip", "-n", "web-1", "link", "set", "eth0", "down")
    do("ip", "-n", "web-1", "link", "set", "eth0", "name", "mine")
    do("ip", "-n", "web-2", "link", "add", "tun0", "type", "bridge")
    lost = pod("lost", 8, netns="/run/netns/no-such")
    others = [pod("foreign", 5), pod("taken", 6), pod("web-7", 7), lost]
    changes = unfinished(
        {
            "web-1": ["'mine'"],
            "foreign": ["netns 'foreign'", "br0"],
            "taken": [f"'{taken}'", "bridge"],
            "lost": ["'/run/netns/no-such'", "does not exist"],
        },
        [*PODS, *others],
    )
    assert changes == ["create endpoint web-7"]
    for number in (2, 3, 7):
        assert_whole(f"web-{number}", f"10.111.160.{number}")
    assert entries()["10.111.160.1"]  # as before
    do("ip", "link", "del", taken)


def test_what_an_endpoint_cannot_be_called():
    for name in (".", "..", "a/b"):
        done = run_module("endpoints", **options([pod(name, 1)]))
        assert done.failed
        assert f"name {name!r} is not valid" in done["msg"]
    assert names.endpoint_device("..") not in do("ip", "link")
    assert Path("/run/netns").is_dir()


def test_the_steps_after_it_are_done_and_the_end_says_what_is_left():
    """One process does many steps: that of the pods is one of them."""
    planned = plan("web-1", "web-2")
    run("converge", path="-", part="endpoints", _node=planned)
    do("ip", "-n", "web-1", "link", "set", "eth0", "down")
    do("ip", "-n", "web-1", "link", "set", "eth0", "name", "mine")
    do("ip", "-n", "web-2", "link", "set", "eth0", "mtu", "1400")
    found = [
        run_module("converge", path="-", part="endpoints", check=check, _node=planned)
        for check in (True, False, False)
    ]
    for one in found:
        assert one.failed
        assert [each["name"] for each in one["unfinished"]] == ["web-1"]
        assert "All is done but 'web-1'." in one["msg"]
    assert [one["changes"] for one in found] == [["change endpoint web-2"]] * 2 + [[]]


def disabled(device, netns=None):
    """Return what is set for IPv6 of a device, None where it has none."""
    inside = ("ip", "netns", "exec", netns) if netns else ()
    listed = do(*inside, "ls", "/proc/sys/net/ipv6/conf").split()
    name = f"net/ipv6/conf/{device}/disable_ipv6"
    return int(do(*inside, "sysctl", "-n", name)) if device in listed else None


def test_a_pod_that_lowers_its_mtu_below_that_of_ipv6():
    run("endpoints", **options(PODS))
    do("ip", "-n", "web-1", "link", "set", "eth0", "mtu", "1000")
    do("ip", "-n", "web-1", "addr", "flush", "dev", "eth0")
    do("ip", "-n", "web-1", "addr", "add", "192.0.2.1/24", "dev", "eth0")
    assert disabled("eth0", "web-1") is None
    assert four_runs("endpoints", **options(PODS))["changes"] == ["change endpoint web-1"]
    assert_whole("web-1", "10.111.160.1")
    assert disabled("eth0", "web-1") == 1
    assert reaches("peer", "10.111.160.1")


def test_pods_with_an_mtu_below_that_of_ipv6_and_then_above():
    four_runs("endpoints", **options(PODS, mtu=1000))
    assert disabled("eth0", "web-1") is None
    assert disabled(HOST_DEVICE("web-1")) is None
    assert reaches("peer", "10.111.160.1")
    four_runs("endpoints", **options(PODS, mtu=1280))
    assert disabled("eth0", "web-1") == disabled(HOST_DEVICE("web-1")) == 1


def test_an_error_in_a_pods_namespace_is_a_sentence():
    run("endpoints", **options(PODS))
    do("ip", "-n", "web-1", "link", "set", "eth0", "mtu", "1400")
    setting = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"
    with namespaces.inside("web-1"):
        do("mount", "--bind", setting, setting)
        do("mount", "-o", "remount,bind,ro", setting)
    try:
        done = run_module("endpoints", **options(PODS))
    finally:
        with namespaces.inside("web-1"):
            do("umount", setting)
    (one,) = done["unfinished"]
    assert one["name"] == "web-1"
    assert one["reason"].startswith(f"the kernel refused {setting} with Read-only file system; ")
