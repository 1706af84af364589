"""A host of its own for eBPF tests: network, mounts, bpffs and cgroup root of the test alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_compile, bpf_sources
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import objects
from ansible_collections.podnet.fabric.tests import kept
from running import do, four_runs, run, run_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from running import Run

#: Objects by their keys: what one test has compiled, the others of a session load.
_COMPILED: dict[str, Any] = {}


#: Where the system's Python has what packages of the distribution bring.
LIBRARIES = Path("/usr/lib/python3/dist-packages")


def hide(library: str) -> None:
    """Take a library of the system's Python away from this host: the mount is its own."""
    with tempfile.TemporaryDirectory() as folder:
        do("mount", "-t", "tmpfs", "none", folder)
        for name in ("upper", "work"):
            Path(folder, name).mkdir()
        layers = f"lowerdir={LIBRARIES},upperdir={folder}/upper,workdir={folder}/work"
        do("mount", "-t", "overlay", "none", "-o", layers, str(LIBRARIES))
        do("umount", folder)
    shutil.rmtree(LIBRARIES / library)


def ping(count: int = 3) -> bool:
    """Say whether the peer's pings are answered by this host."""
    command = ["ip", "netns", "exec", "peer", "ping", "-q", "-i", "0.01", "-W", "1"]
    done = subprocess.run(
        [*command, "-c", str(count), "10.9.0.1"], capture_output=True, check=False
    )
    return done.returncode == 0


def sources(programs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the action plugin would send."""
    return bpf_sources.gather(programs, str, Path.cwd())


def compiled(programs: list[dict[str, Any]], find: Callable[[str], str] = str) -> dict[str, Any]:
    """What the action plugin would send of programs that were compiled in this run.

    :param find: from ``src`` to the path of the file.
    """
    gathered = bpf_sources.gather(programs, find, Path.cwd())
    keys = set(bpf_compile.keys(programs, gathered, objects.machine()).values())
    _COMPILED.update(kept.found(keys - _COMPILED.keys()))
    if not keys <= _COMPILED.keys():
        made = run("bpf_compile", programs=programs, _sources=gathered)["objects"]
        kept.keep(made)
        _COMPILED.update(made)
    made = {key: _COMPILED[key] for key in keys}
    return {**bpf_sources.without_texts(gathered), "objects": made}


def program(*programs: dict[str, Any], check: bool = False, **options: Any) -> Run:
    """Run bpf_program."""
    items = list(programs)
    return run_module(
        "bpf_program", check=check, programs=items, _sources=sources(items), **options
    )


def program_four(*programs: dict[str, Any], **options: Any) -> Run:
    """Run bpf_program four times, see conftest."""
    items = list(programs)
    return four_runs("bpf_program", programs=items, _sources=sources(items), **options)


def bpftool(*words: str) -> Any:
    """Ask bpftool for JSON."""
    return json.loads(do("bpftool", "-j", *words) or "[]")


def pins(folder: str = "/sys/fs/bpf/podnet") -> list[str]:
    """Names of all that is pinned."""
    found = Path(folder).rglob("*") if Path(folder).exists() else []
    return sorted(str(path.relative_to(folder)) for path in found if path.is_file())


def dump(path: str) -> dict[bytes, bytes]:
    """Entries of a pinned map as bpftool reads them."""

    def raw(listed: list[str]) -> bytes:
        return bytes(int(word, 16) for word in listed)

    return {
        raw(entry["key"]): raw(entry["value"]) for entry in bpftool("map", "dump", "pinned", path)
    }
