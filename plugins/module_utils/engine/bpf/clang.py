# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""C in libbpf's dialect (``SEC()``, ``bpf_helpers.h``): by clang to an object, then by libbpf.

``vmlinux.h`` is made of the running kernel's own BTF where the sources bring none.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .. import scratch
from ..failure import Failure
from . import btf, compiler, libbpf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .compiler import Source

#: ``uname -m`` -> what bpf_tracing.h wants to know; else it is the same word.
_ARCHITECTURES = {"x86_64": "x86", "aarch64": "arm64", "ppc64le": "powerpc", "s390x": "s390"}


def compiled(
    source: Source, _map_fds: Mapping[str, int] | None = None
) -> contextlib.closing[libbpf.Opened]:
    """Compile a source for the length of a ``with`` block.

    :raises Failure: with file and line, or what is to be installed.
    """
    libbpf.library()
    with scratch.folder("podnet-bpf-") as folder:
        data = _object(source, Path(folder))
    return contextlib.closing(libbpf.Opened(data, source))


def _object(source: Source, folder: Path) -> bytes:
    clang = _tool("clang")
    flags = compiler.unpack(source, folder)
    if not (compiler.SYSTEM_HEADERS / "bpf/bpf_helpers.h").exists():
        raise Failure(
            f"{source.main} is in libbpf's dialect, and /usr/include/bpf/bpf_helpers.h is not "
            "there: install libbpf-dev (Debian) or libbpf-devel (Fedora)."
        )
    names = {PurePosixPath(name).name for name in source.files}
    if "vmlinux.h" not in names and any("vmlinux.h" in text for text in source.files.values()):
        made = _run([_tool("bpftool"), "btf", "dump", "file", str(btf.KERNEL), "format", "c"])
        if made.returncode:
            raise Failure(f"vmlinux.h cannot be made of {btf.KERNEL}: {made.stderr.strip()}.")
        (folder / "src/vmlinux.h").write_text(made.stdout, encoding="utf-8")
    machine = platform.machine()
    target = folder / "object.o"
    words = [
        *(clang, "-target", "bpf", "-g", "-O2"),
        f"-D__TARGET_ARCH_{_ARCHITECTURES.get(machine, machine)}",
        *flags,
        f"-I{folder}/src",
        *("-c", str(folder / "src" / source.main), "-o", str(target)),
    ]
    done = _run(words)
    if done.returncode:
        raise compiler.rejected(source, done.stderr, str(folder), "clang gives no reason")
    return target.read_bytes()


def _tool(name: str) -> str:
    found = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin")
    if found is None:
        raise Failure(
            f"{name}, which compiles libbpf's C, is not there: install {name} (Debian) or "
            f"{name} (Fedora), or compile it elsewhere and give it as object."
        )
    return found


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False)
