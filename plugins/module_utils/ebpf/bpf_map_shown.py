# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How maps, keys and values are shown to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..engine import fields
from ..engine.bpf import maps
from ..engine.map_spec import FLAGS, PER_CPU

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine.fields import Field
    from ..engine.map_spec import MapSpec


#: What follows the length in the key of an LPM trie of addresses.
_ADDRESSES = [["ipv4"], ["ipv6"], ["ip16"]]
_MAPPED = 96


def shape(spec: MapSpec) -> dict[str, Any]:
    """Describe a map by what makes two maps the same to a program."""
    return {
        "type": spec.type,
        "key_size": spec.key_size,
        "value_size": spec.value_size,
        "max_entries": spec.max_entries,
        "flags": [name for name, bit in FLAGS.items() if spec.all_flags & bit],
    }


def label(key: Sequence[Field], raw: bytes) -> str:
    """Write a key for people: ``10.0.0.1``, ``10.0.0.0/24``, or ``vni=7 port=80``."""
    found = fields.unpack(key, raw)
    if [field.type for field in key[:1]] == ["u32"] and [f.type for f in key[1:]] in _ADDRESSES:
        length, address = (found[field.name] for field in key)
        # IPv4 in 16 bytes stands behind 96 bits that are always the same.
        mapped = key[1].type == "ip16" and "." in address
        return f"{address}/{length - _MAPPED if mapped else length}"
    if len(found) == 1:
        return str(next(iter(found.values())))
    return " ".join(f"{name}={value}" for name, value in found.items())


def values(kind: str, value: Sequence[Field], raw: bytes) -> Any:
    """Value for people; of a per-CPU map a list where the CPUs differ."""
    size = fields.size(value)
    if kind not in PER_CPU:
        return fields.unpack(value, raw)
    slot = len(raw) // maps.possible_cpus()
    each = [fields.unpack(value, raw[at : at + size]) for at in range(0, len(raw), slot)]
    return each[0] if all(one == each[0] for one in each) else each
