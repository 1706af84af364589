# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The C headers that programs share with Python, made from ``layout.py`` and ``reasons.py``."""

from __future__ import annotations

from ..engine import fields as bpf_fields
from . import layout, reasons
from .structs import C_TYPES, Field

_MADE = """/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

"""
_ADDRESS = """#include "bpf.h"

/* IPv4 a.b.c.d is ::ffff:a.b.c.d: one path for both families. */
struct address {
\tunion {
\t\t__u8 bytes[16];
\t\t__u32 words[4];
\t};
};
"""


def render() -> dict[str, str]:
    """Return the texts of the headers by their names in ``bpf/lib``."""
    return {"shared.h": _layouts(), "reasons.h": _reasons()}


def _layouts() -> str:
    parts = [_MADE, _ADDRESS, "\n"]
    parts += [f"#define {name} {number}\n" for name, number in layout.DEFINES.items()]
    for table in layout.PROGRAM_MAPS:
        parts.append(f"\n/* {table.name}: {table.what}. */\n")
        for role, fields in (("key", table.key), ("value", table.value)):
            if [f.name for f in fields] not in ([], ["zero"]):  # no key, or that of one entry
                parts.append(_struct(f"{table.name}_{role}", fields))
    return "".join(parts)


def _reasons() -> str:
    parts = [_MADE, "enum verdict {\n\tVERDICT_NONE = -1, /* undecided, or left as it is */\n"]
    parts += [
        f"\tVERDICT_{v.name.upper()} = {v.number}, /* {v.what} */\n" for v in reasons.VERDICTS
    ]
    parts.append("};\n\nenum hook {\n")
    parts += [f"\tHOOK_{h.name.upper()} = {h.number}, /* {h.what} */\n" for h in reasons.HOOKS]
    parts.append("};\n")
    return "".join(parts)


def _struct(name: str, fields: tuple[Field, ...]) -> str:
    size = bpf_fields.size(fields)
    members = "".join(f"\t{C_TYPES[f.type].format(f.name)}; /* {f.what} */\n" for f in fields)
    words = f"{name}: {size} bytes, no hidden padding"
    assertion = f'_Static_assert(sizeof(struct {name}) == {size}, "{words}");\n'
    return f"struct {name} {{\n{members}}};\n{assertion}"
