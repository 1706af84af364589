# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what is wanted and what is held of policies to what is written and removed, map by map."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine import addresses
from ..engine.change import nothing
from .wanted import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..engine.change import Changes
    from . import packed
    from .held import Held
    from .wanted import Wanted

    Entries = dict[bytes, bytes]


@dataclass
class Plan:
    """What a run writes, in the order of its fields, and then removes.

    :param deaf: pods of which ``endpoints`` says that they are judged, and is to say so no more.
    """

    names: Entries = field(default_factory=dict)
    counters: set[bytes] = field(default_factory=set)
    rules: Entries = field(default_factory=dict)
    classes: Entries = field(default_factory=dict)
    pods: dict[bytes, packed.Pod] = field(default_factory=dict)
    deaf: list[bytes] = field(default_factory=list)
    gone_pods: list[bytes] = field(default_factory=list)
    gone_rules: list[bytes] = field(default_factory=list)
    gone_classes: list[bytes] = field(default_factory=list)
    gone_counters: list[bytes] = field(default_factory=list)
    gone_names: list[bytes] = field(default_factory=list)


class Does(NamedTuple):
    """What a run does: it writes what is wanted, and removes what nobody wants; or one of them.

    Of what it does not do, no word is said.
    """

    write: bool = True
    purge: bool = False

    def differences(
        self, wanted: Mapping[bytes, bytes], held: Mapping[bytes, bytes]
    ) -> tuple[Entries, list[bytes]]:
        """Return what is to be written, and what is to be removed."""
        new = {key: value for key, value in wanted.items() if held.get(key) != value}
        gone = sorted(held.keys() - wanted.keys()) if self.purge else []
        return new if self.write else {}, gone


def compare(wanted: Wanted, held: Held, changes: Changes, does: Does) -> Plan:
    """Compare everything; each pod and each set that differs becomes a step of ``changes``."""
    plan = Plan()
    _compare_sets(plan, wanted, held, changes, does)
    _compare_classes(plan, wanted, held, changes, does)
    _compare_pods(plan, wanted, held, changes, does)
    _compare_names(plan, wanted, held, changes, does)
    return plan


def _compare_sets(plan: Plan, wanted: Wanted, held: Held, changes: Changes, does: Does) -> None:
    for number, each in wanted.sets.items():
        found = held.rules.get(number, {})
        new, gone = does.differences(each.entries, found)
        plan.rules |= new
        plan.gone_rules += gone
        if new or gone:
            before = _of_set(held.set_name(number), found, len(new) + len(gone)) if found else None
            after = _of_set(each.name, each.entries)
            changes.add(f"policy set {number}", before, after, nothing)
    for number in sorted(held.rules.keys() - wanted.sets.keys()) if does.purge else ():
        found = held.rules[number]
        plan.gone_rules += found
        state = _of_set(held.set_name(number), found)
        changes.add(f"policy set {number}", state, None, nothing)


def _of_set(name: str, entries: Mapping[bytes, bytes], differ: int = 0) -> dict[str, Any]:
    """Say what a set is; ``differ`` is how many of its entries are not as they shall be."""
    direction, *policies = name.split()
    known = {"direction": direction, "policies": policies} if direction in DIRECTIONS else {}
    return {**known, "entries": len(entries), **({"differ": differ} if differ else {})}


def _compare_classes(plan: Plan, wanted: Wanted, held: Held, changes: Changes, does: Does) -> None:
    found = held.classes.get(wanted.partition, {})
    new, gone = does.differences(wanted.classes, found)
    plan.classes |= new
    plan.gone_classes += gone
    if new or gone:
        before = {"blocks": len(found), "differ": len(new) + len(gone)} if found else None
        after = {"blocks": len(wanted.classes), **({"differ": 0} if found else {})}
        changes.add(f"classes of addresses {wanted.partition}", before, after, nothing)
    for partition in sorted(held.classes.keys() - {wanted.partition}) if does.purge else ():
        entries = held.classes[partition]
        plan.gone_classes += entries
        what = f"classes of addresses {partition}"
        changes.add(what, {"blocks": len(entries)}, None, nothing)


def _compare_pods(plan: Plan, wanted: Wanted, held: Held, changes: Changes, does: Does) -> None:
    def of_wanted(number: int) -> str:
        return _policies(wanted.sets[number].name, number)

    def of_held(number: int) -> str:
        return _policies(held.set_name(number), number)

    for address, pod in wanted.pods.items() if does.write else ():
        before = held.pods.get(address)
        if before != pod:
            plan.pods[address] = pod
            old = _of_pod(before, of_held) if before else None
            what = f"policies of pod {addresses.text(address)}"
            changes.add(what, old, _of_pod(pod, of_wanted), nothing)
    if not does.purge:
        return
    plan.gone_pods = sorted(held.pods.keys() - wanted.pods.keys())
    deaf = held.isolated - wanted.pods.keys()
    # Where nothing is written, pods have been connected anew, and their entries say no more of it;
    # one that could not be is not to lose its sets and be judged by none.
    plan.deaf = sorted(deaf if does.write else deaf & {*plan.gone_pods})
    for address in sorted({*plan.gone_pods, *plan.deaf}):
        before = held.pods.get(address)
        old = _of_pod(before, of_held) if before else {"isolated": True}
        changes.add(f"policies of pod {addresses.text(address)}", old, None, nothing)


def _of_pod(pod: packed.Pod, say: Callable[[int], str]) -> dict[str, Any]:
    sets = zip(pod._fields[1:], pod[1:])
    said = {word: say(number) if number else None for word, number in sets}
    return {**said, "partition": pod.partition}


def _policies(name: str, number: int) -> str:
    """Say which policies isolate, and by which set: a policy that changes is another one."""
    return f"{', '.join(name.split()[1:]) or 'unknown'} (set {number})"


def _compare_names(plan: Plan, wanted: Wanted, held: Held, changes: Changes, does: Does) -> None:
    """Names and counters come and go with rules and sets; else somebody has changed them."""
    names = wanted.names()
    plan.names, plan.gone_names = does.differences(names, held.names)
    if does.write:
        plan.counters = names.keys() - held.counters
    if does.purge:
        plan.gone_counters = sorted(held.counters - names.keys())
    lacks = {"names": len(plan.names), "counters": len(plan.counters)}
    left = {"names": len(plan.gone_names), "counters": len(plan.gone_counters)}
    if not changes.steps and (any(lacks.values()) or any(left.values())):
        state = {"missing": lacks, "unused": left}
        none = dict.fromkeys(lacks, 0)
        after = {"missing": none, "unused": none}
        changes.add("names and counters of policies", state, after, nothing)
