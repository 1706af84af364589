# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Notes of network policies among the flows: by them a reply is known. They translate nothing."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

from ..datapath.nat_layout import NAT
from ..datapath.policy_layout import POLICY_INGRESS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .flows import Key, Value

_SIZE, _VALUE_SIZE = NAT.key_struct.size, NAT.value_struct.size
#: Which of the 16-bit words of a key, the last one, says that it is a note.
_WORDS = _SIZE // 2


def keys(found: bytes) -> Iterator[bytes]:
    """Yield the keys of notes.

    :param found: all keys of the map in one piece.
    """
    for at in _places(found):
        yield found[at * _SIZE : (at + 1) * _SIZE]


def entries(found: bytes, values: bytes) -> Iterator[tuple[bytes, Key, Value]]:
    """Yield the key of each note, and the rows of its key and of its value.

    :param found: all keys of the map in one piece; ``values`` of them in the same order.
    """
    for at in _places(found):
        raw = found[at * _SIZE : (at + 1) * _SIZE]
        value = values[at * _VALUE_SIZE : (at + 1) * _VALUE_SIZE]
        yield raw, NAT.key_row(raw), NAT.value_row(value)


def _places(found: bytes) -> Iterator[int]:
    marks = memoryview(found).cast("H")[_WORDS - 1 :: _WORDS]
    return compress(range(len(marks)), marks)


def pod_of(key: Key) -> bytes:
    """Return the address of the pod that a note is of: it gets the reply, or sends it."""
    pod: bytes = key.destination if key.reserved == POLICY_INGRESS else key.source
    return pod
