"""What is read out of a verifier's log, and the names of pins."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf.compiler import verdict
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf.hooks import Place

FILES = {"x/main.c": "int f(void)\n{\n\treturn g();\n}\n", "x/lib/h.h": "\treturn p[12];\n"}
LOG = """bpf: Failed to load program: Permission denied
0: R1=ctx() R10=fp0
; return g();{main}
0: (61) r1 = *(u32 *)(r1 +76)         ; R1=pkt(r=0)
; return p[12];{header}
1: (71) r0 = *(u8 *)(r1 +12)
invalid access to packet, off=12 size=1, R1(id=0,off=12,r=0)
R1 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""
OBJECTION = (
    "invalid access to packet, off=12 size=1, R1(id=0,off=12,r=0); "
    "R1 offset is outside of the packet"
)


@pytest.mark.parametrize(
    ("main", "header", "place"),
    [
        (" @ main.c:3", " @ h.h:1", "x/lib/h.h:1"),  # Linux 6.9 and newer
        ("", "", "x/lib/h.h:1"),  # before: the text alone
    ],
)
def test_the_verifiers_objection_and_its_place(main: str, header: str, place: str) -> None:
    log = LOG.format(main=main, header=header).splitlines()
    assert verdict(log, FILES) == (OBJECTION, place)


def test_a_line_that_stands_twice_gives_no_place() -> None:
    log = LOG.format(main="", header="").splitlines()
    twice = {**FILES, "y.h": "\treturn p[12];\n"}
    assert verdict(log, twice) == (OBJECTION, "x/main.c:3")


def test_a_log_without_instructions_is_an_objection() -> None:
    assert verdict(["bpf: Failed", "unknown opcode 8d"], FILES) == ("unknown opcode 8d", "")


@pytest.mark.parametrize(
    ("place", "pin"),
    [
        (Place("tc_ingress", "eth0", folder="/f"), "/f/eth0-tc_ingress"),
        (Place("tc_egress", "eth0.100", folder="/f"), "/f/eth0%2E100-tc_egress"),
        (Place("xdp", "a@b", "blue", "/f"), "/f/blue@a%40b-xdp"),
        (
            Place("cgroup_bind4", "/sys/fs/cgroup", None, "/f"),
            "/f/%2Fsys%2Ffs%2Fcgroup-cgroup_bind4",
        ),
    ],
)
def test_pins_have_names_that_bpffs_takes(place: Place, pin: str) -> None:
    assert place.pin == pin
    assert not {".", "/"} & set(pin.removeprefix("/f/"))
