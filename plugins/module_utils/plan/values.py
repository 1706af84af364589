# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Readers of values: from what stands in an inventory to what the planner counts with.

A reader takes one value and returns it in its proper type, or raises :class:`Invalid`. An empty
string means "not set", as AWX surveys send it, at every level. Numbers may be strings: an INI
inventory and ``--extra-vars`` have no others.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from ..names import ENDPOINT_NAME_MAX
from .prefix import Prefix, parse_address, parse_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What services balance.
PROTOCOLS = ("TCP", "UDP")

Reader = Callable[[Any], Any]

#: What a value that is not set looks like in a sentence.
NOT_SET = object()

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
#: Longest name of a pod: the kernel keeps it beside its device; DNS-1123 would have 253 characters.
NAME_MAX = ENDPOINT_NAME_MAX
#: Longest name of an object of Kubernetes'.
OBJECT_NAME_MAX = 253


class Invalid(Exception):
    """A value that cannot be: where it stands below its variable, and what would be valid."""

    def __init__(self, value: object, valid: str, path: str = "") -> None:
        """Keep the three parts of the sentence."""
        super().__init__(value, valid, path)
        self.value, self.valid, self.path = value, valid, path

    def below(self, step: str) -> Invalid:
        """Return the same, one level further up."""
        return Invalid(self.value, self.valid, step + self.path)

    def sentence(self, variable: str, of: str = "") -> str:
        """Return the whole sentence; ``of`` says whose variable it is."""
        is_ = "is not set" if self.value is NOT_SET else f"is {shown(self.value)}"
        return f"{variable}{self.path}{of} {is_}; valid is {self.valid}."


def shown(value: object) -> str:
    """Return a value as a sentence quotes it, cut where it is long."""
    quoted = repr(value)
    return quoted if len(quoted) <= 80 else quoted[:77] + "..."


def is_set(value: object) -> bool:
    """Say whether a value is given: neither absent nor an empty answer of a survey."""
    return value is not None and value != ""


def takes(read: Reader, value: object) -> bool:
    """Say whether a reader takes a value."""
    try:
        read(value)
    except Invalid:
        return False
    return True


@dataclass(frozen=True)
class Field:
    """One variable or key: how it is read, and what it is where it is not set.

    ``needed`` says what would be valid where a value must be set.
    """

    read: Reader
    default: Any = None
    needed: str = ""

    def value(self, given: object) -> Any:
        """Return the value read, or the default."""
        if self.needed and not is_set(given):
            raise Invalid(NOT_SET, self.needed)
        if self.needed and given == []:
            raise Invalid(given, self.needed)
        return self.read(given) if is_set(given) else self.default


def words(value: object) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise Invalid(value, "a text")
    return value


def _dns_name_of(most: int) -> Reader:
    def read(value: object) -> str:
        if not isinstance(value, str) or len(value) > most or not _NAME.fullmatch(value):
            raise Invalid(
                value,
                "a DNS-1123 name: lower-case letters, digits, '-' and '.', letters or digits at "
                f"both ends, at most {most} characters",
            )
        return value

    return read


#: Reader of the names that pods have.
dns_name = _dns_name_of(NAME_MAX)

#: Reader of the names that Kubernetes allows objects in general.
object_name = _dns_name_of(OBJECT_NAME_MAX)


def dns_label(value: object) -> str:
    """Read a DNS-1123 label, as containers have it."""
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        raise Invalid(
            value,
            "a DNS-1123 label: lower-case letters, digits and '-', letters or digits at both "
            "ends, at most 63 characters",
        )
    return value


def whole(low: int, high: int) -> Reader:
    """Make a reader of whole numbers from ``low`` to ``high``."""

    def read(value: object) -> int:
        number = int(value) if isinstance(value, str) and value.isdecimal() else value
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise Invalid(value, f"a whole number from {low} to {high}")
        return number

    return read


def zero_or(low: int, high: int) -> Reader:
    """Make a reader of whole numbers from ``low`` to ``high``, and of 0, which switches off."""
    within = whole(low, high)

    def read(value: object) -> int:
        if takes(whole(0, 0), value):
            return 0
        try:
            return int(within(value))
        except Invalid:
            raise Invalid(value, f"0, or a whole number from {low} to {high}") from None

    return read


#: Reader of ports.
port = whole(1, 65535)


def port_name(value: object) -> str:
    """Read the name of a container's port."""
    if not isinstance(value, str) or not _PORT_NAME.fullmatch(value):
        raise Invalid(
            value,
            "a name such as http: lower-case letters, digits and '-' between them, a letter among "
            "them, at most 15 characters",
        )
    return value


def protocol(value: object) -> str:
    """Read the protocol of a port."""
    if not isinstance(value, str) or value not in PROTOCOLS:
        also = "; SCTP is not supported" if value == "SCTP" else ""
        raise Invalid(value, one_of(PROTOCOLS) + also)
    return value


_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def truth(value: object) -> bool:
    """Read a truth value: an INI inventory, a survey and ``--extra-vars`` have it as a text."""
    if isinstance(value, str) and value.lower() in _TRUTHS:
        return _TRUTHS[value.lower()]
    if not isinstance(value, bool):
        raise Invalid(value, "true or false")
    return value


def choice(*values: str) -> Reader:
    """Make a reader that takes one of a few words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in values:
            raise Invalid(value, one_of(values))
        return value

    return read


def one_of(names: Any) -> str:
    """Return names as a sentence lists what is valid."""
    listed = list(names)
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def address(value: object) -> int:
    """Read an IPv4 address."""
    try:
        return parse_address(value)  # type: ignore[arg-type]
    except ValueError:
        raise Invalid(value, "an IPv4 address such as 10.111.0.8") from None


def prefix(value: object) -> Prefix:
    """Read an IPv4 CIDR."""
    try:
        return parse_prefix(value)  # type: ignore[arg-type]
    except ValueError:
        raise Invalid(value, "an IPv4 CIDR without host bits such as 10.111.160.0/20") from None


class OfIPv6(str):
    """An address or a prefix of IPv6, where one of either family may stand."""

    __slots__ = ()


def address_of_either_family(value: object) -> int | OfIPv6:
    """Read an IPv4 address; one of IPv6 is passed on as text, for the reader to pass over."""
    if isinstance(value, str) and ":" in value:
        try:
            return OfIPv6(ipaddress.IPv6Address(value))
        except ValueError:
            raise Invalid(value, "an address such as 10.111.0.8 or fd00::8") from None
    return address(value)


def address_or_prefix(value: object) -> Prefix:
    """Read an IPv4 CIDR, or an address as the CIDR of it alone."""
    if isinstance(value, str) and "/" not in value:
        value = f"{value}/32"
    try:
        return parse_prefix(value)  # type: ignore[arg-type]
    except ValueError:
        shown_ = value.removesuffix("/32") if isinstance(value, str) else value
        raise Invalid(
            shown_, "an IPv4 address such as 10.111.0.8, or a CIDR such as 10.111.0.0/24"
        ) from None


def command(value: object) -> list[str]:
    """Read a command: its program and arguments."""
    if not isinstance(value, list) or not all(_is_text(word) for word in value):
        raise Invalid(value, "a list of texts such as ['nginx', '-g', 'daemon off;']")
    return [str(word) for word in value]


def labels(value: object) -> dict[str, str]:
    """Read labels."""
    if not isinstance(value, dict) or not all(
        isinstance(key, str) and _is_text(label) for key, label in value.items()
    ):
        raise Invalid(value, "a mapping of texts such as {'app': 'nginx'}")
    return {key: str(label) for key, label in value.items()}


def label(value: object) -> str:
    """Read the value of a label."""
    if not _is_text(value):
        raise Invalid(value, "a text")
    return str(value)


def _is_text(value: object) -> bool:
    """Take a number for a text: YAML and templates make numbers of what looks like one."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def listed(value: object) -> list[Any]:
    """Read a list; what is in it, is read by itself."""
    if not isinstance(value, list):
        raise Invalid(value, "a list")
    return value


def list_of(read: Reader) -> Reader:
    """Make a reader of lists whose items all have one reader."""

    def read_list(value: object) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise Invalid(value, "a list")
        items = []
        for i, item in enumerate(value):
            try:
                items.append(read(item))
            except Invalid as invalid:
                raise invalid.below(f"[{i}]") from None
        return items

    return read_list


def excerpt(make: Callable[..., Any], fields: Mapping[str, Field]) -> Reader:
    """Make a reader of mappings with these keys among others; ``make`` gets them by name."""
    return record(make, fields, alone=False)


def record(make: Callable[..., Any], fields: Mapping[str, Field], *, alone: bool = True) -> Reader:
    """Make a reader of mappings with these keys and no others; ``make`` gets them by name."""

    def read(value: object) -> Any:
        if not isinstance(value, dict):
            raise Invalid(value, f"a mapping of {', '.join(fields)}")
        for key in value if alone else ():
            if key not in fields:
                raise Invalid(key, f"{one_of(fields)} as its keys", " has a key that")
        result = {}
        for key, field in fields.items():
            try:
                result[key] = field.value(value.get(key))
            except Invalid as invalid:
                raise invalid.below(f".{key}") from None
        return make(**result)

    return read
