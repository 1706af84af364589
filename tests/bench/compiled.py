"""Compile a C file of this folder at first use."""

from __future__ import annotations

from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import compiler

from . import BUILD, CHECKOUT, isolation

WARNINGS = ("-O2", "-Wall", "-Wextra", "-Werror")


def program(source: str) -> str:
    """Return the path of an executable."""
    return _made(source, "", "gcc", *WARNINGS)


def bpf_object(source: str) -> str:
    """Return the path of an object file for bpftool."""
    machine = isolation.run("gcc", "-print-multiarch").strip()  # where Debian has asm/types.h
    include = f"-I/usr/include/{machine}"
    return _made(source, ".o", "clang", "-target", "bpf", "-g", "-c", include, *WARNINGS)


def bpf_source(name: str, *cflags: str) -> compiler.Source:
    """Return what the collection's compiler takes: a file that may include ``lib/bpf.h``."""
    return compiler.Source(
        main=name,
        files={
            file: (CHECKOUT / folder / file).read_text()
            for folder, file in (("tests/bench", name), ("bpf", "lib/bpf.h"))
        },
        cflags=cflags,
        standin=compiler.read_folder(CHECKOUT / "bpf" / "include"),
    )


def _made(source: str, suffix: str, *command: str) -> str:
    path = CHECKOUT / "tests" / "bench" / source
    target = BUILD / (path.stem + suffix)
    if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        isolation.run(*command, "-o", str(target), str(path))
    return str(target)
