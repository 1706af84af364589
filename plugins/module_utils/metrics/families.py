# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Metrics as data, and as the text that Prometheus reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Union

    Number = Union[int, float]
    Sample = tuple[Mapping[str, str], Number]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Family:
    """One metric.

    :param name: with its unit, and ``_total`` at the end of a counter's.
    :param type: ``counter`` or ``gauge``.
    :param help: what it counts, one sentence.
    :param samples: labels and value of each series.
    """

    name: str
    type: str
    help: str
    samples: list[Sample]


def counter(name: str, help_: str, samples: Iterable[Sample]) -> Family:
    """Return a number that only grows, as long as the node's maps live."""
    return Family(name, "counter", help_, list(samples))


def gauge(name: str, help_: str, samples: Iterable[Sample]) -> Family:
    """Return a number that comes and goes."""
    return Family(name, "gauge", help_, list(samples))


def one(value: Number, **labels: str) -> list[Sample]:
    """Return the one sample of a family."""
    return [(labels, value)]


def render(families: Iterable[Family]) -> str:
    """Return the text; families without a series are left out."""
    lines = [f"# Made by {names.MARK}."]
    for family in families:
        if family.samples:
            lines.append(f"# HELP {family.name} {_escaped(family.help, quotes=False)}")
            lines.append(f"# TYPE {family.name} {family.type}")
            lines += [f"{family.name}{_labels(each)} {value!r}" for each, value in family.samples]
    return "\n".join(lines) + "\n"


def data(families: Iterable[Family]) -> list[dict[str, Any]]:
    """Return the same for programs that read JSON."""
    return [
        {
            "name": family.name,
            "type": family.type,
            "help": family.help,
            "samples": [{"labels": dict(each), "value": value} for each, value in family.samples],
        }
        for family in families
        if family.samples
    ]


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    listed = ",".join(f'{word}="{_escaped(value)}"' for word, value in labels.items())
    return f"{{{listed}}}"


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text
