# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who addresses are, and which numbers policies have: what names are looked up in."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from ..datapath import pinned
from ..datapath.policy_layout import POLICY_NAMES, POLICY_RULE
from ..datapath.service_layout import SERVICE_STATE
from ..drops import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Known:
    """What is known by what.

    :param names: what the node's kernel knows.
    :param others: address -> pod of another node, as somebody said.
    :param rules: number of a rule or set -> its name, and the policies behind it.
    :param host: cookie of the node's own namespace; 0 where no program knows it.
    """

    names: names.Names
    others: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[int, tuple[str, Sequence[str]]] = field(default_factory=dict)
    host: int = 0

    def of(self, address: str | None) -> str | None:
        """Name an address; None for one that nobody knows."""
        if address and address in self.others and address not in self.names.pods:
            return self.others[address]
        return self.names.of(address)

    def addresses(self, pattern: str) -> list[str]:
        """Return the addresses of pods whose names a pattern fits."""
        pods = {**self.others, **self.names.pods}
        return [address for address, name in pods.items() if fnmatchcase(name, pattern)]

    def numbers(self, pattern: str) -> list[int]:
        """Return the numbers of the rules and sets of policies whose names a pattern fits."""
        return [
            number
            for number, (_name, policies) in self.rules.items()
            if any(fnmatchcase(name, pattern) for name in policies)
        ]


def read(others: Mapping[str, str]) -> Known:
    """Read it; ``others`` as in :class:`Known`."""
    states = pinned.entries(SERVICE_STATE)
    return Known(
        names=names.read(),
        others=others,
        rules={key["number"]: _rule(key, value) for key, value in pinned.entries(POLICY_NAMES)},
        host=states[0][1]["host_netns"] if states else 0,
    )


def _rule(key: Mapping[str, int], value: Mapping[str, str]) -> tuple[str, Sequence[str]]:
    """Read ``default/web ingress[0]`` of a rule, ``ingress default/web ...`` of a set."""
    words = value["name"].split()
    return value["name"], words[1:] if key["kind"] != POLICY_RULE else words[:1]
