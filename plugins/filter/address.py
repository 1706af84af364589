# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Address arithmetic for inventories and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import capacity as table
from ansible_collections.podnet.fabric.plugins.module_utils.plan import values
from ansible_collections.podnet.fabric.plugins.module_utils.plan.prefix import (
    BITS,
    HAS_NETADDR,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def capacity(cidr: object, masks: object = table.USUAL_MASKS) -> list[dict[str, int]]:
    """Return what a secondary range holds, a row for each node CIDR mask size."""
    read = values.list_of(values.whole(0, BITS))

    def work() -> list[dict[str, int]]:
        given = _value("The range", values.prefix, cidr)
        return table.table(given, _value("masks", read, masks))

    return _told(work)


def nth_address(cidr: object, number: object) -> str:
    """Return an address of a CIDR by its number; a negative one counts from the end."""

    def work() -> str:
        prefix = _value("The CIDR", values.prefix, cidr)
        read = values.whole(-prefix.size, prefix.size - 1)
        return text(prefix.first + _value("number", read, number) % prefix.size)

    return _told(work)


def _value(what: str, read: values.Reader, given: object) -> Any:
    try:
        return read(given)
    except values.Invalid as invalid:
        raise Failure(invalid.sentence(what)) from None


def _told(work: Callable[[], T]) -> T:
    if not HAS_NETADDR:
        raise AnsibleFilterError("This filter needs the Python library netaddr where Ansible runs.")
    try:
        return work()
    except Failure as failure:
        raise AnsibleFilterError(failure.message) from failure


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return them by name."""
        return {"capacity": capacity, "nth_address": nth_address}
