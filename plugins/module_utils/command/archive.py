# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command as one file: an archive of the modules that it is made of, which Python runs.

It is put together on the node from what Ansible brought there for a module: the same code, sent
once. Beside each source lies what Python makes of it, so that a start compiles nothing; another
Python than that of the first line finds the sources.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import marshal
import pkgutil
import re
import sys
import zipfile
from functools import cache
from typing import TYPE_CHECKING

from .. import names
from ..engine.failure import Failure
from . import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The package's name in the archive.
PACKAGE = "podnet"
_BASE = str(__package__).rpartition(".")[0]

_MAIN = f"""import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # before anything that takes time

from {PACKAGE}.words.main import main

sys.exit(main(sys.argv[1:]))
"""
#: What runs. It stands above all that it is made of, and is known here by its name alone.
_ENTRY = f"{_BASE}.words.main"
#: An archive has a time for each file; the first that it can have.
_TIME = (1980, 1, 1, 0, 0, 0)
#: Of a compiled file: its code belongs to the source whose hash follows, and is held against it.
_CHECKED_HASH = (3).to_bytes(4, "little")

#: Package -> what it is called in the archive. Of Ansible there is what checks arguments.
_PACKAGES = {_BASE: PACKAGE, "ansible": "ansible"}

#: What is imported for the type checker alone, and what is imported of these. Each begins with a
#: newline, not with "^": so Python looks for one quickly, and every run looks through all modules.
_TYPES = re.compile(r"\nif (?:\w+\.)?TYPE_CHECKING:\n(?:(?:[ \t].*)?\n)+")
_NAMES = r"import (?:\(([^)]*)\)|(.*))"
_IMPORT = re.compile(rf"\n[ \t]*from (\.+[\w.]*|ansible\.module_utils[\w.]*) {_NAMES}")
_IMPORT_WHOLE = re.compile(r"\n[ \t]*import (ansible\.module_utils[\w.]*)")
_COMMENT = re.compile(r"#.*")

#: The last bytes of the file: the digest of what it is made of, and that of all bytes before.
_SEAL = re.compile(rb"%b ([0-9a-f]{64}) ([0-9a-f]{64})" % re.escape(names.MARK).encode())
_SEAL_SIZE = len(names.MARK) + 2 * 65


def digest() -> str:
    """Return what tells the command from one of other code, or for another Python."""
    made_of = hashlib.sha256(f"{_start()}{sys.version}".encode())
    for name, source in sorted(_sources().items()):
        made_of.update(f"\0{name}\0{source}".encode())
    return made_of.hexdigest()


def build() -> bytes:
    """Return the file: first the Python that runs it, the one that this process runs under."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.comment = bytes(_SEAL_SIZE)
        for path, text in {"__main__.py": _MAIN, **_files()}.items():
            packed.writestr(zipfile.ZipInfo(path, _TIME), text)
            packed.writestr(zipfile.ZipInfo(f"{path}c", _TIME), _compiled(path, text))
    body = _start().encode() + archive.getvalue()[:-_SEAL_SIZE]
    whole = hashlib.sha256(body).hexdigest()
    return body + f"{names.MARK} {digest()} {whole}".encode()


def digest_of(file: bytes) -> str | None:
    """Return the digest of a command's file as it lies there; None where it is not whole."""
    seal = _SEAL.fullmatch(file[-_SEAL_SIZE:])
    if seal is None or hashlib.sha256(file[:-_SEAL_SIZE]).hexdigest().encode() != seal[2]:
        return None
    return seal[1].decode()


def _start() -> str:
    return f"#!{sys.executable} -I\n"


def _compiled(path: str, text: str) -> bytes:
    source = text.encode()
    code = compile(source, path, "exec", dont_inherit=True)
    checked = _CHECKED_HASH + importlib.util.source_hash(source)
    return importlib.util.MAGIC_NUMBER + checked + marshal.dumps(code)


def _files() -> dict[str, str]:
    """Return the files of the packages, by their paths in the archive."""
    sources = _sources()
    folders = {parent for name in sources for parent in _parents(name)}
    empty = {f"{_path(name)}/__init__.py": "" for name in sorted(folders)}
    return {**empty, **{_path(name) + ".py": source for name, source in sorted(sources.items())}}


def _parents(name: str) -> Iterator[str]:
    """Return the packages that a module lies in, down to one of those that have a name here."""
    while name not in _PACKAGES:
        name = name.rpartition(".")[0]
        yield name


def _path(name: str) -> str:
    package = _package(name)
    return (_PACKAGES[package] + name[len(package) :]).replace(".", "/")


def _package(name: str) -> str:
    return next(each for each in _PACKAGES if f"{name}.".startswith(f"{each}."))


@cache
def _sources() -> Mapping[str, str]:
    """Return the modules that the command imports, at once or later, with their sources."""
    found: dict[str, str] = {}
    words = [f"{_BASE}.words.{word.name}" for word in table.WORDS]
    todo = [_ENTRY, *words]
    seen = {*todo}
    for name in todo:  # which grows
        if name.rpartition(".")[0] in found:  # something in a module
            continue
        for file in (name, f"{name}.__init__"):
            source = _source(file)
            if source:  # else an empty package, or something in one
                found[file] = source
                imported = dict.fromkeys(imports(file.rpartition(".")[0], source))
                todo += [each for each in imported if each not in seen]
                seen.update(imported)
    lacking = {_ENTRY, *words} - set(found)
    if lacking:
        first = min(lacking)
        raise Failure(f"The source of {first} is not there to make the command podnet of.")
    return found


def _source(name: str) -> str | None:
    """Return the source of a module, wherever it was sent to."""
    package = _package(name)
    path = name[len(package) + 1 :].replace(".", "/") + ".py"
    try:
        data = pkgutil.get_data(package, path)
    except OSError:
        return None
    return None if data is None else data.decode()


def imports(package: str, source: str) -> Iterator[str]:
    """Return what a module imports of the packages: names of modules, and some that are none."""
    text = _TYPES.sub("\n", f"\n{source}")
    yield from _IMPORT_WHOLE.findall(text)
    for base, listed, line in _IMPORT.findall(text):
        whole = importlib.util.resolve_name(base, package)
        yield whole
        for each in _COMMENT.sub("", listed or line).split(","):
            if each.strip():  # a list may end with a comma
                yield f"{whole}.{each.split(' as ')[0].strip()}"
