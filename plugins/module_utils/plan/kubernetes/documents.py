# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes' documents, one by one, out of files, texts, lists and whatever holds several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..problems import some
from ..values import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    #: Gets what is no document of Kubernetes', and where it stands.
    Stray = Callable[[str, object], None]
    Documents = Iterator[tuple[str, dict[str, Any]]]


def documents(variable: str, given: Sequence[Any], stray: Stray, *, counted: bool) -> Documents:
    """Yield each document, and where it stands.

    :param given: ``{"source": file, "documents": [...]}``, or a document by itself.
    :param counted: whether a place is told with its number where a file or a list has several.
    """
    for number, item in enumerate(given):
        where, several = f"{variable}[{number}]", [item]
        if isinstance(item, dict) and "documents" in item:
            where, several = item["source"], item["documents"]
        for count, document in enumerate(several, 1):
            at = f"{where}, document {count}" if counted and len(several) > 1 else where
            yield from _within(at, document, stray, counted=counted)


def _within(where: str, document: Any, stray: Stray, *, counted: bool) -> Documents:
    """Yield a document, or what a list holds: ``kind: List``, ``ServiceList``, or a plain list."""
    if document is None or document == {}:  # nothing between two ---
        return
    if isinstance(document, list):
        yield from _items(where, document, {}, stray, counted=counted)
    elif not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        stray(where, document)
    elif document["kind"].endswith("List") and _are_documents(document.get("items")):
        # Items of a ServiceList need not repeat their kind.
        kind = document["kind"][: -len("List")]
        implied = {"apiVersion": document.get("apiVersion"), "kind": kind} if kind else {}
        yield from _items(where, document["items"], implied, stray, counted=counted)
    else:
        yield where, document


def _are_documents(items: object) -> bool:
    """Say whether a list holds documents: a kind of somebody's may end in List, and be none."""
    return isinstance(items, list) and all(each is None or isinstance(each, dict) for each in items)


def _items(
    where: str, items: list[Any], implied: dict[str, Any], stray: Stray, *, counted: bool
) -> Documents:
    for count, each in enumerate(items, 1):
        at = f"{where}, item {count}" if counted else where
        whole = {**implied, **each} if implied and isinstance(each, dict) else each
        yield from _within(at, whole, stray, counted=counted)


def title(manifest: Mapping[str, Any], default: str = "default") -> str:
    """Return a document's kind, namespace and name, as far as it says them.

    :param default: the namespace where it says none; empty where it may have none.
    """
    about = manifest.get("metadata")
    if not isinstance(about, dict) or not about.get("name"):
        return str(manifest["kind"])
    namespace = about.get("namespace") or default
    return f"{manifest['kind']} {namespace}{'/' if namespace else ''}{about['name']}"


def names_by_kind(passed: Mapping[str, list[str]]) -> str:
    """Return documents that are passed over as a sentence names them, kind by kind."""
    return "; ".join(f"{kind} {some(names)}" for kind, names in passed.items())


def name(manifest: Mapping[str, Any]) -> str:
    """Return a document's name without its kind."""
    return title(manifest, "").partition(" ")[2] or "without a name"


def sentence(whose: str, invalid: Invalid) -> str:
    """Return what is wrong with a field of a document."""
    if not invalid.path.startswith("."):  # of the document as a whole
        return invalid.sentence(whose)
    return Invalid(invalid.value, invalid.valid, invalid.path[1:]).sentence(f"{whose}: ")
