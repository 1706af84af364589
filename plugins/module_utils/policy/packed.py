# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps of policies as :mod:`struct` has them: a million entries without a loop over fields.

Numbers of partitions, sets and classes are four bytes in network order there, and addresses 16.
"""

from __future__ import annotations

from typing import NamedTuple

from ..datapath import policy_layout as layout

POD = layout.POLICY_PODS.value_struct
CLASS_KEY = layout.POLICY_CLASSES.key_struct
RULE_KEY = layout.POLICY_RULES.key_struct
RULE = layout.POLICY_RULES.value_struct
#: Number and kind, as the key of counters and of names.
NUMBER = layout.POLICY_NAMES.key_struct
NAME_SIZE = layout.POLICY_NAMES.value_struct.size
NO_COUNTS = bytes(layout.POLICY_COUNTERS.value_struct.size)

#: Where a key has its set, and its partition.
SET, PARTITION = slice(4, 8), slice(4, 8)
_MORE = "…"


class Pod(NamedTuple):
    """Value of a pod in the map ``policy_pods``: numbers, 0 where there is none."""

    partition: int
    ingress: int
    egress: int
    audit_ingress: int
    audit_egress: int

    @property
    def sets(self) -> tuple[int, ...]:
        """The sets that it has."""
        return tuple(number for number in self[1:] if number)

    def to(self, way: int) -> tuple[int, int]:
        """Return the sets of what comes in (``POLICY_INGRESS``), or goes out: enforced, audited."""
        if way == layout.POLICY_INGRESS:
            return self.ingress, self.audit_ingress
        return self.egress, self.audit_egress


NO_POD = Pod(0, 0, 0, 0, 0)


def number(value: int) -> bytes:
    """Return the four bytes of a number."""
    return value.to_bytes(4, "big")


def pod_value(pod: Pod, selected: int) -> bytes:
    """Return the value of a pod; ``selected``: since when it is judged, seconds since boot."""
    return POD.pack(*map(number, pod), selected)


def pod(value: bytes) -> Pod:
    """Return what a value says of a pod."""
    return Pod._make(int.from_bytes(each, "big") for each in POD.unpack(value)[:-1])


def selected(value: bytes) -> int:
    """Return since when the pod of a value is judged, seconds since boot."""
    return int(POD.unpack(value)[-1])


def of_set(key: bytes) -> int:
    """Return the set of a key of ``policy_rules``."""
    return int.from_bytes(key[SET], "big")


def of_partition(key: bytes) -> int:
    """Return the partition of a key of ``policy_classes``."""
    return int.from_bytes(key[PARTITION], "big")


def name_value(name: str) -> bytes:
    """Return the value of a name, cut where it has no room."""
    raw = name.encode()
    if len(raw) > NAME_SIZE:
        cut = raw[: NAME_SIZE - len(_MORE.encode())]
        raw = cut.decode(errors="ignore").encode() + _MORE.encode()
    return raw.ljust(NAME_SIZE, b"\0")
