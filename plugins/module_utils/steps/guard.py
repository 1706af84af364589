# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard of a run: before a run changes what the node's own connections depend on, it sees to it
that the change is undone unless somebody confirms it.

One change at a time is pending on a node. Whoever began it goes on with it; others are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..datapath import peers
from ..engine import icmp
from ..engine.failure import Failure
from ..installed import confirm, pending, systemd, timer
from ..installed.command import COMMAND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .parts import Node, Step

#: So many of the other nodes are asked whether they answer: those that come next by their names.
PEERS = 16
#: How long they are waited for, seconds.
PATIENCE = 0.6


@dataclass
class Guard:
    """What a run wants of its guard, and how far that is.

    :param run: tells the run from others.
    :param by: who runs it, and where, for people and for their next run.
    :param seconds: how long a change is pending; 0: none is.
    :param armed: whether a part of the run before this one has armed the timer.
    """

    node: Node
    run: str
    by: str
    seconds: int
    armed: bool
    check_mode: bool
    #: The change of somebody else that is pending.
    other: Mapping[str, Any] | None = None
    _told: list[dict[str, Any]] = field(default_factory=list)

    def begin(self) -> None:
        """Look at what is pending, and go on with what is ours.

        :raises Failure: where this run's change has been undone meanwhile.
        """
        change = pending.read()
        if change is not None and change["undoing"] and not change["here"]:
            # The boot that came in between has brought back what was confirmed.
            if not self.check_mode:
                pending.forget()
            change = None
        if change is None:
            if self.armed and not self.check_mode:
                raise Failure(
                    f"What this run changed has been undone, since no part of it came within "
                    f"{self.seconds} s; run again, with a longer podnet_confirm_timeout."
                )
            return
        waits = change["left"] > 0 or change["undoing"]
        if waits and (change["by"] != self.by or change["undoing"]):
            self.other = change
            return
        if not self.check_mode:
            seconds = self.seconds or change["seconds"]
            pending.extend(change, self.run, seconds)
            if systemd.is_used():
                undo = pending.command_line(pending.UNDO, "undo")
                # Another length than it was armed with is one of another timer.
                if seconds != change["seconds"]:
                    timer.stop()
                timer.extend(seconds, undo)
        self.armed = True

    def before(self, step: Step) -> None:
        """Be told that a step is about to change something, or in check mode would.

        :raises Failure: where that must not be.
        """
        if self.other is not None:
            raise Failure(refusal(self.other))
        if step.guarded and self.seconds and not self.armed and systemd.is_used():
            if not self.check_mode:
                self._arm()
            self.armed = True
            line = f"undone in {self.seconds} s unless it is confirmed"
            self._told.append(
                {
                    "changed": True,
                    "changes": [f"create timer {timer.TIMER}"],
                    "diff": {"before": {}, "after": {f"timer {timer.TIMER}": {"change": line}}},
                }
            )

    def told(self) -> list[dict[str, Any]]:
        """Return what it has done since it was last asked, as a step returns it."""
        told, self._told = self._told, []
        return told

    def confirm(self) -> None:
        """Confirm the run's change: where peers that answered before it answer now.

        :raises Failure: where it must not be confirmed.
        """
        change = pending.read()
        if change is None or change["run"] != self.run or change["undoing"]:
            raise Failure(
                "The change of this run is not pending any more: it has been undone, or another "
                "run has gone on with it; run again."
            )
        silent = confirm.silent(change)
        if silent:
            raise Failure(
                f"The change is not confirmed, and undone in {change['left']:.0f} s: "
                f"{', '.join(silent)} answered this node before it, and not now. `podnet confirm` "
                "on the node keeps the change nevertheless."
            )
        confirm.confirm(change)

    def _arm(self) -> None:
        try:
            pending.begin(self.by, self.run, self.seconds, _command(), _answering(self.node))
            timer.arm(self.seconds, pending.command_line(pending.UNDO, "undo"))
        except (Failure, OSError) as error:
            pending.forget()
            raise Failure(
                f"Nothing would undo this change, so it is not made: {error} With "
                "podnet_confirm_timeout 0 a run goes without."
            ) from error


def refusal(change: Mapping[str, Any]) -> str:
    """Return why nobody else may change a node now, and the ways out."""
    if change["undoing"]:
        return (
            f"A change by {change['by']} of {change['since']} is being undone on this node; run "
            "again when it is, or let `podnet undo` there finish it."
        )
    return (
        f"A change by {change['by']} of {change['since']} is pending on this node, and undone in "
        f"{change['left']:.0f} s unless it is confirmed; run again then, or say `podnet confirm` "
        "or `podnet undo` there."
    )


def _answering(node: Node) -> set[str]:
    """Return which of the addresses that a node should reach answer it now."""
    asked = [peer["node_ip"] for peer in peers.following(node)[:PEERS]]
    if node.get("vpc_gateway"):
        asked.append(node["vpc_gateway"])
    return icmp.answering(asked, PATIENCE)


def _command() -> bytes:
    """Return the command of this code: the one that is there, or one that is made."""
    from ..command import archive  # noqa: PLC0415 - most runs arm nothing

    found = COMMAND.read_bytes() if COMMAND.exists() else b""
    return found if archive.digest_of(found) == archive.digest() else archive.build()
