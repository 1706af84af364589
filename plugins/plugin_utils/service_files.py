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

#: Names of files that a folder of manifests is read for, by their ends.
SUFFIXES = (".yaml", ".yml", ".json")

#: libyaml's reader is some ten times as fast as the one in Python.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UniqueKeys(_LOADER):  # type: ignore[misc]
    """Refuses a key that a mapping has twice: without a --- the first of two documents is lost."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return the mapping of a node, as the loader below does."""
        seen = set()
        for key, _value in node.value:
            if isinstance(key.value, str) and key.value in seen:
                said = f"the key {key.value!r} stands there twice (a document ends with ---)"
                raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def documents(text: str, where: str, loader: Any = _LOADER) -> list[Any]:
    """Return the documents of a YAML text; JSON is YAML, and read some twenty times as fast.

    :param where: what a sentence about it begins with, such as the file.
    :param loader: PyYAML's, or one made of it.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            return [json.loads(text)]
        except ValueError:
            pass  # YAML in the short form, or neither
    try:
        with _uncollected():
            return list(yaml.load_all(text, loader))
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


def load(
    item: str, where: str, find: Callable[[str], str], loader: Any = _LOADER
) -> dict[str, Any]:
    """Return ``{"source": what to call it, "documents": [...]}`` of a file's name, or of a text.

    :param item: a text with more than one line, or in braces, is YAML itself.
    :param where: the variable or option that has it.
    :param find: from a name to a file's path; raises Failure where there is none.
    """
    if "\n" in item or item.startswith("{"):
        return {"source": where, "documents": documents(item, where, loader)}
    return _read(Path(find(item)), item, where, loader)


def load_all(item: str, where: str, find: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return the same as :func:`load` in a list; of a folder each file, in the order of names.

    As for kubectl, those of a folder are the files whose names end as names of YAML or JSON do.
    """
    if "\n" in item or item.startswith("{"):
        return [load(item, where, find, UniqueKeys)]
    path = Path(find(item))
    if not path.is_dir():
        return [_read(path, item, where, UniqueKeys)]
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise Failure(
            f"{where} is {item!r}, a folder without a file of {', '.join(SUFFIXES)}; valid is a "
            "file, or a folder with such files in it."
        )
    return [_read(file, str(Path(item, file.name)), where, UniqueKeys) for file in files]


def _read(path: Path, item: str, where: str, loader: Any) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{where} is {item!r}, which cannot be read: {error}.") from None
    return {"source": item, "documents": documents(text, f"{where} ({item})", loader)}
