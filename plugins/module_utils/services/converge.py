# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All services of a node in one call, in an order in which no packet meets half of one.

New backends are written to slots that nobody uses, names, source ranges and tables beside them;
then the frontends are pointed at them, and what is gone is taken away last. A run that is killed
leaves what the next one completes: only the frontends say which slots are used, a number without a
frontend is found by that, and that something is still to be swept stands in ``service_state``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..datapath import nat_layout
from ..datapath import service_layout as layout
from ..engine.change import Changes, announce, nothing
from . import local_ports, packed, sockets, state, sweep, wanted
from .comparison import Comparison
from .held import pinned, read
from .keep import kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .comparison import Plan
    from .held import Held
    from .state import State
    from .wanted import Service


@dataclass
class Outcome:
    """What a run did."""

    changes: Changes
    warnings: list[str]


def converge(
    services: Sequence[Service], *, node: str | None, purge: bool, check_mode: bool
) -> Outcome:
    """Let this node's frontends be those of the services; with ``purge`` remove all others.

    :param node: name of this node.
    :raises Failure: before anything is changed, for what cannot be.
    """
    outcome = Outcome(Changes(), [])
    with read() as held:
        if not check_mode:  # in check mode a role before this one would have pinned them
            pinned(held)
        known = kept(services, held)
        wish = wanted.frontends(known, node=node, node_addresses=held.node_addresses)
        comparison = Comparison(wish, held, outcome.changes, purge=purge)
        if not outcome.changes.steps:
            _plan_state(comparison.plan, held, outcome.changes)
        if not check_mode:
            if outcome.changes.steps:
                announce()
                outcome.warnings = _apply(comparison, held)
            tables = (layout.SERVICE_STATE, nat_layout.NAT_SEEN, nat_layout.NAT)
            state.forget_flows(*(held.tables[table.name] for table in tables))
    _frontends, outside = comparison.plan.counts
    if outside:
        outcome.warnings += local_ports.warnings()
    return outcome


def _plan_state(plan: Plan, held: Held, changes: Changes) -> None:
    """Repair what follows from the frontends; where one of those changes it needs no word."""
    before, after = _told(held.state), _told(_state(plan, held.state))
    changes.add("what programs ask before they look for a service", before, after, nothing)


def _told(found: State) -> dict[str, int]:
    words = found._asdict()
    return {word: words[word] for word in ("host_netns", "frontends", "outside")}


def _state(plan: Plan, now: State) -> State:
    """Return the state after a run, with the flows of now."""
    frontends, outside = plan.counts
    return now._replace(
        host_netns=state.netns_cookie(),
        frontends=frontends,
        outside=outside,
        next_id=plan.next_id,
        sweep=0,
    )


def _apply(comparison: Comparison, held: Held) -> list[str]:
    """Write and remove what was planned; return warnings."""
    plan, tables = comparison.plan, held.tables
    services, names = tables[layout.SERVICES.name], tables[layout.SERVICE_NAMES.name]
    ranges, maglev = tables[layout.SOURCE_RANGES.name], tables[layout.MAGLEV.name]
    shared = tables[layout.SERVICE_STATE.name]
    pack_id = packed.ID.pack
    tables[layout.BACKENDS.name].update({pack_id(at): one for at, one in plan.slots.items()})
    names.update({pack_id(number): one for number, one in plan.names.items()})
    ranges.update({_range_key(*one): pack_id(1) for one in plan.ranges})
    maglev.update({pack_id(number): one for number, one in plan.tables.items()})
    sweep_is_due = bool(plan.listed or held.state.sweep)
    if sweep_is_due:
        state.write(shared, lambda now: now._replace(sweep=1))
    services.update(plan.frontends)
    state.write(shared, lambda now: while_some_go(now, _state(plan, now)))
    services.delete(plan.gone)
    names.delete(map(pack_id, plan.gone_names))
    ranges.delete(_range_key(*one) for one in plan.gone_ranges)
    maglev.delete(map(pack_id, plan.gone_tables))
    warnings = _sweep(comparison, held) if sweep_is_due else []
    state.write(shared, lambda now: _state(plan, now))
    return warnings


def while_some_go(now: State, after: State) -> State:
    """Return a state in which no count is lower than what is there."""
    return after._replace(
        frontends=max(now.frontends, after.frontends),
        outside=max(now.outside, after.outside),
        sweep=now.sweep,
    )


def _sweep(comparison: Comparison, held: Held) -> list[str]:
    """Take away what is noted of backends that are gone, and close what talks to them."""
    was_killed = bool(held.state.sweep)  # what that run took away nobody knows any more
    listed = comparison.listed() if was_killed else comparison.plan.listed
    whole = {layout.SERVICES.value_row(value).id for value in comparison.plan.frontends.values()}
    if not was_killed:
        whole.update(numbers.id for numbers in held.frontends.values())
    is_lost = sweep.lost(listed, whole)
    sweep.sweep(held.tables, is_lost)
    talks = sweep.talks(held.tables, is_lost)
    warnings = sockets.close(talks)
    sweep.forget(held.tables, talks)  # the next run would not find sockets that are not closed yet
    return warnings


def _range_key(number: int, prefix: tuple[int, bytes]) -> bytes:
    bits, address = prefix
    return packed.SOURCE_RANGE_KEY.pack(bits, number, address)
