# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Devices of one kind with many attributes, such as a bridge: a table and one way to converge.

A row of the table ties the word of an option to the attribute of the kernel; from it follow the
argument spec, what is read, compared and written, and the message class for pyroute2, which lacks
the younger attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from . import devices, links, values
from .change import Changes
from .failure import Failure
from .spec import of_list

try:
    from pyroute2.netlink import nla
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
except ImportError:  # runner.require() has said so before anything here is called
    nla, ifinfmsg = object, None

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .devices import Network, State
    from .spec import Spec

_BITS = {"uint8": 8, "uint16": 16, "be16": 16, "uint32": 32, "be32": 32, "uint64": 63}


@dataclass(frozen=True)
class Field:
    """One attribute of a kind.

    :param option: our word, the one that iproute2 has.
    :param number: of the attribute in the kernel's headers.
    :param attribute: the kernel's word, less the prefix of the kind.
    :param type: how pyroute2 encodes it; ``flag`` is there or not.
    :param boolean: the option is yes or no.
    :param names: the option is one of these words, each for one number of the kernel.
    :param low: least number.
    :param high: greatest number, where it is not the greatest of the type.
    :param fixed: the kernel sets it on a new device only: a change is a re-creation.
    :param absent: our value where the kernel does not show the attribute.
    :param slack: how far the kernel may round the number (its clock ticks are not hundredths).
    """

    option: str
    number: int
    attribute: str
    type: str
    boolean: bool = False
    names: Mapping[int, str] | None = None
    low: int = 0
    high: int | None = None
    fixed: bool = False
    slack: int = 0
    absent: Any = None

    def spec(self) -> dict[str, Any]:
        """Argument spec of the option."""
        if self.names is not None:
            return {"type": "str", "choices": list(self.names.values())}
        return {"type": "bool" if self.boolean else "int"}

    def check(self, value: Any, where: str) -> Any:
        """Check a value that the user wrote; choices and booleans have been checked by Ansible."""
        if self.names is None and not self.boolean:
            limit = self.high if self.high is not None else 2 ** _BITS[self.type] - 1
            values.number(value, f"{where}.{self.option}", self.low, limit)
        return value

    def read(self, value: Any) -> Any:
        """From the kernel's value to ours; None where the kernel does not know the attribute."""
        if self.type == "flag":
            return value is not None
        if value is None:
            return self.absent
        if self.names is not None:
            return self.names.get(value, str(value))
        return bool(value) if self.boolean else value

    def write(self, value: Any) -> Any:
        """From our value to the kernel's."""
        if self.names is not None:
            return next(number for number, word in self.names.items() if word == value)
        return int(value)


class Kind:
    """A kind of device; a subclass adds what does not fit in a table."""

    name: str
    plural: str
    prefix: str
    fields: tuple[Field, ...]
    #: Common attributes that a device gets in its creation and not by a change after it.
    at_once: tuple[str, ...] = ("mac", "mtu", "txqueuelen", "devgroup")
    #: Attributes beside the table: their numbers, their words, pyroute2's types.
    further: tuple[tuple[int, str, str], ...] = ()
    #: Message classes that ``further`` refers to.
    classes: Mapping[str, Any] = {}

    def __init__(self) -> None:
        """Teach pyroute2 the whole table."""
        rows = [(field.number, field.attribute, field.type) for field in self.fields]
        known = {number: (self.prefix + word, type_) for number, word, type_ in rows}
        known.update({number: (self.prefix + word, type_) for number, word, type_ in self.further})
        # pyroute2 numbers the attributes by their places: what we do not use fills a place.
        places = range(max(known) + 1)
        table = tuple(known.get(place, (f"{self.prefix}{place}", "hex")) for place in places)
        if ifinfmsg is not None:
            body = {"prefix": "IFLA_", "nla_map": table, **self.classes}
            ifinfmsg.ifinfo.data_map[self.name] = type(self.name, (nla,), body)

    def options(self) -> dict[str, dict[str, Any]]:
        """Argument spec of one device."""
        return {
            **devices.OPTIONS,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **{field.option: field.spec() for field in self.fields},
        }

    def wish(self, item: Mapping[str, Any], where: str, network: Network) -> State:
        """Check what the user wrote and return it."""
        found = devices.wanted(item, where, network)
        for field in self.fields:
            if item.get(field.option) is not None:
                found[field.option] = field.check(item[field.option], where)
        return found

    def state(self, network: Network, link: links.Link) -> State:
        """Read a device."""
        found = devices.state(network, link)
        for field in self.fields:
            found[field.option] = field.read(link.data(self.prefix + field.attribute))
        return found

    def data(
        self,
        network: Network,  # noqa: ARG002 - for the subclasses whose attributes name other devices
        wish: Mapping[str, Any],
    ) -> list[tuple[str, object]]:
        """Attributes of the kind for the kernel."""
        return [
            (self.prefix + field.attribute, field.write(wish[field.option]))
            for field in self.fields
            if wish.get(field.option) is not None
            # A flag is set by being there; there is no way to send its absence.
            and not (field.type == "flag" and not wish[field.option])
        ]

    def reason_to_recreate(self, before: State, wish: State) -> str | None:
        """Say which attribute cannot be changed in place, None where all can."""
        for field in self.fields:
            word = field.option
            if field.fixed and word in wish and wish[word] != before[word]:
                return f"{word} cannot change from {before[word]} to {wish[word]} in place"
        return None

    def target(self, before: State, wish: State, item: Mapping[str, Any]) -> State:
        """State after the wish is fulfilled."""
        after = devices.target(before, wish, purge_addresses=item["purge_addresses"])
        for field in self.fields:
            old, new = before.get(field.option), wish.get(field.option)
            if (
                field.slack
                and old is not None
                and new is not None
                and abs(old - new) <= field.slack
            ):
                after[field.option] = old
        return after

    def apply(
        self,
        network: Network,
        index: int,
        before: State,
        after: State,
        wish: State,  # noqa: ARG002 - for the subclass that has to insist
    ) -> None:
        """Bring a device that is there from one state to the other, the one that was wished."""
        differing = {word: value for word, value in after.items() if before.get(word) != value}
        data = self.data(network, differing)
        if data:
            links.set_data(network.ip, index, self.name, data)
        devices.apply(network, index, before, after)


@dataclass(frozen=True)
class Plan:
    """One item: the namespace, the device as wanted, and the options that go with it."""

    here: Network
    wish: State
    item: Mapping[str, Any]


def converge(
    kind: Kind, items: list[dict[str, Any]], netns: str | None, *, check_mode: bool
) -> dict[str, Any]:
    """Bring devices of one kind into the wanted state; ``netns`` is the default of each."""
    with devices.networks(check_mode=check_mode) as network:
        changes = Changes()
        plans = []
        for position, item in enumerate(items):
            where = f"{kind.plural}[{position}]"
            here = network(item["netns"] or netns)
            plan = Plan(here, kind.wish(item, where, here), item)
            link = here.links.get(plan.wish["name"])
            if link is not None:
                devices.must_be(link, kind.name, where)
            plans.append(plan)
            _plan(changes, kind, plan)
        values.unique([(plan.here.netns, plan.wish["name"]) for plan in plans], kind.plural)
        changes.apply(check_mode=check_mode)
        if changes.steps and not check_mode:
            for touched in {plan.here for plan in plans}:
                touched.read()
        with changes.accounted():
            outcome = [_outcome(kind, plan, check_mode=check_mode) for plan in plans]
        warnings = devices.warnings(plan.here for plan in plans)
        return {**changes.result(), **warnings, kind.plural: outcome}


def spec(kind: Kind) -> Spec:
    """Return the module that converges devices of one kind."""
    return of_list(kind.plural, kind.options(), partial(converge, kind))


def gather(kind: Kind, netns: str | None, name: str | None = None) -> list[dict[str, Any]]:
    """Read all devices of one kind in a namespace, or the one of that name."""
    with devices.networks(check_mode=False) as network:
        here = network(netns)
        return [
            kind.state(here, link)
            for link in here.links.values()
            if link.kind == kind.name and name in (None, link.name)
        ]


def _plan(changes: Changes, kind: Kind, plan: Plan) -> None:
    here, wish, item = plan.here, plan.wish, plan.item
    link = here.links.get(wish["name"])
    what = f"{kind.name} {wish['name']}" + (f" in netns {here.netns}" if here.netns else "")
    if item["state"] == "absent":
        if link is not None:
            index = link.index
            changes.add(what, kind.state(here, link), None, lambda: links.delete(here.ip, index))
        return
    if link is None:
        after = {**wish, "netns": here.netns}
        changes.add(what, None, after, lambda: _create(kind, here, wish, item))
        return
    index = link.index
    before = kind.state(here, link)
    after = kind.target(before, wish, item)
    reason = kind.reason_to_recreate(before, wish)
    if reason is None:
        changes.add(what, before, after, lambda: kind.apply(here, index, before, after, wish))
        return

    def recreate() -> None:
        links.delete(here.ip, index)
        _create(kind, here, devices.carried(after), item)

    changes.add(what, before, {**after, "recreated_because": reason}, recreate)


def _create(kind: Kind, here: Network, wish: State, item: Mapping[str, Any]) -> None:
    first = {word: value for word, value in wish.items() if word in kind.at_once}
    data = kind.data(here, wish)
    links.add(here.ip, wish["name"], kind.name, data=data, attributes=first)
    link = devices.added(here, wish["name"])
    before = kind.state(here, link)
    try:
        kind.apply(here, link.index, before, kind.target(before, wish, item), wish)
    except Failure:
        links.delete(here.ip, link.index)  # nothing is left half made
        raise


def _outcome(kind: Kind, plan: Plan, *, check_mode: bool) -> State:
    """State of a device after the run; in check mode as it would be."""
    here, wish, item = plan.here, plan.wish, plan.item
    if item["state"] == "absent":
        return {"name": wish["name"], "netns": here.netns, "state": "absent"}
    link = here.links.get(wish["name"])
    found = {"netns": here.netns} if link is None else kind.state(here, link)
    reached = kind.target(found, wish, item)
    if not check_mode:
        _verify(kind, found, reached)
    return {**reached, "state": "present"}


def _verify(kind: Kind, found: State, reached: State) -> None:
    # A kernel ignores an attribute that it does not know: what it did not take is said, not hidden.
    for word, value in reached.items():
        if found.get(word) != value:
            raise Failure(
                f"The kernel took {word}={value!r} for the {kind.name} {found.get('name')!r} "
                f"without an error and shows {found.get(word)!r}; it does not support that value."
            )
