# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may have become of each packet of a flow while policies changed, from times alone.

A packet is judged at some moment between when it was sent and when it came; one that did not come,
before the next one of its flow that did. What the policies of those moments say, one end by the old
and the other by the new while a change is on its way, is what may become of it, and nothing else.
"""

from __future__ import annotations

import array
import contextlib
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.cluster.probes import PYTHON

from .model import ADDRESSES
from .probing import THERE, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.cluster.cluster import Cluster
    from tests.unit.policy_evaluator import World

NEVER = 1 << 63


class Flow(NamedTuple):
    """Datagrams from a pod to a port of another, which sends them back where it is ``answered``."""

    source: str
    destination: str
    port: int
    answered: bool = True


class Change(NamedTuple):
    """From when to when the nodes were brought to other policies, nanoseconds."""

    begin: int
    end: int


@dataclass
class Times:
    """When each datagram of a flow was sent, came, and was back; 0: never."""

    sent: Sequence[int] = ()
    came: Sequence[int] = ()
    back: Sequence[int] = ()


@dataclass
class Judged:
    """Numbers of datagrams: those that had to be one thing, and those that were another.

    :param passed: had to pass; ``lost`` of them did not.
    :param answered: had to be answered; ``unanswered`` of them were not.
    :param denied: must not pass; ``leaked`` of them did.
    """

    passed: int = 0
    answered: int = 0
    denied: int = 0
    lost: list[int] = field(default_factory=list)
    unanswered: list[int] = field(default_factory=list)
    leaked: list[int] = field(default_factory=list)


class Right:
    """What may become of the packets of a flow at any time."""

    def __init__(self, flow: Flow, worlds: Sequence[World], changes: Sequence[Change]) -> None:
        """:param worlds: what was there before the first change, and after each."""
        pods = [ADDRESSES[flow.source], ADDRESSES[flow.destination]]
        selected = [{pod for pod in pods if world.selects(pod)} for world in worlds]
        # An answer that is on its way when a pod is selected for the first time is one that no note
        # knows: there is none before, and no socket of a server of UDP says who asked.
        self._answered = flow.answered
        self._first = [
            change for change, old, new in zip(changes, selected, selected[1:]) if new - old
        ]
        ends = [_ends(flow, world) for world in worlds]
        self._begins = [0]
        self._may = [{all(ends[0])}]
        for change, old, new in zip(changes, ends, ends[1:]):
            both = {
                egress and ingress for egress in (old[0], new[0]) for ingress in (old[1], new[1])
            }
            self._begins += [change.begin, change.end]
            self._may += [both, {all(new)}]

    def may(self, begin: int, end: int) -> set[bool]:
        """Return what may become of a packet that is judged between two times: True, it passes."""
        first, last = (bisect_right(self._begins, each) - 1 for each in (begin, end))
        return set().union(*self._may[first : last + 1])

    def _owes(self, sent: int, back: int) -> bool:
        """Say whether an answer has to come between two times."""
        met = any(change.begin <= back and sent <= change.end for change in self._first)
        return not met and self.may(sent, back) == {True}

    def judge(self, times: Times) -> Judged:
        """Return what had to become of a flow's packets, and what did."""
        found = Judged()
        came, back = (_padded(each, len(times.sent)) for each in (times.came, times.back))
        next_came = next_back = NEVER
        for number in reversed(range(len(times.sent))):
            sent = times.sent[number]
            next_came, next_back = came[number] or next_came, back[number] or next_back
            may = self.may(sent, next_came)
            if may == {True}:
                found.passed += 1
                if not came[number]:
                    found.lost.append(number)
            elif may == {False} or self.may(sent, came[number] or sent) == {False}:
                found.denied += 1
                if came[number]:
                    found.leaked.append(number)
            if came[number] and self._answered and self._owes(sent, next_back):
                found.answered += 1
                if not back[number]:
                    found.unanswered.append(number)
        return found


def _ends(flow: Flow, world: World) -> tuple[bool, bool]:
    """Return whether the source's egress and the destination's ingress let a flow through."""
    source, destination = ADDRESSES[flow.source], ADDRESSES[flow.destination]
    return (
        world.lets("egress", source, destination, "UDP", flow.port),
        world.lets("ingress", source, destination, "UDP", flow.port),
    )


def _padded(times: Sequence[int], length: int) -> list[int]:
    return [*times, *[0] * (length - len(times))]


@contextlib.contextmanager
def flowing(cluster: Cluster, flows: Sequence[Flow]) -> Iterator[dict[Flow, Times]]:
    """Let flows run for the length of a ``with`` block; then fill in their times."""
    found = {flow: Times() for flow in flows}
    with contextlib.ExitStack() as stack:
        programs = {}
        for flow in flows:
            at = (ADDRESSES[flow.destination], str(flow.port))
            for what, pod in (("take", flow.destination), ("send", flow.source)):
                words = (*PYTHON, str(THERE / "stream.py"), what, *at, str(int(flow.answered)))
                program = stack.enter_context(cluster.start(place(pod), *words))
                stack.callback(program.kill)
                assert program.stdout.readline() == "ready\n", program.stderr.read()
                programs[flow, what] = program
        yield found
        for flow in flows:
            sent, back = _end(programs[flow, "send"])
            found[flow].sent, found[flow].back = sent, back
        for flow in flows:
            (found[flow].came,) = _end(programs[flow, "take"])


def _end(program: object) -> list[list[int]]:
    output, errors = program.communicate()  # type: ignore[attr-defined]
    assert program.returncode == 0, errors  # type: ignore[attr-defined]
    return [array.array("Q", bytes.fromhex(line)).tolist() for line in output.split("\n")[:-1]]
