# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files and texts of variables, on the controller: read once, and told where they are wrong."""

from __future__ import annotations

import contextlib
import gc
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import yaml

from ..module_utils.engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

#: libyaml's reader is some ten times as fast as the one in Python.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(text: str, where: str) -> list[Any]:
    """Return the documents of a YAML text; JSON is YAML, and read some twenty times as fast.

    :param where: what a sentence about it begins with, such as the file.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            return [json.loads(text)]
        except ValueError:
            pass  # YAML in the short form, or neither
    try:
        with _uncollected():
            return list(yaml.load_all(text, _LOADER))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f" line {mark.line + 1}, column {mark.column + 1}:"
        problem = getattr(error, "problem", None) or str(error)
        raise Failure(f"{where}:{place} {problem}; valid is YAML.") from None


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Do without the garbage collector, which looks through all that is read over and over.

    Of one large document that takes twice as long as reading it, and finds nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def load(item: str, where: str, find: Callable[[str], str]) -> dict[str, Any]:
    """Return ``{"source": what to call it, "documents": [...]}`` of a file's name, or of a text.

    :param item: a text with more than one line, or in braces, is YAML itself.
    :param where: the variable or option that has it.
    :param find: from a name to a file's path; raises Failure where there is none.
    """
    if "\n" in item or item.startswith("{"):
        return {"source": where, "documents": documents(item, where)}
    try:
        text = Path(find(item)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{where} is {item!r}, which cannot be read: {error}.") from None
    return {"source": item, "documents": documents(text, f"{where} ({item})")}
