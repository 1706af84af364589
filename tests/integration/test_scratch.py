"""A run that is killed while it compiles leaves nothing in a temporary folder."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine import scratch
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import compiler
from bpf_support import sources

pytest_plugins = ["bpf_host"]

PASS = "int pass(struct __sk_buff *skb)\n{\n\treturn 0;\n}\n"


def test_a_folder_is_nowhere_and_ends_with_its_block():
    before = set(Path(tempfile.gettempdir()).iterdir())
    mounts = Path("/proc/self/mountinfo").read_text()
    with scratch.folder("pt-scratch-") as folder:
        (Path(folder) / "a/b").mkdir(parents=True)
        (Path(folder) / "a/b/c").write_text("d")
        (Path(folder) / "link").symlink_to("/usr/include")
        assert (Path(folder) / "a/b/c").read_text() == "d"
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        assert Path("/proc/self/mountinfo").read_text() == mounts
        assert set(Path(tempfile.gettempdir()).iterdir()) == before
    assert not Path(folder).exists()


@pytest.mark.usefixtures("host")
def test_a_run_that_is_killed_while_it_compiles_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ready, end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            source = compiler.Source("pass.c", {"pass.c": PASS}, standin=sources([])["standin"])
            with compiler.compiled(source) as compiled:
                os.close(compiled.load("pass", 3))
                os.write(end, b"1")
                signal.pause()
        finally:
            os._exit(1)
    os.close(end)
    assert os.read(ready, 1) == b"1", "it compiles and loads"
    os.close(ready)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert list(tmp_path.iterdir()) == []
