# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hooks that programs are attached to, and the places that these make with their targets."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

from ...names import LINK_PINS
from ..failure import Failure
from . import clsact, syscall
from .aim import ANY, Aim

Mechanism = Literal["tcx", "clsact", "xdp", "cgroup", "tracing"]


@dataclass(frozen=True)
class Hook:
    """One row of :data:`HOOKS`.

    :param program: type of the programs that it takes, a key of :data:`programs.TYPES`.
    :param number: enum bpf_attach_type.
    :param flags: of BPF_LINK_CREATE.
    :param loaded_for: the program must name the hook when it is loaded; one of type tracing names
        the target, too.
    :param target: option of the task that names what it is a hook of.
    """

    program: str
    number: int
    kind: Literal["tc", "xdp", "cgroup", "tracing"]
    flags: int = 0
    loaded_for: bool = False
    target: Literal["device", "cgroup", "tracepoint", "kernel_function"] = "device"


def _cgroup(program: str, **numbers: int) -> dict[str, Hook]:
    return {
        f"cgroup_{name}": Hook(program, number, "cgroup", loaded_for=True, target="cgroup")
        for name, number in numbers.items()
    }


#: Every hook by name.
HOOKS: dict[str, Hook] = {
    "tc_ingress": Hook("sched_cls", 46, "tc"),
    "tc_egress": Hook("sched_cls", 47, "tc"),
    "xdp": Hook("xdp", 37, "xdp"),
    "xdp_generic": Hook("xdp", 37, "xdp", flags=2),
    "xdp_native": Hook("xdp", 37, "xdp", flags=4),
    **_cgroup("cgroup_skb", ingress=0, egress=1),
    **_cgroup("cgroup_sock", sock_create=2, post_bind4=12, post_bind6=13, sock_release=34),
    **_cgroup("cgroup_sock_addr", bind4=8, bind6=9, connect4=10, connect6=11),
    **_cgroup("cgroup_sock_addr", sendmsg4=14, sendmsg6=15, recvmsg4=19, recvmsg6=20),
    **_cgroup("cgroup_sock_addr", getpeername4=29, getpeername6=30),
    **_cgroup("cgroup_sock_addr", getsockname4=31, getsockname6=32),
    **_cgroup("cgroup_sockopt", getsockopt=21, setsockopt=22),
    "cgroup_sock_ops": Hook("sock_ops", 3, "cgroup", target="cgroup"),
    "cgroup_device": Hook("cgroup_device", 6, "cgroup", target="cgroup"),
    "cgroup_sysctl": Hook("cgroup_sysctl", 18, "cgroup", target="cgroup"),
    "tracepoint": Hook("tracepoint", 41, "tracing", target="tracepoint"),
    "raw_tracepoint": Hook("raw_tracepoint", 0, "tracing", target="tracepoint"),
    "tp_btf": Hook("tracing", 23, "tracing", loaded_for=True, target="tracepoint"),
    "fentry": Hook("tracing", 24, "tracing", loaded_for=True, target="kernel_function"),
    "fexit": Hook("tracing", 25, "tracing", loaded_for=True, target="kernel_function"),
}


#: The tc hooks by the numbers that clsact has for them.
CLSACT_HOOKS = {"tc_ingress": clsact.INGRESS, "tc_egress": clsact.EGRESS}


@dataclass(frozen=True)
class Place:
    """A hook of one target.

    :param target: name of a device, of a tracepoint or of a function of the kernel, or path of a
        cgroup's folder.
    :param netns: namespace of the device; None for the current one.
    :param folder: where the link is pinned. One program a place and folder: programs of different
        owners live side by side by using different folders (with clsact they cannot).
    """

    hook: str
    target: str
    netns: str | None = None
    folder: str = LINK_PINS

    @property
    def pin(self) -> str:
        """Path of the link's pin: ``<netns>@<target>-<hook>``, escaped as bpffs needs it."""
        netns = "" if self.netns is None else f"{_escaped(self.netns)}@"
        return f"{self.folder}/{netns}{_escaped(self.target)}-{self.hook}"

    def __str__(self) -> str:
        """Say it as people would: ``tc_ingress of eth0``, ``... in netns blue``."""
        return f"{self.hook} of {self.target}" + (f" in netns {self.netns}" if self.netns else "")


def aim(place: Place) -> Aim:
    """Return what a program for a place must name when it is loaded."""
    row = HOOKS[place.hook]
    if not row.loaded_for:
        return ANY
    return Aim(row.number, place.target if row.kind == "tracing" else "")


@functools.cache
def has_tcx() -> bool:
    """Ask the kernel for the tcx programs of the loopback device: one without tcx refuses."""
    try:
        syscall.program_query(1, HOOKS["tc_ingress"].number, links=True)
    except OSError:
        return False
    return True


def mechanism(hook: str, mode: str) -> Mechanism:
    """Choose how a hook is attached.

    :param mode: ``tcx``, ``clsact``, or ``auto``: tcx where the kernel has it.
    :raises Failure: the mode asks for what the kernel lacks.
    """
    kind = HOOKS[hook].kind
    if kind != "tc":
        return kind
    if mode == "clsact":
        return "clsact"
    if has_tcx():
        return "tcx"
    if mode == "tcx":
        raise Failure("attach_mode tcx needs Linux 6.6 or newer; auto and clsact work here.")
    return "clsact"


_NAME = re.compile(rf"(?:(.+)@)?(.+)-({'|'.join(HOOKS)})")


def place_of(pin: str, folder: str) -> Place | None:
    """Return the place whose link is pinned so; None for a pin of another name."""
    named = _NAME.fullmatch(Path(pin).name)
    if named is None:
        return None
    netns, target, hook = named.groups()
    return Place(hook, unquote(target), None if netns is None else unquote(netns), folder)


def _escaped(name: str) -> str:
    # bpffs takes no dot and no slash in a name; a device may have the one, a path has the other.
    return quote(name, safe="").replace(".", "%2E")
