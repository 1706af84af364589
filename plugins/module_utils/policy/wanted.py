# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a node is to hold of policies, from options to entries of maps; and what cannot be."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..datapath import policy_layout as layout
from ..engine import addresses
from ..engine.failure import Failure
from . import packed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Both directions, and what options call their sets.
INGRESS, EGRESS = DIRECTIONS = ("ingress", "egress")
_PORT_BITS = layout.POLICY_RULE_ALL_BITS - layout.POLICY_RULE_BITS
_MAPPED_BITS = 96
_ALL = 0xFFFFFFFF

_ENTRY = (
    "a list of five numbers: class, protocol (0 to 255), port (0 to 65535), bits (0 to 32) of "
    "protocol, a zero byte and port that count, those behind them 0, and rule"
)


@dataclass(frozen=True)
class RuleSet:
    """A set: its name for people, and its entries of ``policy_rules``."""

    name: str
    direction: str
    entries: Mapping[bytes, bytes]


@dataclass
class Wanted:
    """What a node is to hold.

    :param classes: entries of ``policy_classes``, all of one partition.
    :param pods: by address.
    :param netns: the namespaces of pods, by address, of those that have one.
    :param rules: names by number.
    """

    partition: int = 0
    classes: dict[bytes, bytes] = field(default_factory=dict)
    sets: dict[int, RuleSet] = field(default_factory=dict)
    pods: dict[bytes, packed.Pod] = field(default_factory=dict)
    netns: dict[bytes, str] = field(default_factory=dict)
    rules: dict[int, str] = field(default_factory=dict)

    def names(self) -> dict[bytes, bytes]:
        """Return the entries of ``policy_names``; ``policy_counters`` has one for each, too."""
        found = {(number, layout.POLICY_RULE): name for number, name in self.rules.items()}
        audited = {number for pod in self.pods.values() for number in pod[3:] if number}
        enforced = {number for pod in self.pods.values() for number in pod[1:3] if number}
        for kind, numbers in ((layout.POLICY_SET, enforced), (layout.POLICY_AUDIT, audited)):
            found.update({(number, kind): self.sets[number].name for number in numbers})
        return {packed.NUMBER.pack(*key): packed.name_value(name) for key, name in found.items()}


def read(options: Mapping[str, Any]) -> Wanted:
    """Read the options of the module.

    :raises Failure: for the first value that is wrong.
    """
    found = Wanted(_number(options.get("partition") or 0, "partition", 0))
    for block, number in (options.get("classes") or {}).items():
        where = f"classes[{block!r}]"
        key = _class_key(found.partition, str(block))
        found.classes[key] = packed.number(_number(number, where, 1))
    if found.classes and not found.partition:
        raise Failure("partition: 0 has no classes; valid is a number from 1 to 4294967295.")
    for at, one in enumerate(options.get("sets") or ()):
        _read_set(found, one, f"sets[{at}]")
    for at, one in enumerate(options.get("pods") or ()):
        _read_pod(found, one, f"pods[{at}]")
    for number, name in (options.get("rules") or {}).items():
        found.rules[_number(number, f"rules[{number!r}]", 1)] = str(name)
    _check_room(found)
    return found


def set_name(direction: str, policies: Sequence[str]) -> str:
    """Return what a set is called: its direction and the policies that isolate."""
    return " ".join((direction, *policies))


def _read_set(found: Wanted, one: Mapping[str, Any], where: str) -> None:
    number = _number(one["number"], f"{where}.number", 1)
    if number in found.sets:
        raise Failure(f"{where}.number: {number} stands in the list already; name it once.")
    name = set_name(one["direction"], one["policies"])
    entries = {}
    prefix = packed.number(number)
    for at, entry in enumerate(one["entries"]):
        try:
            key, rule = _entry(prefix, *entry)
        except (ValueError, TypeError, AttributeError, OverflowError, struct.error):
            raise Failure(f"{where}.entries[{at}]: {entry!r} is not {_ENTRY}.") from None
        entries[key] = rule
    found.sets[number] = RuleSet(name, one["direction"], entries)


def _entry(
    prefix: bytes, peers: int, protocol: int, port: int, bits: int, rule: int
) -> tuple[bytes, bytes]:
    if not 0 <= bits <= _PORT_BITS or (protocol << 24 | port) & (_ALL >> bits):
        raise ValueError(bits)
    key = packed.RULE_KEY.pack(
        layout.POLICY_RULE_BITS + bits,
        prefix,
        peers.to_bytes(4, "big"),
        protocol,
        0,
        port.to_bytes(2, "big"),
    )
    return key, packed.RULE.pack(rule)


def _read_pod(found: Wanted, one: Mapping[str, Any], where: str) -> None:
    try:
        address = addresses.packed(one["ip"])
    except ValueError:
        raise Failure(
            f"{where}.ip: {one['ip']!r} is not an address; valid is one like 10.111.160.1."
        ) from None
    if address in found.pods:
        raise Failure(f"{where}.ip: {one['ip']} stands in the list already; name it once.")
    numbers = []
    for word in packed.Pod._fields[1:]:
        number = _number(one.get(word) or 0, f"{where}.{word}", 0)
        direction = word.rpartition("_")[2]
        if number and (number not in found.sets or found.sets[number].direction != direction):
            raise Failure(
                f"{where}.{word}: {number} is no set of {direction}; valid is the number of one of "
                f"sets with the direction {direction}, or 0 for a pod that is not isolated."
            )
        numbers.append(number)
    if any(numbers) and not found.classes:
        raise Failure(f"{where}: {one['ip']} has sets, and there are no classes; give classes.")
    if any(numbers):
        found.pods[address] = packed.Pod(found.partition, *numbers)
        if one.get("netns"):
            found.netns[address] = one["netns"]


def _class_key(partition: int, block: str) -> bytes:
    try:
        network = ipaddress.ip_network(block if "/" in block else "")
    except ValueError:
        raise Failure(
            f"classes: {block!r} is not a prefix; valid is one like 10.0.0.0/8 or fd00::/8."
        ) from None
    mapped = _MAPPED_BITS if network.version == 4 else 0
    address = addresses.packed(str(network.network_address))
    bits = layout.POLICY_CLASS_BITS + mapped + network.prefixlen
    return packed.CLASS_KEY.pack(bits, packed.number(partition), address)


def _number(value: Any, where: str, low: int) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not low <= number <= _ALL:
        raise Failure(f"{where}: {value!r} is not a number from {low} to {_ALL}.")
    return number


def _check_room(found: Wanted) -> None:
    counted = (
        ("pods", len(found.pods), layout.POLICY_PODS),
        ("classes", len(found.classes), layout.POLICY_CLASSES),
        ("entries", sum(len(one.entries) for one in found.sets.values()), layout.POLICY_RULES),
        ("names of rules and sets", len(found.names()), layout.POLICY_NAMES),
    )
    for what, count, table in counted:
        if count > table.max_entries:
            raise Failure(
                f"There are {count} {what}, and map {table.name!r} holds {table.max_entries}; "
                f"select fewer pods, or write fewer policies."
            )
