"""The programs are plain C: any clang takes them, without a warning, and without BCC."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import (
    cells,
    flow_layout,
    layout,
    reasons,
)

from tests.scope import WHOLE

BPF = Path(__file__).parent.parent.parent / "bpf"
TABLES = (*layout.PROGRAM_MAPS, *flow_layout.MAPS)
PROGRAMS = sorted(path.stem for path in BPF.glob("*.c"))


def run(*words: str) -> str:
    """Run a command that must succeed and say nothing but its output."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{' '.join(words)}:\n{done.stderr}"
    return done.stdout


def test_there_is_one_program_a_hook():
    # And those that they hand packets over to.
    assert sorted([*(hook.name for hook in reasons.HOOKS), "policy", "flows"]) == PROGRAMS


MAKES = {
    "all": [],
    "flows": ["-DWITH_FLOWS"],
    "none": ["-DNO_SERVICES", "-DNO_MASQUERADE", "-DNO_POLICY"],
}
if WHOLE:
    MAKES |= {
        "no services": ["-DNO_SERVICES"],
        "no masquerading": ["-DNO_MASQUERADE"],
        "no policies": ["-DNO_POLICY"],
    }


@pytest.mark.parametrize("defines", MAKES.values(), ids=MAKES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_clang_has_nothing_to_say(name, defines, tmp_path):
    output = str(tmp_path / "program.o")
    # Debian has asm/ in a folder named after the architecture.
    system = f"/usr/include/{run('gcc', '-print-multiarch').strip()}"
    maps = [f"-DPN_FD_{table.name}=1" for table in TABLES]
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", *maps, *defines, "-idirafter", system]
    run("clang", "-target", "bpf", *flags, "-c", str(BPF / f"{name}.c"), "-o", output)
    symbols = [line.split()[1:] for line in run("nm", output).splitlines()]
    functions = cells.SOCKET_PROGRAMS if name == "socket" else [name]
    assert sorted(name for kind, name in symbols if kind.isupper()) == sorted(functions)


def test_each_header_says_what_it_needs(tmp_path):
    system = f"/usr/include/{run('gcc', '-print-multiarch').strip()}"
    maps = [f"-DPN_FD_{table.name}=1" for table in TABLES]
    for header in sorted((BPF / "lib").glob("*.h")):
        alone = tmp_path / f"{header.stem}.c"
        alone.write_text(f'#include "{header}"\n')
        flags = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", *maps, "-idirafter", system]
        run("clang", "-target", "bpf", *flags, str(alone))
