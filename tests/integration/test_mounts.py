"""mounts: what eBPF needs is mounted, and goes again where it was ours."""

from __future__ import annotations

from pathlib import Path

from running import do, four_runs, run_module

pytest_plugins = ["node_support"]


def mounts():
    return [tuple(line.split()[:3]) for line in Path("/proc/self/mounts").read_text().splitlines()]


def test_mounts_what_is_not_mounted_and_takes_it_away(bare):
    do("umount", "/sys/fs/bpf")
    do("umount", "/sys/fs/cgroup")
    do("mount", "-t", "tmpfs", "none", "/sys/fs/cgroup")  # as a host has it beside v1 controllers
    done = four_runs("mounts")
    where = ["/sys/fs/bpf", "/sys/fs/cgroup/unified"]
    assert done["changes"] == [f"create mount {path}" for path in where]
    assert [one for one in mounts() if one[0] == "podnet"] == [
        ("podnet", "/sys/fs/bpf", "bpf"),
        ("podnet", "/sys/fs/cgroup/unified", "cgroup2"),
    ]
    assert Path("/sys/fs/bpf").stat().st_mode & 0o777 == 0o700
    assert Path("/sys/fs/cgroup/unified/cgroup.procs").exists()

    # Pins of others keep it; what is empty goes.
    Path("/sys/fs/bpf/others").mkdir()
    done = run_module("mounts", state="absent")
    assert done["changes"] == ["remove mount /sys/fs/cgroup/unified"]
    Path("/sys/fs/bpf/others").rmdir()
    done = four_runs("mounts", state="absent")
    assert done["changes"] == ["remove mount /sys/fs/bpf"]
    assert not [one for one in mounts() if one[2] in ("bpf", "cgroup2")][1:]


def test_mounts_of_others_stay(bare):
    for state in ("present", "absent"):
        before = mounts()
        assert run_module("mounts", state=state)["changes"] == []
        assert mounts() == before
