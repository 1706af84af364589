# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The diff of a step as people read it: a line an object, and what many have in common once.

Modules return an object's attributes before and after; for a first run on a node these are a
thousand lines.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

from ..datapath import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Optional

    State = Optional[Mapping[str, Any]]
    #: By its object, in dotted words: what a line says of it.
    Said = dict[str, dict[str, str]]

_MAP, _ENTRIES = "map ", "entries of map "
#: Attributes that say nothing where they have the value that nearly all have.
_USUAL = {"table": "254", "type": "unicast", "protocol": "112", "scope": "global"}
#: What is not set.
_NOTHING = ("", "0", "false", "::", "00:00:00:00:00:00")
#: A digest says that something differs, and its first digits do.
_DIGEST = re.compile(r"\b([0-9a-f]{7})[0-9a-f]{5,}\b")
_WIDTH = 100
#: No attribute of a device: why it cannot stay.
_REASON = "recreated_because"
#: So many objects of a kind make it worth a line to say what they have in common.
_MANY = 3


def texts(diff: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the diff of one step with ``before`` and ``after`` as lines of text.

    Maps that are made or removed stand apart: they are the same on every node.

    :param diff: as a module returns it, with the headers of the step.
    """
    before: Said = {}
    after: Said = {}
    made: dict[str, list[str]] = {"before": [], "after": []}
    for what in dict.fromkeys([*diff["before"], *diff["after"]]):
        old, new = diff["before"].get(what), diff["after"].get(what)
        if what.startswith(_MAP) and None in (old, new):
            made["before" if new is None else "after"].append(what.rpartition("/")[2])
        elif what.startswith(_ENTRIES):
            _add_entries(what, old, new, before, after)
        else:
            _add(what, old, new, before, after)
    step = diff["after_header"]
    found = [
        _text(f"{step}: maps", _maps(made["before"]), _maps(made["after"])),
        _text(step, _lines(before), _lines(after)),
    ]
    return [one for one in found if one["before"] or one["after"]]


def _text(header: str, before: list[str], after: list[str]) -> dict[str, str]:
    return {
        "before": "".join(f"{one}\n" for one in before),
        "after": "".join(f"{one}\n" for one in after),
        "before_header": header,
        "after_header": header,
    }


def _add(
    what: str, old: State | list[str], new: State | list[str], before: Said, after: Said
) -> None:
    changes = old is not None and new is not None
    for state, said in ((old, before), (new, after)):
        if isinstance(state, list):  # sentences
            said.update({f"{what}: {sentence}": {} for sentence in state})
        elif state is not None:
            own = {word: value for word, value in state.items() if word != _REASON}
            said[what] = _said(what, own, changes=changes)
            if state.get(_REASON):
                said[f"{what}: made anew, since {state[_REASON]}"] = {}


def _add_entries(what: str, old: State, new: State, before: Said, after: Said) -> None:
    """Add each entry of a map as an object of its own."""
    name = what.rpartition("/")[2]
    for label in dict.fromkeys([*(old or {}), *(new or {})]):
        values = [None if state is None else state.get(label) for state in (old, new)]
        states = [_entry(name, value) for value in values]
        _add(f"{name} {label}", states[0], states[1], before, after)


def _entry(name: str, value: Any) -> State:
    if not isinstance(value, dict):  # None, or of a per-CPU map a list
        return value if value is None else {"value": value}
    shown = dict(value)
    words = layout.FLAG_WORDS.get(name, {})
    if words and isinstance(value.get("flags"), int):
        shown["flags"] = [word for bit, word in words.items() if value["flags"] & bit]
    for word, names in layout.VALUE_WORDS.get(name, {}).items():
        shown[word] = names.get(value.get(word), value.get(word))
    return shown


def _said(what: str, state: Mapping[str, Any], *, changes: bool) -> dict[str, str]:
    """Return the attributes of an object; of one that is made or removed, those that say something.

    Where an object changes, the state has only what differs.
    """
    flat = dict(_flat("", state))
    if changes:
        return {word: _DIGEST.sub(r"\1", value) for word, value in flat.items()}
    named = what.split()
    return {
        word: value
        for word, value in flat.items()
        if value not in _NOTHING
        and _USUAL.get(word) != value
        and not _DIGEST.fullmatch(value)
        and not {value, *re.split("[:/]", value)} & set(named[1:])
    }


def _flat(word: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(f"{word}.{key}" if word else str(key), each)
    elif isinstance(value, (list, tuple)):
        if any(isinstance(one, dict) for one in value):
            for at, one in enumerate(value):
                yield from _flat(f"{word}[{at}]", one)
        else:
            yield word, " ".join(map(str, value))
    elif value is None:
        yield word, ""
    else:
        yield word, str(value).lower() if isinstance(value, bool) else str(value)


def _maps(names: list[str]) -> list[str]:
    if not names:
        return []
    listed = textwrap.wrap(", ".join(sorted(names)), _WIDTH, initial_indent="maps ")
    return [listed[0], *("     " + more for more in listed[1:])]


def _lines(said: Said) -> list[str]:
    """Return a line for each object, and before those of a kind what all of them have."""
    kinds: dict[str, list[str]] = {}
    for what in said:
        kinds.setdefault(what.split()[0], []).append(what)
    lines = []
    for kind, objects in kinds.items():
        common = _common([said[what] for what in objects]) if len(objects) >= _MANY else {}
        if common:
            lines.append(_line(f"every {kind}", common))
        own = {
            what: {word: value for word, value in said[what].items() if word not in common}
            for what in sorted(objects)
        }
        lines += [_line(what, attributes) for what, attributes in own.items() if attributes]
        lines += _listed(what for what, attributes in own.items() if not attributes)
    return lines


def _listed(objects: Iterable[str]) -> list[str]:
    """Return a line for all objects of a kind that are said by their names alone."""
    named: dict[str, list[str]] = {}
    for what in objects:
        # A sentence is a line of its own.
        kind, _blank, name = (what, "", "") if ": " in what else what.rpartition(" ")
        named.setdefault(kind, []).append(name)
    return [f"{kind} {', '.join(names)}".strip() for kind, names in named.items()]


def _common(attributes: list[dict[str, str]]) -> dict[str, str]:
    first, *rest = attributes
    return {
        word: value
        for word, value in first.items()
        if all(other.get(word) == value for other in rest)
    }


def _line(what: str, attributes: Mapping[str, str]) -> str:
    listed = ", ".join(
        value if word == "value" else f"{word} {value or 'none'}"
        for word, value in attributes.items()
    )
    return f"{what}: {listed}" if listed else what
