# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernel settings below ``/proc/sys``, and what they were before us.

A setting of the host outlives everything that we make, so its first value is written down before
it is changed; a setting of a device of ours goes with the device. Of a setting that is a set of
numbers, to which others add as well, what we added is written down instead.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
from collections import Counter
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import files, namespaces
from ..engine.change import Changes, announce
from ..engine.failure import Failure
from ..names import BRIDGE_DEVICE, DEVICE_PREFIX
from . import ranges as number_ranges
from . import sysctls_record as record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .sysctls_record import First, Numbers

ROOT = Path("/proc/sys")


_NUMBER = re.compile(r"(?P<sign>-?)(?P<digits>0[xX][0-9a-fA-F]+|[0-9]+)")
#: The longest tick of a kernel's clock in milliseconds, and times of neighbors that have its ticks.
TICK_MS = 10
IN_TICKS = ("anycast_delay", "locktime", "proxy_delay", "retrans_time")

#: A setting of a device, such as ``net.ipv4.conf.eth0.forwarding``.
_DEVICE = re.compile(
    r"(?P<before>net[./]ipv[46][./](?:conf|neigh)[./])(?P<device>.+)(?P<after>[./][a-z0-9_]+)"
)


def converge(
    given: Mapping[str, object],
    *,
    remember: bool,
    netns: str | None,
    check_mode: bool,
    restore: Sequence[str] = (),
    ranges: Mapping[str, str] | None = None,
) -> Changes:
    """Set each of ``given`` (name → value as ``sysctl`` shows it, or as YAML has it).

    A setting of all devices goes before those of one device, since it sets them as well.

    :param ranges: name → numbers that the setting has to have, beside those that others gave it;
        those that were remembered as ours and are not among them go.
    :param restore: names or patterns of remembered settings that are to be as they were, and
        forgotten, less those of ``given``.
    :param remember: write down what a setting was, once, so that it can be undone.
    :raises Failure: for a setting that the kernel does not have or whose value it refuses.
    """
    values = _checked_values(given)
    extra = _checked_ranges(ranges or {}, values)
    with namespaces.inside(netns):
        before, missing = _found((*values, *extra), check_mode=check_mode)
        forgotten = {name: _remembered_numbers(name) if remember else frozenset() for name in extra}
        added = {
            name: _added(name, str(before[name]), numbers, forgotten[name])
            for name, numbers in extra.items()
        }
        after = {
            name: now if now is not None and same(name, now, value) else value
            for name, value in values.items()
            for now in (before[name],)
        }
        after.update({name: value for name, (value, _ours) in added.items()})
        changes = Changes()
        for name, value in after.items():
            changes.add(
                f"sysctl {name}",
                _state(before[name]),
                _state(value),
                partial(_write, name, value),
            )
        if remember or restore:
            record.plan_new(changes)
        for name in _matching(record.recorded(), restore, less=after):
            _plan_restoration(name, changes)
        if remember and changes.steps and not check_mode:
            announce()
            changed = [name for name in values if before[name] != after[name]]
            record.remember({name: str(before[name]) for name in changed if not _is_of_ours(name)})
            for name, (value, ours) in added.items():
                if before[name] != value:
                    record.remember_added(name, ours)
        changes.apply(check_mode=check_mode)
        if changes.steps and not check_mode:
            with changes.accounted():
                _insist(after)
    changes.warnings += missing
    return changes


def same(name: str, one: str, other: str) -> bool:
    """Say whether two texts are one value of a setting to the kernel.

    Numbers may be written in hexadecimal or octal, sets of numbers in any order, and of several
    numbers the last may be left out. The kernel rounds times to its clock ticks.
    """
    if one == other:
        return True
    with contextlib.suppress(ValueError):
        if number_ranges.numbers(one) == number_ranges.numbers(other):
            return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    numbers = [[_number(word) for word in text.split()] for text in (one, other)]
    slack = _slack(name)
    return bool(all(numbers)) and all(
        a is not None and b is not None and abs(a - b) <= slack for a, b in zip(*numbers)
    )


def _number(word: str) -> int | None:
    """Read a number as the kernel does: with 0x hexadecimal, with a leading 0 octal."""
    found = _NUMBER.fullmatch(word)
    if found is None:
        return None
    digits, base = found["digits"], 10
    if digits[:2] in ("0x", "0X"):
        base = 16
    elif digits[0] == "0":
        base = 8
    with contextlib.suppress(ValueError):
        return int(found["sign"] + digits, base)
    return None


def _slack(name: str) -> int:
    leaf = _path(name).name
    if "neigh" not in _path(name).parts:
        return 0
    return TICK_MS - 1 if leaf.endswith("_ms") else int(leaf in IN_TICKS)


def _text(name: str, value: object) -> str:
    """Write a value of YAML as the kernel shows it: blanks between words, yes and no as 1 and 0."""
    if value is None or isinstance(value, dict):
        raise Failure(f"values: {name} is {value!r}; a setting is a text, a number or a list.")
    if isinstance(value, list):
        return " ".join(_text(name, word) for word in value)
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())


def _checked_values(given: Mapping[str, object]) -> dict[str, str]:
    """Return the values as texts, those of all devices first, then those of future ones."""
    twice = Counter(_path(name) for name in given)
    for name in given:
        if twice[_path(name)] > 1:
            raise Failure(f"values: {name} stands there twice, with dots and with slashes.")
    values = {name: _text(name, value) for name, value in given.items()}
    return dict(sorted(values.items(), key=lambda entry: _rank(entry[0])))


def _rank(name: str) -> int:
    device = _DEVICE.fullmatch(name)
    if _path(name) == _path("net.ipv4.ip_forward") or (device and device["device"] == "all"):
        return 0
    return 1 if device is None or device["device"] == "default" else 2


def _found(names: Iterable[str], *, check_mode: bool) -> tuple[dict[str, str | None], list[str]]:
    """Read settings; in check mode return beside them what an earlier task would have to make.

    :raises Failure: for one that is not there, or that nobody can change.
    """
    found, missing = {}, []
    for name in names:
        found[name] = _read(name)
        if found[name] is not None:
            if not os.access(_path(name), os.W_OK):
                raise Failure(f"values: {name} is read only here.")
            continue
        device = _DEVICE.fullmatch(name)
        there = device and Path(_path(name)).parent.is_dir()
        what = f"values: this kernel has no setting {name!r}"
        if device and not there:
            what += f", and no device {device['device']!r}"
        if not check_mode or there:
            raise Failure(f"{what}; sysctl -a lists those it has.")
        if not _is_of_ours(name):
            missing.append(f"{what}; the task fails unless an earlier one brings it.")
        found[name] = _read_default(name)  # its device may be yet to come
    return found, missing


def _insist(after: Mapping[str, str]) -> None:
    """Set again what another setting changed with it, and say what the kernel did not keep."""
    for name, value in after.items():
        if not same(name, _read(name) or "", value):
            _write(name, value)
    for name, value in after.items():
        shown = _read(name) or ""
        if not same(name, shown, value):
            raise Failure(
                f"values: the kernel took {value!r} for {name} without an error and shows "
                f"{shown!r}."
            )


def _checked_ranges(ranges: Mapping[str, str], values: Mapping[str, str]) -> dict[str, Numbers]:
    found = {}
    for name, text in ranges.items():
        if _path(name) in {_path(other) for other in values}:
            raise Failure(f"ranges: {name} stands in values, too; it can be in one of them alone.")
        try:
            found[name] = number_ranges.numbers(text)
        except ValueError:
            raise Failure(
                f"ranges: {text!r} of {name} is not a list of ports and ranges of ports; valid is "
                f"one like 8080,30000-32767, up to {number_ranges.LAST}."
            ) from None
    return found


def _added(name: str, before: str, numbers: Numbers, ours: Numbers) -> tuple[str, Numbers]:
    """Return a set with our numbers added, and which of them nobody else has given it.

    :param ours: what we have added before.
    """
    others = _numbers(name, before) - ours
    return number_ranges.text(others | numbers), numbers - others


def _numbers(name: str, value: str) -> Numbers:
    try:
        return number_ranges.numbers(value)
    except ValueError:
        raise Failure(
            f"ranges: {name} is {value!r}, which is no list of ranges; valid is a setting such as "
            f"net.ipv4.ip_local_reserved_ports."
        ) from None


def _remembered_numbers(name: str) -> Numbers:
    first = record.recorded().get(name, "")
    return number_ranges.numbers(first[record.ADDED]) if isinstance(first, dict) else frozenset()


def _first_value(name: str, first: First, now: str) -> str:
    """Return what a setting is without us."""
    if isinstance(first, dict):
        return number_ranges.text(_numbers(name, now) - number_ranges.numbers(first[record.ADDED]))
    return first


def _told(first: First) -> str:
    return f"{record.ADDED} {first[record.ADDED]}" if isinstance(first, dict) else first


def _matching(names: Iterable[str], patterns: Sequence[str], less: Iterable[str]) -> list[str]:
    """Return the names that a pattern matches; dots and slashes between words are the same."""
    wanted, kept = [str(_path(pattern)) for pattern in patterns], {_path(name) for name in less}
    return sorted(
        name
        for name in names
        if _path(name) not in kept
        and any(fnmatchcase(str(_path(name)), pattern) for pattern in wanted)
    )


def _plan_restoration(name: str, changes: Changes) -> None:
    first, now = record.recorded()[name], _read(name)
    value = None if now is None else _first_value(name, first, now)

    def do() -> None:
        if value is not None:  # else its device is gone, and the setting with it
            _write(name, value)
        record.write({other: each for other, each in record.recorded().items() if other != name})

    told = {**(_state(now) or {}), "remembered": _told(first)}
    changes.add(f"sysctl {name}", told, _state(value) or {}, do)


def restore(*, check_mode: bool) -> Changes:
    """Give every remembered setting its first value again, and forget it."""
    first = record.recorded()
    changes = Changes()
    if record.unreadable():
        changes.warnings.append(record.unreadable())
    for name, remembered in first.items():
        now = _read(name)
        if now is not None:
            value = _first_value(name, remembered, now)
            changes.add(
                f"sysctl {name}",
                _state(now),
                _state(value),
                partial(_write, name, value),
            )
    if first or record.RECORD.exists():
        changes.add(
            str(record.RECORD),
            {"settings": sorted(first)},
            None,
            partial(files.remove, record.RECORD, folder=True),
        )
    changes.apply(check_mode=check_mode)
    return changes


def _state(value: str | None) -> dict[str, str] | None:
    return None if value is None else {"value": value}


def _path(name: str) -> Path:
    # As sysctl(8): dots separate, unless slashes do (a device's name may hold a dot).
    parts = name.split("/") if "/" in name else name.split(".")
    if not all(parts) or ".." in parts:
        raise Failure(
            f"values: {name!r} is not the name of a setting; valid is one like net.ipv4.ip_forward."
        )
    return ROOT.joinpath(*parts)


def _read(name: str) -> str | None:
    try:
        return " ".join(_path(name).read_text().split())
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise Failure(f"values: {name!r} is a folder of settings; name one of them.") from None
    except PermissionError:
        raise Failure(f"values: {name} cannot be read: it is a switch and no setting.") from None
    except OSError as error:
        if error.errno == errno.EIO:  # a secret that nobody has set
            return ""
        raise


def _read_default(name: str) -> str | None:
    """Return what the setting of a device is when the device is made."""
    return _read(_DEVICE.sub(r"\g<before>default\g<after>", name))


def _is_of_ours(name: str) -> bool:
    """Say whether it is a setting of a device of ours, which takes it along when it goes."""
    found = _DEVICE.fullmatch(name)
    device = found["device"] if found else ""
    return device == BRIDGE_DEVICE or device.startswith(DEVICE_PREFIX)


def _write(name: str, value: str) -> None:
    try:
        _path(name).write_text(value + "\n")
    except OSError as error:
        raise Failure(
            f"values: the kernel refused {value!r} for {name}: {error.strerror}."
        ) from error
