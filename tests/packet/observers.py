# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Somebody who looks at the packets of the node under test."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.drops.names import Names
from ansible_collections.podnet.fabric.plugins.module_utils.flows import look
from ansible_collections.podnet.fabric.plugins.module_utils.flows.known import Known
from ansible_collections.podnet.fabric.plugins.module_utils.flows.lines import Lines
from ansible_collections.podnet.fabric.plugins.module_utils.flows.wanted import Wanted

from .node import NODE, PEER, POD_A, POD_B

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from .node import Node

#: Rules and sets of the tests: number -> its name, and its policies.
RULES: Mapping[int, tuple[str, Sequence[str]]] = {
    11: ("default/web ingress[0]", ("default/web",)),
    12: ("default/out egress[0]", ("default/out",)),
    101: ("ingress default/web", ("default/web",)),
    102: ("egress default/out", ("default/out",)),
}
HOST = 4711


@dataclass
class Observer:
    """A node, and where its lookers keep each other out."""

    node: Node
    folder: Path

    def known(self, _others: Mapping[str, str]) -> Known:
        """Return who addresses are."""
        index = self.node.ifindex
        return Known(
            names=Names(
                devices={
                    index["pod_a"]: ("pod_a", "a"),
                    index["pod_b"]: ("pod_b", "b"),
                    index["eth0"]: ("eth0", None),
                },
                pods={POD_A: "a", POD_B: "b"},
                nodes={NODE: NODE, PEER: PEER},
                blocks={},
                sets={},
            ),
            rules=RULES,
            host=HOST,
        )

    @contextlib.contextmanager
    def looking(self, wanted: Wanted, **options: Any) -> Iterator[Callable[[], look.Batch]]:
        """Look for the length of a ``with`` block."""
        with look.looking(
            wanted,
            {},
            tables=self.node.tables,
            folder=self.folder,
            knows=self.known,
            **options,
        ) as batch:
            yield batch

    @contextlib.contextmanager
    def seen(self, **options: Any) -> Iterator[list[dict[str, Any]]]:
        """Look for the length of a ``with`` block; the lines are there behind it.

        :param options: of :class:`Wanted`.
        """
        wanted = Wanted(**options)
        lines: list[dict[str, Any]] = []
        with self.looking(wanted) as batch:
            yield lines
            maker = Lines(time.time_ns() - time.monotonic_ns())
            found = batch()
        assert found.lost == 0
        for event in found.events:
            lines += filter(wanted.takes, maker.of(event, found.known))
