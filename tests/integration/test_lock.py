"""Two runs at once on a node: one waits for the other, and a lock ends with its holder."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine import lock
from ansible_collections.podnet.fabric.plugins.module_utils.node import health
from bpf_support import bpftool
from node_support import NODE_IP
from running import FORK, Beside, run, run_module, until

pytest_plugins = ["node_support"]

SETTING = {"net.ipv4.ip_forward": 1}


@contextlib.contextmanager
def held(name="podnet.fabric.other"):
    """Let another process hold the lock for the length of a block; yield its number."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with lock.held(name):
                os.write(ready[1], b"1")
                os.read(done[0], 1)
        finally:
            os._exit(0)
    try:
        os.read(ready[0], 1)
        yield child
    finally:
        os.write(done[1], b"1")
        os.waitpid(child, 0)
        for end in (*ready, *done):
            os.close(end)


def is_waiting(pid_of):
    """Say whether a child of this test has the lock's file open and does not hold it."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and process.name != str(pid_of):
            with contextlib.suppress(OSError):
                names = [str(fd.readlink()) for fd in (process / "fd").iterdir()]
                if str(lock.FILE) in names:
                    return True
    return False


def test_a_run_waits_for_the_other_and_leaves_nothing(bare):
    with held() as other:
        waiting = Beside(run, "sysctls", values=SETTING)
        until(lambda: is_waiting(other))
        assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == "0\n"
        assert lock.FILE.stat().st_mode & 0o777 == 0o600
    assert waiting.result()["changed"] is True
    assert not lock.FILE.exists()


def test_a_run_that_waits_too_long_says_for_which_and_changes_nothing(bare, monkeypatch):
    monkeypatch.setattr(lock, "WAIT", 0.2)
    with held() as other:
        done = run_module("sysctls", values=SETTING)
    assert done.failed
    assert f"process {other} (podnet.fabric.other), since 20" in done["msg"]
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == "0\n"
    assert run("sysctls", values=SETTING)["changed"] is True


def test_who_reads_waits_for_nobody(bare, monkeypatch):
    monkeypatch.setattr(lock, "WAIT", 0)
    with held():
        assert not run_module("netns_info", _ansible_module_name="podnet.fabric.netns_info").failed
        assert run_module("sysctls", check=True, values=SETTING)["changed"] is True


def test_a_lock_ends_with_its_holder(bare, monkeypatch):
    with held() as other:
        os.kill(other, signal.SIGKILL)
        # What it leaves is a file, which holds up nobody.
        until(lambda: Path(f"/proc/{other}/stat").read_text().split()[2] == "Z")
        assert lock.FILE.exists()
        monkeypatch.setattr(lock, "WAIT", 0)
        run("sysctls", values=SETTING)
    assert not lock.FILE.exists()


def test_what_a_run_leaves_running_does_not_hold_it(bare, monkeypatch):
    monkeypatch.setattr(lock, "WAIT", 0)
    run("health_responder", places=[{"address": NODE_IP}], lifetime=60)
    try:
        responder = int(health.PID_FILE.read_text().split()[0])
        os.kill(responder, 0)
        assert health.PID_FILE.stat().st_mode & 0o777 == 0o600
        run("sysctls", values=SETTING)
    finally:
        run("health_responder", state="stopped")


@pytest.mark.usefixtures("bare")
def test_runs_at_the_same_instant_have_the_same_maps():
    fields = [{"name": "n", "type": "u32"}]
    for number in range(12):
        path = f"/sys/fs/bpf/podnet/maps/t{number}"
        one = {"path": path, "key": fields, "value": fields, "max_entries": 8, "type": "hash"}
        start = FORK.Barrier(2)

        def together(maps=(one,), start=start):
            start.wait()
            return run_module("bpf_map", maps=list(maps))

        found = [each.result() for each in [Beside(together) for _each in range(2)]]
        assert [each.get("msg") for each in found] == [None, None]
        pinned = bpftool("map", "show", "pinned", path)["id"]
        assert [each["maps"][0]["id"] for each in found] == [pinned, pinned]
        assert sorted(each["changed"] for each in found) == [False, True]
