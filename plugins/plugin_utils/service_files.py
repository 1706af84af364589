# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files and texts of variables, on the controller: read once, and told where they are wrong."""

from __future__ import annotations

import contextlib
import gc
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import yaml

from ..module_utils.engine.failure import Failure
from ..module_utils.plan.kubernetes.manifests import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names of files that a folder of manifests is read for, by their ends.
SUFFIXES = (".yaml", ".yml", ".json")

#: Kinds of documents that somebody reads.
READ = frozenset((*VERSIONS, *(f"{kind}List" for kind in VERSIONS), "List"))

#: libyaml's reader is some ten times as fast as the one in Python.
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_JSON_START = re.compile(r"\S")
_STR = "tag:yaml.org,2002:str"


class Tagged:
    """A value with a tag that says nothing here: no reader takes it for one of its own."""

    def __init__(self, tag: str) -> None:
        """Keep the tag."""
        self.tag = tag

    def __repr__(self) -> str:
        """Return what stands in the file, as a sentence quotes it."""
        return f"<a value tagged {self.tag}>"


class Loader(_BASE):  # type: ignore[misc]
    """Reads YAML as Kubernetes' tools do: whatever a document holds is no reason to stop.

    Of scalars those that would be dates, numbers by sixty, or ``=``, are texts.
    """

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Return the value of a node."""
        if not isinstance(node, yaml.ScalarNode) or node.tag == _STR:
            return super().construct_object(node, deep)
        if node.tag in _TEXTS or (node.tag in _NUMBERS and ":" in node.value):
            return node.value
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError):  # such as 0b_
            return node.value

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return the mapping of a node; a key that is a list or a mapping becomes its text."""
        self.flatten_mapping(node)
        return {
            self.construct_object(key, deep=True)
            if isinstance(key, yaml.ScalarNode)
            else yaml.serialize(key, Dumper=yaml.SafeDumper).strip(): self.construct_object(
                value, deep
            )
            for key, value in node.value
        }

    def tagged(self, node: Any) -> Tagged:
        """Return what stands for a value of an unknown tag."""
        return Tagged(node.tag)


_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_TEXTS = ("tag:yaml.org,2002:value", "tag:yaml.org,2002:timestamp")
Loader.add_constructor(None, Loader.tagged)


class UniqueKeys(Loader):
    """Refuses a key that a mapping has twice: without a --- the first of two documents is lost.

    Within a document whose kind nobody reads, that is for others to find.
    """

    _twice: Any = None

    def construct_document(self, node: Any) -> Any:
        """Return a document."""
        self._twice = None
        document = super().construct_document(node)
        ours = not isinstance(document, dict) or str(document.get("kind")) in READ
        if self._twice is not None and (ours or self._twice[0] is node):
            key = self._twice[1]
            said = f"the key {key.value!r} stands there twice (a document ends with ---)"
            raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
        return document

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Return the mapping of a node, as the loader below does."""
        seen = set()
        for key, _value in node.value:
            if isinstance(key.value, str) and key.value in seen and self._twice is None:
                self._twice = node, key
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def documents(text: str, where: str, loader: Any = Loader) -> list[Any]:
    """Return the documents of a YAML text; JSON is YAML, and read some twenty times as fast.

    :param where: what a sentence about it begins with, such as the file.
    :param loader: PyYAML's, or one made of it.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _json(text)
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


def _json(text: str) -> list[Any]:
    """Return JSON documents, one after the other as kubectl takes them."""
    decoder, found, at = json.JSONDecoder(), [], 0
    end = len(text.rstrip())
    while at < end:
        document, at = decoder.raw_decode(text, _JSON_START.search(text, at).start())  # type: ignore[union-attr]
        found.append(document)
    return found


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


def load(item: str, where: str, find: Callable[[str], str], loader: Any = Loader) -> dict[str, Any]:
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
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{where} is {item!r}, which cannot be read: {error}.") from None
    return {"source": item, "documents": documents(text, f"{where} ({item})", loader)}
