# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The shape of a map: what the kernel is asked for, as plain data; ``engine/bpf/maps`` asks it."""

from __future__ import annotations

from dataclasses import dataclass

#: Name -> number in enum bpf_map_type.
TYPES = {
    "hash": 1,
    "array": 2,
    "prog_array": 3,
    "perf_event_array": 4,
    "percpu_hash": 5,
    "percpu_array": 6,
    "stack_trace": 7,
    "cgroup_array": 8,
    "lru_hash": 9,
    "lru_percpu_hash": 10,
    "lpm_trie": 11,
    "array_of_maps": 12,
    "hash_of_maps": 13,
    "devmap": 14,
    "sockmap": 15,
    "cpumap": 16,
    "xskmap": 17,
    "sockhash": 18,
    "queue": 22,
    "stack": 23,
    "sk_storage": 24,
    "devmap_hash": 25,
    "ringbuf": 27,
}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
PER_CPU = frozenset({"percpu_hash", "percpu_array", "lru_percpu_hash"})
#: Their entries are always there: they are set, and never added or removed.
ARRAYS = frozenset({"array", "percpu_array"})

#: An LPM trie allocates its nodes as they come and the kernel takes it no other way.
NO_PREALLOC = 1

#: Name -> bit of BPF_F_... of a map.
FLAGS = {
    "no_prealloc": 1,
    "no_common_lru": 2,
    "rdonly": 8,
    "wronly": 16,
    "zero_seed": 64,
    "rdonly_prog": 128,
    "wronly_prog": 256,
    "mmapable": 1024,
}


@dataclass(frozen=True)
class MapSpec:
    """Shape of a map.

    :param name: at most 15 characters, for people.
    :param type: a key of :data:`TYPES`.
    :param key_size: bytes.
    :param value_size: bytes of one value.
    :param max_entries: how many entries there is room for.
    :param flags: BPF_F_... of linux/bpf.h; an LPM trie gets its NO_PREALLOC by itself.
    """

    name: str
    type: str
    key_size: int
    value_size: int
    max_entries: int
    flags: int = 0

    @property
    def all_flags(self) -> int:
        """Flags with those that the type itself needs."""
        return self.flags | (NO_PREALLOC if self.type == "lpm_trie" else 0)
