"""What C and Python share: one layout, one list of verdicts, and the header made from them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    flow_layout,
    header,
    layout,
    reasons,
)
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.service_layout import (
    SERVICE_STATE,
    SERVICES,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine import fields as bpf_fields
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.services.packed import Numbers
from ansible_collections.podnet.fabric.plugins.module_utils.services.state import State

BPF = Path(__file__).parent.parent.parent / "bpf"

#: A value of each type that tells its bytes apart, and the C that writes it to where p points.
SAMPLES = {
    "u8": (0x01, "*(__u8 *)p = 0x01;"),
    "u16": (0x0102, "*(__u16 *)p = 0x0102;"),
    "u32": (0x01020304, "*(__u32 *)p = 0x01020304;"),
    "u64": (0x0102030405060708, "*(__u64 *)p = 0x0102030405060708;"),
    "be16": (0x0102, "p[0] = 1; p[1] = 2;"),
    "be32": (0x01020304, "p[0] = 1; p[1] = 2; p[2] = 3; p[3] = 4;"),
    "bytes(32762)": ("ab", "p[0] = 'a'; p[1] = 'b';"),
    "mac": ("0a:58:0a:6f:a0:01", 'memcpy(p, "\\x0a\\x58\\x0a\\x6f\\xa0\\x01", 6);'),
    "ip16": ("10.111.160.1", "memset(p, 0, 10); memset(p + 10, 255, 2); "
             "p[12] = 10; p[13] = 111; p[14] = 160; p[15] = 1;"),
    "bytes(20)": ("abc", 'strcpy((char *)p, "abc");'),
    "bytes(96)": ("abc", 'strcpy((char *)p, "abc");'),
    "bytes(256)": ("nginx-app-1", 'strcpy((char *)p, "nginx-app-1");'),
}  # fmt: skip

STRUCTS = {
    f"{table.name}_{role}": fields
    for table in (*layout.PROGRAM_MAPS, *flow_layout.MAPS)
    for role, fields in (("key", table.key), ("value", table.value))
    if [field.name for field in fields] not in ([], ["zero"])
}
#: What has rows: all but queues.
TABLES = [table for table in (*layout.MAPS, *flow_layout.MAPS) if table.key]


def compiled(source: str, folder: Path) -> list[str]:
    """Compile C for this machine, run it, return the lines that it prints."""
    file, program = folder / "main.c", folder / "main"
    file.write_text(source)
    command = ["gcc", "-Wall", "-Werror", f"-I{BPF}", str(file), "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return subprocess.run(
        [str(program)], capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize("name", header.render())
def test_the_header_is_the_one_that_the_layout_makes(name):
    assert (BPF / "lib" / name).read_text() == header.render()[name], (
        f"bpf/lib/{name} is not what layout.py and reasons.py say: run `make header`"
    )


def test_the_compiler_lays_out_what_python_packs(tmp_path):
    lines = []
    for name, fields in STRUCTS.items():
        lines.append(f"{{ struct {name} s = {{}}; __u8 *p; (void)p;")
        lines += [f"p = (__u8 *)&s.{field.name}; {SAMPLES[field.type][1]}" for field in fields]
        offsets = [f"(int)offsetof(struct {name}, {field.name})" for field in fields]
        shown = " ".join(["%d"] * (1 + len(fields)))
        lines.append(f'printf("{name} {shown} ", {", ".join(["(int)sizeof(s)", *offsets])});')
        lines.append('for (p = (void *)&s; p < (__u8 *)(&s + 1); p++) printf("%02x", *p);')
        lines.append('printf("\\n"); }')
    source = "#include <stddef.h>\n#include <stdio.h>\n#include <string.h>\n"
    source += (
        '#include "lib/reasons.h"\n#include "lib/shared.h"\nint main(void) {\n'
        + "\n".join(lines)
        + "\nreturn 0; }\n"
    )
    expected = []
    for name, fields in STRUCTS.items():
        sizes = [bpf_fields.size((field,)) for field in fields]
        offsets = [sum(sizes[:position]) for position in range(len(fields))]
        packed = bpf_fields.pack(fields, {f.name: SAMPLES[f.type][0] for f in fields})
        expected.append(" ".join(map(str, [name, sum(sizes), *offsets, packed.hex()])))
    assert compiled(source, tmp_path) == expected


def test_what_is_packed_is_unpacked():
    for fields in STRUCTS.values():
        values = {field.name: SAMPLES[field.type][0] for field in fields}
        assert bpf_fields.unpack(fields, bpf_fields.pack(fields, values)) == values


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_row_has_a_name_for_each_field(table):
    packed = [
        bpf_fields.pack(fields, {f.name: SAMPLES[f.type][0] for f in fields})
        for fields in (table.key, table.value)
    ]
    ((key, value),) = table.rows(*packed)
    for row, fields, raw in zip((key, value), (table.key, table.value), packed):
        at = 0
        for field in fields:
            end = at + bpf_fields.size((field,))
            said = getattr(row, field.name)
            is_number = isinstance(said, int)
            assert (said.to_bytes(end - at, sys.byteorder) if is_number else said) == raw[at:end]
            at = end
    assert table.key_struct.pack(*key) + table.value_struct.pack(*value) == b"".join(packed)


@pytest.mark.parametrize("table", layout.MAPS, ids=lambda table: table.name)
def test_a_value_of_another_version_is_read_as_far_as_it_is_known(table):
    size = table.value_struct.size
    whole = bytes(number % 256 for number in range(1, size + 1))
    assert table.value_row(whole + b"more") == table.value_row(whole)
    assert table.value_row(whole[: size // 2]) == table.value_row(
        whole[: size // 2] + bytes(size - size // 2)
    )


@pytest.mark.parametrize(
    "table", [one for one in layout.MAPS if one.old_key], ids=lambda table: table.name
)
def test_a_key_that_was_another_one_is_carried_over_whole(table):
    assert {field.name for field in table.old_key} < {field.name for field in table.key}
    assert bpf_fields.size(table.old_key) != bpf_fields.size(table.key)


@pytest.mark.parametrize(("row", "table"), [(Numbers, SERVICES), (State, SERVICE_STATE)])
def test_a_row_with_types_has_the_fields_of_its_layout(row, table):
    assert list(row._fields) == [field.name for field in table.value]


@pytest.mark.parametrize("table", layout.MAPS, ids=lambda table: table.name)
def test_a_struct_says_what_the_layout_says(table):
    """Numbers as they are, everything else as the bytes that it is there."""
    for fields, struct in ((table.key, table.key_struct), (table.value, table.value_struct)):
        values = {field.name: SAMPLES[field.type][0] for field in fields}
        raw = bpf_fields.pack(fields, values)
        found = struct.unpack(raw)
        assert struct.pack(*found) == raw
        for field, part in zip(fields, found):
            is_number = field.type in ("u8", "u16", "u32", "u64")
            said = part if is_number else bpf_fields.codec(field.type).unpack(part)
            assert said == values[field.name]


def test_the_compiler_counts_verdicts_and_hooks_alike(tmp_path):
    words = {f"VERDICT_{v.name.upper()}": v.number for v in reasons.VERDICTS}
    words |= {f"HOOK_{h.name.upper()}": h.number for h in reasons.HOOKS}
    for name in layout.DEFINES:
        words[name] = layout.DEFINES[name]
    body = "".join(f'printf("{word} %d\\n", (int){word});\n' for word in words)
    headers = "".join(f'#include "lib/{name}"\n' for name in header.render())
    source = f"#include <stdio.h>\n{headers}int main(void) {{\n{body}return 0; }}\n"
    assert compiled(source, tmp_path) == [f"{word} {number}" for word, number in words.items()]


def test_every_verdict_and_hook_has_one_name_and_one_number():
    for rows in (reasons.VERDICTS, reasons.HOOKS):
        assert len({row.name for row in rows}) == len(rows)
        assert len({row.number for row in rows}) == len(rows)
        assert all(row.what for row in rows)


def test_there_is_a_counter_for_every_verdict_of_every_hook():
    last = max(verdict.number for verdict in reasons.VERDICTS)
    assert last < layout.VERDICTS
    highest = max(hook.number for hook in reasons.HOOKS) * layout.VERDICTS + last
    assert highest < layout.METRICS.max_entries


def test_numbers_that_are_pinned_somewhere_stay():
    # A counter of a node that runs keeps its meaning over an upgrade: only add to this list.
    assert [(v.number, v.name, v.drops) for v in reasons.VERDICTS] == [
        (0, "to_endpoint", False),
        (1, "to_network", False),
        (2, "to_stack", False),
        (3, "arp_reply", False),
        (4, "to_overlay", False),
        (5, "masqueraded", False),
        (16, "unsupported_l3", True),
        (17, "malformed", True),
        (18, "spoofed_source", True),
        (19, "unanswered_arp", True),
        (20, "no_endpoint", True),
        (21, "blackhole_route", True),
        (22, "fib_failed", True),
        (23, "not_configured", True),
        (24, "unknown_vni", True),
        (25, "foreign_tunnel_endpoint", True),
        (26, "no_backend", True),
        (27, "no_local_backend", True),
        (28, "unknown_service_port", True),
        (29, "not_from_outside", True),
        (30, "source_not_allowed", True),
        (31, "unknown_fragment", True),
        (32, "nat_exhausted", True),
        (33, "ttl_exceeded", True),
        (34, "too_big", True),
        (35, "host_backend", True),
        (36, "nat_unsupported", True),
        (37, "unknown_connection", True),
        (38, "vlan_tagged", True),
        (39, "encapsulation_prohibited", True),
        (40, "nat_quota", True),
        (41, "ingress_denied", True),
        (42, "egress_denied", True),
    ]
    assert [(hook.number, hook.name) for hook in reasons.HOOKS] == [
        (0, "from_container"),
        (1, "from_netdev"),
        (2, "from_host"),
        (3, "from_overlay"),
        (4, "guard"),
        (5, "nodeport"),
        (6, "to_netdev"),
        (7, "socket"),
        (8, "to_container"),
    ]


def programs() -> str:
    return "".join(
        path.read_text() for path in BPF.rglob("*.[ch]") if path.name not in header.render()
    )


def test_every_verdict_is_used_by_a_program():
    texts = programs()
    unused = [v.name for v in reasons.VERDICTS if f"VERDICT_{v.name.upper()}" not in texts]
    assert unused == []


def test_every_constant_of_the_header_is_read_by_a_program():
    words = set(re.findall(r"\w+", programs()))
    assert [name for name in layout.DEFINES if name not in words] == []


@pytest.mark.parametrize("value", [5, None, "10.0.0", "10.0.0.01", "10.0.0.1/8", "fe80::1%eth0"])
def test_what_is_no_address_is_said_to_be_none(value):
    field = (bpf_fields.Field("client", "ip16"),)
    with pytest.raises(Failure, match=f"client: {value!r} is not a value of type ip16"):
        bpf_fields.pack(field, {"client": value})


def test_the_docs_say_of_each_drop_what_it_is_why_and_what_to_do():
    text = (BPF.parent / "docs/troubleshooting.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    drops = [(verdict.name, verdict.what) for verdict in reasons.VERDICTS if verdict.drops]
    assert [(name, what) for name, what, _cause, _remedy in rows] == drops


def test_the_docs_say_of_each_way_on_what_it_is():
    text = (BPF.parent / "docs/datapath.md").read_text()
    rows = re.findall(
        r"^\| `(\w+)` \| (.+) \|$", text.partition("## What becomes")[2], re.MULTILINE
    )
    on = [(verdict.name, verdict.what) for verdict in reasons.VERDICTS if not verdict.drops]
    assert rows[: len(on)] == on
