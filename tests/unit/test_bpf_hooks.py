# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of hooks: what each row says, and the names of places."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import btf, hooks, programs
from ansible_collections.podnet.fabric.plugins.module_utils.specs.bpf_program import SPEC

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = {
    "device": "eth0.7",
    "cgroup": "/sys/fs/cgroup/a.slice",
    "tracepoint": "sched:sched_process_exec",
    "kernel_function": "tcp_v4_connect",
}


@pytest.mark.parametrize("hook", hooks.HOOKS)
def test_a_place_is_read_back_from_its_pin(hook: str) -> None:
    place = hooks.Place(hook, TARGETS[hooks.HOOKS[hook].target], None, "/sys/fs/bpf/mine")
    assert hooks.place_of(place.pin, place.folder) == place
    assert not set("./") & set(place.pin.removeprefix("/sys/fs/bpf/mine/"))


@pytest.mark.parametrize("hook", hooks.HOOKS)
def test_each_hook_takes_a_type_that_is_known_and_an_option_that_there_is(hook: str) -> None:
    row = hooks.HOOKS[hook]
    assert row.program in programs.TYPES
    attach = SPEC.arguments["programs"]["options"]["attach"]["options"]
    assert row.target in attach


@pytest.mark.parametrize(
    ("hook", "aim"),
    [
        ("tc_ingress", hooks.ANY),
        ("cgroup_connect4", hooks.Aim(10)),
        ("cgroup_sock_ops", hooks.ANY),
        ("tracepoint", hooks.ANY),
        ("raw_tracepoint", hooks.ANY),
        ("tp_btf", hooks.Aim(23, "sched:sched_process_exec")),
        ("fentry", hooks.Aim(24, "tcp_v4_connect")),
        ("fexit", hooks.Aim(25, "tcp_v4_connect")),
    ],
)
def test_a_program_names_what_its_hook_needs(hook: str, aim: hooks.Aim) -> None:
    assert hooks.aim(hooks.Place(hook, TARGETS[hooks.HOOKS[hook].target])) == aim


def written(types: bytes, strings: bytes) -> bytes:
    """Types and their strings as the kernel shows them."""
    sizes = (0, len(types), len(types), len(strings))
    return struct.pack("=HBB5I", 0xEB9F, 1, 0, 24, *sizes) + types + strings


def test_names_are_read_of_the_kernel_and_its_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kind(number: int, name: int, members: int = 0) -> bytes:
        return struct.pack("=3I", name, number << 24 | members, 0)

    strings = b"\0open\0btf_trace_kfree_skb\0word\0"
    function, typedef, word = 1, 6, 26
    types = kind(4, word, 2) + bytes(24) + kind(8, typedef) + kind(8, word) + kind(12, function)
    (tmp_path / "vmlinux").write_bytes(written(types, strings))
    more = kind(6, word, 1) + bytes(8) + kind(12, len(strings))
    (tmp_path / "module").write_bytes(written(more, b"close\0"))
    monkeypatch.setattr(btf, "FOLDER", tmp_path)
    monkeypatch.setattr(btf, "KERNEL", tmp_path / "vmlinux")
    btf.traceable.cache_clear()
    try:
        assert btf.traceable() == ({"open", "close"}, {"kfree_skb"})
    finally:
        btf.traceable.cache_clear()
