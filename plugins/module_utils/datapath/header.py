# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The C headers that programs share with Python, made from ``layout.py`` and ``reasons.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine import fields as bpf_fields
from . import (
    drop_layout,
    event_layout,
    flow_layout,
    layout,
    nat_layout,
    policy_layout,
    reasons,
    service_layout,
)
from .structs import C_TYPES, Field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .structs import Layout

_MADE = """/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

"""
_COMMON = """#include "bpf.h"

/* IPv4 a.b.c.d is ::ffff:a.b.c.d: one path for both families. */
struct address {
\tunion {
\t\t__u8 bytes[16];
\t\t__u32 words[4];
\t};
};
"""


#: Maps by the header that has them; all others are in the first one.
_APART = {
    "maps_service.h": service_layout.MAPS,
    "maps_nat.h": nat_layout.MAPS,
    "maps_policy.h": policy_layout.MAPS,
    "maps_drop.h": drop_layout.MAPS,
    "maps_event.h": event_layout.MAPS,
    "maps_flow.h": flow_layout.MAPS,
}


def render() -> dict[str, str]:
    """Return the texts of the headers by their names in ``bpf/lib``; ``shared.h`` has them all."""
    apart = [table for tables in _APART.values() for table in tables]
    maps = {"maps.h": [table for table in layout.MAPS if table not in apart], **_APART}
    return {
        "common.h": _common(),
        **{name: _layouts(tables) for name, tables in maps.items()},
        "shared.h": _MADE + "".join(f'#include "{name}"\n' for name in maps),
        "reasons.h": _reasons(),
    }


def _common() -> str:
    defines = (f"#define {name} {number}\n" for name, number in layout.DEFINES.items())
    return "".join((_MADE, _COMMON, "\n", *defines))


def _layouts(tables: Iterable[Layout]) -> str:
    parts = [_MADE, '#include "common.h"\n']
    for table in tables:
        if table in layout.MAPS and table not in layout.PROGRAM_MAPS:
            continue
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
