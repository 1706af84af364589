# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Label selectors as Kubernetes has them: matchLabels and matchExpressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import values
from ..values import Field, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

IN, NOT_IN, EXISTS, DOES_NOT_EXIST = OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


class Requirement(NamedTuple):
    """One condition on the label ``key``; ``values`` of ``In`` and ``NotIn`` alone."""

    key: str
    operator: str
    values: frozenset[str]

    def met_by(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels meet it; those without the key meet ``NotIn``, too."""
        if self.operator == IN:
            return labels.get(self.key) in self.values
        if self.operator == NOT_IN:
            return labels.get(self.key) not in self.values
        return (self.key in labels) == (self.operator == EXISTS)


class Selector(NamedTuple):
    """All of its requirements; the empty selector matches everything."""

    requirements: frozenset[Requirement]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels meet all requirements."""
        return all(each.met_by(labels) for each in self.requirements)


def _requirement(*, key: str, operator: str, values: list[str] | None) -> Requirement:
    listed = operator in (IN, NOT_IN)
    if listed and not values:
        raise Invalid(values or [], f"a list of texts, which {operator} needs", ".values")
    if not listed and values:
        raise Invalid(values, f"none, since {operator} has no values", ".values")
    return Requirement(key, operator, frozenset(values or ()))


def _selector(*, matchLabels: dict[str, str], matchExpressions: list[Requirement]) -> Selector:  # noqa: N803
    # A label of matchLabels is short for In with one value; two ways to say it are one selector.
    equal = (Requirement(key, IN, frozenset([value])) for key, value in matchLabels.items())
    return Selector(frozenset((*equal, *matchExpressions)))


_EXPRESSION = values.record(
    _requirement,
    {
        "key": Field(values.words, needed="the key of a label such as app"),
        "operator": Field(values.choice(*OPERATORS), needed=values.one_of(OPERATORS)),
        "values": Field(values.list_of(values.label)),
    },
)

#: Reader of selectors, which takes the empty one, too.
selector = values.record(
    _selector,
    {
        "matchLabels": Field(values.labels, {}),
        "matchExpressions": Field(values.list_of(_EXPRESSION), []),
    },
)
