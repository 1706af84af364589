# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From C to a loaded program, by BCC, in this process, without kernel headers on the node.

BCC looks for the headers of the running kernel and stops without them. What it needs of them is
little: a few stand-in files (``bpf/include`` of the collection) travel with the sources, and all
else comes from the C library's own copy in /usr/include.

Pinned maps are opened first and reach the C as ``-DPN_FD_<NAME>=<descriptor>``, where
``(void *)bpf_pseudo_fd(1, PN_FD_<NAME>)`` is the map.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from .. import scratch
from ..failure import Failure
from . import limits, objects, stderr
from .aim import ANY
from .maps import Map

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..map_spec import MapSpec
    from .aim import Aim

SYSTEM_HEADERS = Path("/usr/include")

#: A call of what nobody declares compiles, and the verifier then says nothing of it.
_FLAGS = ("-Werror=implicit-function-declaration",)


@dataclass(frozen=True)
class Source:
    """What is compiled.

    :param main: name in ``files`` of the file that holds the function.
    :param files: name -> text of it and of every header it includes; names are relative paths,
        and those that errors show.
    :param include: folders of ``files`` in which ``#include`` looks, after the main file's own.
    :param cflags: flags for clang.
    :param standin: name -> text of the stand-in headers.
    :param digest: hash of all files, where they themselves are not here and nothing is compiled.
    :param dialect: what makes programs of it, a key of :data:`programs.DIALECTS`.
    """

    main: str
    files: Mapping[str, str]
    include: tuple[str, ...] = ()
    cflags: tuple[str, ...] = ()
    standin: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    dialect: str = "bcc"

    @property
    def fingerprint(self) -> str:
        """Hash of all files, as hexadecimal."""
        if self.digest and not self.files:
            return self.digest
        parts = [self.main, list(self.include), dict(self.files), dict(self.standin)]
        parts += [] if self.dialect == "bcc" else [self.dialect]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_folder(folder: Path) -> dict[str, str]:
    """Read every header below a folder: name -> text, such as the stand-in headers."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.h"))
    }


class Compiled:
    """A source that is compiled: its functions can be loaded. See :func:`compiled`."""

    def __init__(self, module: Any, source: Source, map_fds: Mapping[str, int]) -> None:
        """Take over what BCC made of a source."""
        self._module = module
        self._source = source
        self._map_fds = map_fds

    def to_object(self) -> objects.Object:
        """Return all functions as data, for other hosts.

        :raises Failure: where that cannot be, as the source makes maps of its own.
        """
        library, module = importlib.import_module("bcc").lib, self._module.module
        names = [library.bpf_function_name(module, at) for at in range(_functions(module))]
        try:
            return objects.made(
                {name.decode(): self._module.dump_func(name) for name in names},
                self._map_fds,
                (library.bpf_module_license(module) or b"GPL").decode(),
            )
        except Failure as failure:
            raise Failure(
                f"{self._source.main} cannot be handed on to other hosts: {failure.message}"
            ) from failure

    def own(self, name: str) -> MapSpec | None:
        """Return a map that the source makes itself, by its name in the C; None for no such."""
        fd = self.made(name)
        if fd < 0:
            return None
        with Map(os.dup(fd)) as found:
            return found.spec

    def use(self, name: str, found: Map) -> None:
        """Take a map in the place of one that the source makes itself."""
        os.dup2(found.fd, self.made(name), inheritable=False)

    def made(self, name: str) -> int:
        """Return the descriptor of a map that the source makes itself."""
        library = importlib.import_module("bcc").lib
        return int(library.bpf_table_fd(self._module.module, name.encode()))

    def load(self, function: str, program_type: int, aim: Aim = ANY) -> int:
        """Load one of the functions; return the program's descriptor.

        :param program_type: enum bpf_prog_type.
        :param aim: what the program must name when it is loaded; BCC knows no target.
        :raises Failure: with file and line, and the whole output in ``log``.
        """
        return _load(self._module, function, program_type, aim.attach_type, self._source)


@contextlib.contextmanager
def compiled(source: Source, map_fds: Mapping[str, int] | None = None) -> Iterator[Compiled]:
    """Compile a source for the length of a ``with`` block.

    :param map_fds: what ``MAP(name)`` stands for in the C; to be open for as long.
    :raises Failure: with file and line, and the whole output in ``log``.
    """
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(scratch.folder("podnet-bpf-"))
        flags = [*_FLAGS, *unpack(source, Path(folder))]
        flags += [f"-DPN_FD_{name}={fd}" for name, fd in (map_fds or {}).items()]
        text = f'#line 1 "{source.main}"\n{source.files[source.main]}'
        with _environment("BCC_KERNEL_SOURCE", f"{folder}/kernel"):
            module = _compile(text, flags, source, folder)
        try:
            yield Compiled(module, source, map_fds or {})
        finally:
            module.cleanup()


def _functions(module: Any) -> int:
    return int(importlib.import_module("bcc").lib.bpf_num_functions(module))


def unpack(source: Source, folder: Path) -> list[str]:
    """Write the sources below a folder; return clang's flags that find them."""
    headers = _system_headers()
    for base, files in (("src", source.files), ("kernel/include", source.standin)):
        for name, text in files.items():
            path = folder / base / name
            if ".." in path.parts:
                raise Failure(f"source file name {name!r} is none: it must stay in its folder.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    # Programs written for kernel headers say <uapi/linux/ip.h>; it is the same file.
    uapi = folder / "system/uapi"
    uapi.mkdir(parents=True)
    (uapi / "linux").symlink_to(SYSTEM_HEADERS / "linux")
    own = [str(PurePosixPath(source.main).parent), *source.include]
    return [
        *source.cflags,
        *(f"-I{folder}/src/{name}" for name in own),
        f"-I{folder}/system",
        *(word for path in headers for word in ("-idirafter", str(path))),
    ]


def has_headers() -> bool:
    """Say whether the C library's kernel headers are there."""
    return bool(_asm()) or (SYSTEM_HEADERS / "asm/types.h").exists()


def _asm() -> list[Path]:
    # Debian keeps asm/ in a folder named after the architecture, Fedora beside linux/.
    return [path.parent.parent for path in SYSTEM_HEADERS.glob("*-linux-*/asm/types.h")]


def _system_headers() -> list[Path]:
    if not has_headers():
        raise Failure(
            f"{SYSTEM_HEADERS}/linux/types.h and what it includes are not there: install "
            "linux-libc-dev (Debian) or kernel-headers (Fedora). Headers of the running kernel "
            "are not needed."
        )
    return [SYSTEM_HEADERS, *_asm()]


def _compile(text: str, flags: list[str], source: Source, folder: str) -> Any:
    # Here and not at the top of the file: it takes 0.1 s and 40 MB, and most runs compile nothing.
    bcc = importlib.import_module("bcc")
    with stderr.collected() as output:
        try:
            return bcc.BPF(text=text.encode(), cflags=flags)
        except Exception as error:  # BCC raises nothing more exact
            failure = error
    raise rejected(source, output[0], folder, str(failure)) from failure


def rejected(source: Source, said: str, folder: str, otherwise: str) -> Failure:
    """Return the failure of a source that clang does not take.

    :param said: what clang has printed.
    :param folder: where the sources were unpacked.
    :param otherwise: the reason where clang gives none.
    """
    log = said.replace(f"{folder}/src/", "").replace("./include/", "").splitlines()
    errors = [line for line in log if re.search(r": (fatal )?error: ", line)]
    reason = _said(errors[0]) if errors else otherwise
    return Failure(f"{source.main} does not compile: {reason}.", log=log)


def _said(line: str) -> str:
    """Say an error of clang as file, line and reason."""
    return re.sub(r":(\d+):\d+: (fatal )?error:(.*?)( \[-W[^]]*\])?$", r":\1:\3", line)


def _load(module: Any, function: str, program_type: int, attach_type: int, source: Source) -> int:
    # Without the keyword where it says nothing: older BCC does not know it.
    more = {"attach_type": attach_type} if attach_type else {}
    with stderr.collected() as output:
        try:
            loaded = module.load_func(function.encode(), program_type, **more)
            return os.dup(loaded.fd)
        except Exception as error:  # BCC raises nothing more exact
            failure = error
    if "Unknown program" in str(failure):
        raise Failure(f"{source.main} has no function {function!r} that is not static.")
    log = output[0].splitlines()
    reason, place = verdict(log, source.files)
    raise Failure(
        limits.explained(log, source)
        or f"The kernel refused {function} of {source.main}{f' at {place}' if place else ''}: "
        f"{reason or failure}.",
        log=log[-60:],
    ) from failure


def verdict(log: list[str], files: Mapping[str, str]) -> tuple[str, str]:
    """Find in a verifier's log what it objects to, and ``file:line`` of the C (each may be "").

    The log shows source lines between instructions; since Linux 6.9 with file and line, before
    with the text alone, which is then looked for in the sources.
    """
    instructions = [index for index, line in enumerate(log) if re.match(r"\d+: \(", line)]
    last = instructions[-1] if instructions else -1
    objection = [
        line.strip()
        for line in log[last + 1 :]
        if line.strip() and not re.match(r"processed |[;-]|bpf: |from \d|verification time", line)
    ]
    place = ""
    for line in log[: last + 1]:
        if line.startswith("; "):
            place = _place(line[2:], files) or place
    return "; ".join(objection), place


def _place(shown: str, files: Mapping[str, str]) -> str:
    named = re.match(r"(.*) @ (\S+):(\d+)$", shown)
    if named:
        full = [name for name in files if PurePosixPath(name).name == named[2]]
        # BCC adds lines of its own behind the last one.
        if len(full) != 1 or int(named[3]) <= len(files[full[0]].splitlines()):
            return f"{full[0] if len(full) == 1 else named[2]}:{named[3]}"
        shown = named[1]
    places = [
        f"{name}:{number}"
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() == shown.strip()
    ]
    return places[0] if len(places) == 1 else ""


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
