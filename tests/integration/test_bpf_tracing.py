# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs at tracepoints: attached, replaced without a gap, removed; bad input is named."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import attach
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from bpf_support import bpftool, pins, program, program_four
from running import do, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["bpf_host"]

SOURCE = Path(__file__).parent / "programs/libbpf/trace.c"
FOLDER = "/sys/fs/bpf/mine"
SEEN = f"{FOLDER}/maps/seen"
TARGETS = {
    "tracepoint": "sched:sched_process_exec",
    "raw_tracepoint": "sched_process_exec",
    "tp_btf": "sched_process_exec",
}
BCC = """
BPF_HASH(seen, u32, u64, 4096);
int trace(void *ctx)
{
    seen.increment(bpf_get_current_pid_tgid() >> 32);
    return 0;
}
"""


@pytest.fixture
def traced(host: None) -> Iterator[None]:
    """Be on a host of the test's own with tracefs, as systemd mounts it."""
    do("mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing")
    yield
    do("umount", "/sys/kernel/tracing")


def trace(hook: str, version: int = 1, **options: Any) -> dict[str, Any]:
    """The program at a hook of tracepoints."""
    return {
        "name": "trace",
        "src": str(SOURCE),
        "dialect": "libbpf",
        "defines": {"VERSION": str(version)},
        "maps": {"seen": SEEN},
        "pin": f"{FOLDER}/programs/trace",
        "link_pins": f"{FOLDER}/links",
        "attach": [{"hook": hook, "tracepoint": TARGETS.get(hook)}],
        **options,
    }


def bcc(hook: str, version: int = 1, **options: Any) -> dict[str, Any]:
    """The same in BCC's dialect."""
    item = trace(hook, version, dialect="bcc", source=BCC, **options)
    return {key: value for key, value in item.items() if key != "src"}


def started() -> int:
    """Start a program; return the process that did."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


def seen() -> dict[int, int]:
    """Processes that the program has counted."""
    fields = {"key": [{"name": "process", "type": "u32"}], "value": [{"name": "n", "type": "u64"}]}
    (found,) = run("bpf_map_info", maps=[{"path": SEEN, **fields}])["maps"]
    return {entry["key"]["process"]: entry["value"]["n"] for entry in found["entries"]}


def link_of(hook: str) -> dict[str, Any]:
    """What bpftool says of the link."""
    name = f"{TARGETS[hook].replace(':', '%3A')}-{hook}"
    return bpftool("link", "show", "pinned", f"{FOLDER}/links/{name}")


MADE = [(trace, hook) for hook in TARGETS] + [(bcc, "tracepoint"), (bcc, "raw_tracepoint")]


@pytest.mark.parametrize(("made", "hook"), MADE, ids=lambda one: getattr(one, "__name__", one))
def test_a_program_at_a_tracepoint_counts_until_it_is_removed(
    traced: None, made: Any, hook: str
) -> None:
    program_four(made(hook))
    process = started()
    assert seen()[process] == 1
    (one,) = run("bpf_program_info", devices=[], cgroups=[], pins=[FOLDER])["programs"]
    link = link_of(hook)
    assert one["id"] == link["prog_id"]
    target = {"tracepoint": TARGETS[hook]}
    assert one["attached"] == [
        {"hook": hook, **target, "mechanism": "tracing", "link_id": link["id"]}
    ]
    assert attach.prune(f"{FOLDER}/links") == []
    program_four(made(hook, 2))
    after = link_of(hook)
    assert after["prog_id"] not in (link["prog_id"], None)
    program_four(made(hook, 2, state="absent"))
    process = started()
    assert process not in seen()
    assert pins(FOLDER) == ["maps/seen"]


@pytest.mark.parametrize("hook", TARGETS)
def test_no_event_is_missed_while_programs_are_replaced(traced: None, hook: str) -> None:
    assert not program(trace(hook)).failed
    processes: list[int] = []
    done = threading.Event()

    def start() -> None:
        while not done.is_set():
            processes.append(started())

    # In a thread that keeps the mounts of the test: it reads none.
    starter = threading.Thread(target=start)
    starter.start()
    try:
        for version in (2, 3):
            some = len(processes) + 5
            wait_for("some are started", lambda some=some: len(processes) > some)
            assert not program(trace(hook, version)).failed
    finally:
        done.set()
        starter.join()
    assert set(processes) - set(seen()) == set()


def test_a_new_version_of_another_hook_needs_the_old_one_to_go(traced: None) -> None:
    assert not program(trace("tp_btf")).failed
    other = trace("raw_tracepoint")
    done = program(other)
    assert done["msg"] == (
        "program trace: it is attached to tp_btf of sched_process_exec, which this version is not "
        "loaded for; list that hook with state absent, or give this version another name."
    )
    assert link_of("tp_btf")["prog_id"]
    gone = {**trace("tp_btf")["attach"][0], "state": "absent"}
    program_four({**other, "attach": [*other["attach"], gone]})
    assert pins(f"{FOLDER}/links") == ["sched_process_exec-raw_tracepoint"]


@pytest.fixture
def without_btf(traced: None) -> Iterator[None]:
    """Be on a kernel that does not tell its types."""
    do("mount", "-t", "tmpfs", "none", "/sys/kernel/btf")
    yield
    do("umount", "/sys/kernel/btf")


def test_an_attachment_that_fails_leaves_the_old_link(without_btf: None) -> None:
    hook = "raw_tracepoint"
    assert not program(bcc(hook)).failed
    before = link_of(hook)
    nowhere = {"hook": hook, "tracepoint": "none"}
    pin = f"{FOLDER}/programs/other"
    other = bcc(hook, name="other", function="trace", pin=pin, attach=[nowhere])
    done = program(bcc(hook, 2), other)
    assert done["msg"].startswith(
        "The kernel refused to attach program trace to raw_tracepoint of none: "
        "No such file or directory."
    )
    assert link_of(hook) == before
    process = started()
    assert seen()[process] == 1
    assert pins(FOLDER) == [
        "links/sched_process_exec-raw_tracepoint",
        "maps/seen",
        "programs/trace",
    ]


def test_what_a_killed_run_left_is_taken_over(traced: None) -> None:
    hook = "tp_btf"
    assert not program(trace(hook)).failed
    before = link_of(hook)
    pin = Path(FOLDER, "links", f"sched_process_exec-{hook}")
    pin.rename(f"{pin}~new")
    program_four(trace(hook))
    assert link_of(hook)["id"] == before["id"]
    assert pins(f"{FOLDER}/links") == [pin.name]


@pytest.mark.parametrize(
    ("hook", "attach_options", "message"),
    [
        (
            "tp_btf",
            {"tracepoint": "sched_process_exek"},
            "program trace: this kernel has no tracepoint 'sched_process_exek' for hook tp_btf; "
            "it has sched_process_exec, sched_process_free, sched_process_exit.",
        ),
        (
            "raw_tracepoint",
            {"tracepoint": "sched:sched_process_exec"},
            "program trace: this kernel has no tracepoint 'sched:sched_process_exec' for hook "
            "raw_tracepoint; it has sched_process_exec, sched_process_free, sched_process_exit.",
        ),
        (
            "tracepoint",
            {"tracepoint": "sched_process_exec"},
            "program trace: this kernel has no tracepoint (category:name) 'sched_process_exec' for "
            "hook tracepoint; it has sched:sched_process_exec, sched:sched_process_free, "
            "sched:sched_process_exit.",
        ),
        (
            "tracepoint",
            {"tracepoint": "net:../sched/sched_process_exec"},
            "program trace: this kernel has no tracepoint (category:name) "
            "'net:../sched/sched_process_exec' for hook tracepoint; it has "
            "sched:sched_process_exec, sched:sched_process_free, sched:sched_process_exit.",
        ),
        (
            "fentry",
            {"kernel_function": "tcp_v4_conect"},
            "program trace: this kernel has no function 'tcp_v4_conect' for hook fentry; it has "
            "tcp_v4_connect, tcp_v6_connect, tcp_v4_pre_connect.",
        ),
        (
            "fexit",
            {},
            "program trace: hook fexit is attached to a kernel_function; give one.",
        ),
        (
            "fexit",
            {"tracepoint": "sched_process_exec"},
            "program trace: hook fexit takes kernel_function, not tracepoint.",
        ),
        (
            "cgroup_sock_ops",
            {"device": "eth0"},
            "program trace: hook cgroup_sock_ops takes cgroup, not device.",
        ),
    ],
)
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_what_there_is_not_is_named_before_anything_is_changed(
    traced: None, hook: str, attach_options: dict[str, Any], message: str, check: bool
) -> None:
    item = trace(hook, attach=[{"hook": hook, **attach_options}])
    assert program(item, check=check)["msg"] == message
    assert pins(FOLDER) == []


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            trace("tp_btf", attach=[], type="tracing"),
            "program trace: type tracing is loaded for a hook; attach names none.",
        ),
        (
            trace(
                "fentry",
                attach=[
                    {"hook": "fentry", "kernel_function": name}
                    for name in ("icmp_rcv", "icmp_send")
                ],
            ),
            "program trace: a program of type tracing is loaded for one hook, and attach says "
            "fentry of icmp_rcv, fentry of icmp_send; give each a program of its own name.",
        ),
        (
            bcc("tp_btf"),
            "program trace: tp_btf is no hook of dialect 'bcc'; valid are dialect libbpf and an "
            "object, and for tracepoints the hooks tracepoint and raw_tracepoint.",
        ),
    ],
    ids=["no hook", "two functions", "bcc"],
)
def test_what_does_not_go_together_is_said(
    traced: None, item: dict[str, Any], message: str
) -> None:
    assert program(item)["msg"] == message
    assert pins(FOLDER) == []


def test_without_tracefs_the_mount_is_named(host: None) -> None:
    done = program(trace("tracepoint"))
    assert done["msg"] == (
        "program trace: hook tracepoint needs tracefs: mount it (mount -t tracefs tracefs "
        "/sys/kernel/tracing), or use raw_tracepoint."
    )
    assert pins(FOLDER) == []


def test_without_btf_the_hooks_that_do_without_are_named(without_btf: None) -> None:
    assert program(trace("tp_btf"))["msg"] == (
        "program trace: hook tp_btf needs the kernel's BTF, and this kernel has no "
        "/sys/kernel/btf/vmlinux; tracepoint and raw_tracepoint do without."
    )
    assert pins(FOLDER) == []
    assert not program(bcc("tracepoint")).failed
