"""What is read out of a verifier's log, and the names of pins."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import limits
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf.compiler import (
    Source,
    verdict,
)
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


def test_a_line_behind_the_last_one_is_not_taken_for_the_place() -> None:
    log = LOG.format(main=" @ main.c:77", header=" @ h.h:99").splitlines()
    assert verdict(log, FILES) == (OBJECTION, "x/lib/h.h:1")


NO_VARIABLES = """
#define many static int a = 1;
/* static int b; */ // int c;
typedef unsigned short port;
extern int elsewhere;
struct key { int family; int number; };
struct header { int d; } BPF_PACKET_HEADER;
int prototype(int number);
BPF_HASH(table, struct key, u64);
enum { E, F };
static inline int f(int number)
{
    struct key local = { .family = 1 };
    if (number) { int inner = 1; return inner; }
    return local.family;
}
"""


@pytest.mark.parametrize(
    ("added", "place"),
    [
        ("static volatile unsigned long long packets;", "packets"),
        ("struct key first;", "first"),
        ("static struct key table[4] = { {1, 2}, {3, 4} };", "table"),
        ("int g(void)\n{\n\tif (1) { static int calls = 0; }\n\treturn 0;\n}", "calls"),
        ('const char words[] = "a;b"; int *number = 0;', "number"),
        ("static const int only = 3;", "only"),
        ("", ""),
    ],
)
def test_global_variables_are_found_where_the_kernel_refuses(added: str, place: str) -> None:
    text = f"{NO_VARIABLES}{added}\n"
    said = limits.explained(["R1 invalid mem access 'scalar'"], Source("m.c", {"m.c": text}))
    lines = [at for at, line in enumerate(text.splitlines(), 1) if place and place in line]
    assert said.partition(" is a global")[0] == (f"m.c:{lines[-1]}: {place}" if place else "")


def test_no_limit_explains_another_objection() -> None:
    source = Source("m.c", {"m.c": "int packets;\n"})
    assert limits.explained(["R0 !read_ok"], source) == ""
