# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which files a C source needs: read on the controller, sent to the node as text.

Names are relative to the folder that all files have in common, so that the same checkout in
another place is the same source.
"""

from __future__ import annotations

import base64
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.bpf.compiler import Source, read_folder
from ..engine.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Look = Callable[[Path, str], "tuple[Path, str | None]"]

#: Where the collection's own programs and the stand-in headers lie.
COLLECTION_SOURCES = Path(__file__).parents[3] / "bpf"

#: Begins with a newline, not with "^": so Python looks for one quickly.
_INCLUDE = re.compile(r'\n[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"')

#: What BCC's macros that make maps are given.
_MADE = re.compile(r"\bBPF_\w+\s*\(([^;]*)")


def standin() -> dict[str, str]:
    """Return the stand-in headers for BCC: name -> text."""
    return read_folder(COLLECTION_SOURCES / "include")


def gather(
    programs: Iterable[Mapping[str, Any]], find: Callable[[str], str], base: Path
) -> dict[str, Any]:
    """Read what the programs of a task are made of, and send what they share once.

    :param programs: items of the module's option ``programs``.
    :param find: from ``src`` to the path of the file.
    :param base: folder that ``source`` is thought to lie in: the playbook's.
    :raises Failure: for a file or folder that cannot be read.
    """
    sources: dict[str, dict[str, Any]] = {}
    words_of_maps: dict[str, set[str]] = {}
    named, own = {}, {}
    look = cache(_look)  # programs share most of their headers
    for item in programs:
        inline = item.get("source") and (item["name"], item["source"])
        words = ("src", "object", "remote_src", "dialect", "include")
        key = str((inline, *(item.get(word) for word in words)))
        if key not in sources:
            sources[key] = read_sources(item, find, base, look)
            words_of_maps[key] = _words_of_maps(sources[key])
        named[item["name"]] = list(sources).index(key)
        own[item["name"]] = _own_maps(item, sources[key], words_of_maps[key])
    headers = standin()
    for each in sources.values():
        each["digest"] = source_of(each, headers).fingerprint
    return {
        "programs": named,
        "own_maps": own,
        "sources": list(sources.values()),
        "standin": headers,
    }


def _own_maps(
    item: Mapping[str, Any], source: Mapping[str, Any], words_of_maps: set[str]
) -> list[str]:
    """Name the maps of a program that its C makes itself, as far as its text says so.

    Check mode predicts by it: the compiler, which knows, does not run then.
    """
    listed = item.get("maps")
    names = list(listed) if isinstance(listed, dict) else []
    if source["dialect"] != "bcc":
        return names
    return [name for name in names if name in words_of_maps]


def _words_of_maps(source: Mapping[str, Any]) -> set[str]:
    """Return the words that a source in BCC's dialect gives to the macros that make maps."""
    if source["dialect"] != "bcc":
        return set()
    text = "\n".join(source["files"].values())
    return {word for given in _MADE.findall(text) for word in re.findall(r"\w+", given)}


def gather_own(programs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Do the same for programs of the collection."""
    return gather(programs, lambda name: str(COLLECTION_SOURCES / name), Path.cwd())


def source_of(
    sent: Mapping[str, Any], standin: Mapping[str, str], cflags: tuple[str, ...] = ()
) -> Source:
    """Return a source of those that :func:`gather` gathers.

    :param standin: the stand-in headers.
    :param cflags: flags for clang.
    """
    return Source(
        main=sent["main"],
        files=sent["files"],
        include=tuple(sent["include"]),
        cflags=cflags,
        standin=standin if sent["dialect"] == "bcc" else {},
        digest=sent.get("digest", ""),
        dialect=sent["dialect"],
    )


def without_texts(gathered: Mapping[str, Any], lacking: Iterable[str] = ()) -> dict[str, Any]:
    """Return what :func:`gather` did less the files: enough to recognise what is loaded.

    :param lacking: programs whose compiled objects are to stay.
    """
    kept = {gathered["programs"][name] for name in lacking}
    sources = [
        source if at in kept and source["dialect"] == "object" else {**source, "files": {}}
        for at, source in enumerate(gathered["sources"])
    ]
    return {**gathered, "sources": sources, "standin": {}}


def only(gathered: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return what :func:`gather` would have of some of the programs alone."""
    kept = [name for name in gathered["programs"] if name in set(names)]
    places = sorted({gathered["programs"][name] for name in kept})
    return {
        **gathered,
        "programs": {name: places.index(gathered["programs"][name]) for name in kept},
        "own_maps": {name: gathered["own_maps"][name] for name in kept},
        "sources": [gathered["sources"][place] for place in places],
    }


def is_compiled(gathered: Mapping[str, Any], name: str) -> bool:
    """Say whether a program was given as compiled object."""
    return bool(gathered["sources"][gathered["programs"][name]]["dialect"] == "object")


def _look(folder: Path, name: str) -> tuple[Path, str | None]:
    """Return where a header lies if it lies in a folder, and its text; None: it does not."""
    path = (folder / name).resolve()
    return path, _read(path) if path.is_file() else None


def read_sources(
    item: Mapping[str, Any], find: Callable[[str], str], base: Path, look: Look = _look
) -> dict[str, Any]:
    """Read what one program of the task is made of: ``main``, ``files``, ``include``, ``dialect``.

    :param item: ``src``, ``source`` or ``object``, ``include``, ``dialect`` and ``remote_src``.
    :param find: from ``src`` to the path of the file.
    :param base: folder that ``source`` is thought to lie in: the playbook's.
    :param look: looks a header up in a folder.
    :raises Failure: for a file or folder that cannot be read.
    """
    from ansible.module_utils.parsing.convert_bool import boolean  # noqa: PLC0415 - as in pythons

    if item.get("object") and boolean(item.get("remote_src") or False, strict=False):
        return {"main": "", "files": {}, "include": [], "dialect": "object"}
    if item.get("object"):
        path = Path(find(str(item["object"])))
        content = {path.name: base64.b64encode(_bytes(path)).decode()}
        return {"main": path.name, "files": content, "include": [], "dialect": "object"}
    dialect = item.get("dialect") or "bcc"
    if item.get("source"):
        main = base.resolve() / f"{item['name']}.c"
        texts = {main: str(item["source"])}
    elif item.get("src"):
        main = Path(find(str(item["src"]))).resolve()
        texts = {main: _read(main)}
    else:
        return {"main": "", "files": {}, "include": [], "dialect": dialect}
    folders = [(main.parent / folder).resolve() for folder in item.get("include") or []]
    for folder in folders:
        if not folder.is_dir():
            raise Failure(f"program {item['name']}: include folder {folder} does not exist.")
        texts.update({folder / name: text for name, text in read_folder(folder).items()})
    _follow([main.parent, *folders], texts, look)
    root = Path(os.path.commonpath([main.parent, *folders, *(path.parent for path in texts)]))
    return {
        "main": str(main.relative_to(root)),
        "files": {str(path.relative_to(root)): text for path, text in texts.items()},
        "include": [str(folder.relative_to(root)) for folder in folders],
        "dialect": dialect,
    }


def _follow(folders: list[Path], texts: dict[Path, str], look: Look) -> None:
    """Add the headers that a file includes with quotes, and those that they include."""
    todo = list(texts)
    looked_up: set[tuple[Path, str]] = set()
    while todo:
        path = todo.pop()
        for name in _INCLUDE.findall(f"\n{texts[path]}"):
            if (path.parent, name) in looked_up:  # files of one folder find the same
                continue
            looked_up.add((path.parent, name))
            # One that is nowhere is the system's, or the compiler says where it is missed.
            for folder in (path.parent, *folders):
                header, text = look(folder, name)
                if header in texts:
                    break
                if text is not None:
                    texts[header] = text
                    todo.append(header)
                    break


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path} cannot be read as text: {error}.") from error
