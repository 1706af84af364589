"""The way from the controller: sources found, sent, compiled on the node."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import yaml
from bpf_support import bpftool, dump, ping
from running import MODULES, ROOT

pytest_plugins = ["bpf_host"]

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - podnet.fabric.bpf_program:
        programs:
          - name: gate
            src: gate.c
            include: [../shared]
            attach: [{hook: tc_ingress, device: eth0}]
"""
FILES = {
    "play.yml": PLAY,
    "files/gate.c": '#include "lib/verdict.h"\n#include <number.h>\n'
    "int gate(struct __sk_buff *skb)\n{\n    return verdict(skb, NUMBER);\n}\n",
    "files/lib/verdict.h": "static __always_inline int verdict(struct __sk_buff *skb, int number)\n"
    "{\n    return skb->len ? number : -1;\n}\n",
    "shared/number.h": "#define NUMBER 2\n",
}


def play(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-c", "local"),
            *("-e", f"ansible_python_interpreter={sys.executable}", "play.yml"),
        ],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_playbooks_own_source_with_its_headers(pair: None, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert ping()
    done = play(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not ping()
    assert bpftool("prog", "show", "pinned", "/sys/fs/bpf/podnet/programs/gate")["name"] == "gate"
    again = play(tmp_path)
    assert "changed=0" in again.stdout
    (tmp_path / "shared/number.h").write_text("#define NUMBER -1 +\n")
    broken = play(tmp_path)
    assert broken.returncode != 0
    assert "files/gate.c:5: expected expression" in broken.stdout
    assert not ping()
    (tmp_path / "files/gate.c").unlink()
    missing = play(tmp_path)
    assert "src 'gate.c' is not found" in missing.stdout


OBJECT_PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - podnet.fabric.bpf_program:
        compile: false
        programs:
          - name: gate
            object: gate.o
            maps: {.data: /sys/fs/bpf/podnet/maps/gate_data}
            attach: [{hook: tc_ingress, device: eth0}]
"""


def test_a_playbooks_own_object_needs_no_compiler(pair: None, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "play.yml").write_text(OBJECT_PLAY)
    text = (
        'int answer = 2;\n__attribute__((section("tc"))) int gate(void *skb)\n'
        '{\n\treturn answer;\n}\nchar words[] __attribute__((section("license"))) = "GPL";\n'
    )
    target = ["-o", str(tmp_path / "files/gate.o")]
    clang = ["clang", "-target", "bpf", "-g", "-O2", "-x", "c", "-c", "-", *target]
    subprocess.run(clang, input=text, text=True, check=True)
    done = play(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not ping()
    assert "changed=0" in play(tmp_path).stdout
    (tmp_path / "files/gate.o").unlink()
    assert "object 'gate.o' is not found" in play(tmp_path).stdout


def test_the_examples_of_counting_and_tracing_run_as_written(pair: None, tmp_path: Path) -> None:
    tasks = yaml.safe_load(importlib.import_module(f"{MODULES}bpf_program").EXAMPLES)
    chosen = [task for task in tasks if task["name"].startswith(("Count", "See which"))]
    assert len(chosen) == 3
    written = [{"hosts": "localhost", "gather_facts": False, "tasks": chosen}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(written))
    done = play(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed=3" in done.stdout
    assert ping()
    (counted,) = dump("/sys/fs/bpf/mine/bytes").values()
    assert int.from_bytes(counted, sys.byteorder) >= 3 * 98
    assert dump("/sys/fs/bpf/mine/started")
    assert "changed=0" in play(tmp_path).stdout
