# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The node's own command: its table of words, help, completions, the file that it is made into."""

from __future__ import annotations

import ast
import importlib.util
import io
import marshal
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.command import (
    archive,
    completion,
    table,
)
from ansible_collections.podnet.fabric.plugins.module_utils.words import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
UTILS = ROOT / "plugins/module_utils"
#: Words that say what a module says, and the options of it that the command knows by the plan, or
#: that are for who asks many nodes.
MODULES = {
    "endpoints": ("endpoints_info", {"program", "delivery_program", "datapath"}),
    "services": ("services_info", set()),
    "nat": ("nat_info", set()),
    "policy": ("policy_info", set()),
    "drops": ("drops_info", {"names"}),
    "flows": ("flows_info", {"names"}),
}
WORDS = [word.name for word in table.WORDS]


@pytest.fixture(scope="module")
def built() -> bytes:
    return archive.build()


@pytest.fixture(scope="module")
def command(built: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("command") / "podnet"
    file.write_bytes(built)
    file.chmod(0o700)
    return file


def call(command: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command, *words], capture_output=True, text=True, check=False)


def documented(module: str) -> dict[str, Any]:
    text = (ROOT / f"plugins/modules/{module}.py").read_text()
    options: dict[str, Any] = yaml.safe_load(text.split('r"""', 1)[1].split('"""', 1)[0])["options"]
    return options


@pytest.mark.parametrize("word", MODULES)
def test_a_word_has_the_options_of_its_module(word):
    module, hidden = MODULES[word]
    options = documented(module)
    own = {option.name.lstrip("-").lower(): option.more for option in table.BY_NAME[word].options}
    assert set(own) == set(options) - hidden
    for name, more in own.items():
        assert list(more.get("choices", [])) == options[name].get("choices", [])
        assert more.get("default") == options[name].get("default") or name == "all"


def test_every_word_has_a_module_of_its_own_that_ansible_sends():
    modules = {path.stem for path in (UTILS / "words").glob("*.py")} - {"__init__", "main"}
    assert modules == set(WORDS)
    assert {module.__name__.rpartition(".")[2] for module in main.sent()} == modules


@pytest.mark.parametrize("word", WORDS)
def test_help_teaches(word, capsys):
    parser = main.parser(table.BY_NAME[word])
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    example, _shows = table.BY_NAME[word].example
    assert f"Example:\n  {example}\n" in said
    assert [f"  {number}  {what}" in said for number, what in table.STATUSES.items()] == [True] * 4
    # An example is a command line that the parser takes.
    parser.parse_args([part.strip("'") for part in example.split()[2:]])


def test_help_lists_the_words_and_what_is_wrong_is_said(command):
    done = call(command, "--help")
    assert done.returncode == 0
    assert re.findall(r"^    ([a-z]+)\b", done.stdout, re.M) == WORDS
    for words in ((), ("nosuch",), ("nat", "--kind", "nosuch"), ("nat", "--li", "1")):
        done = call(command, *words)
        assert (done.returncode, done.stdout) == (table.WRONG_USAGE, "")
        assert done.stderr.splitlines()[-1].startswith("podnet")
    for words in (("drops", "--reason", "nosuch"), ("nat", "--source", "x"), ("nat", "--limit=-1")):
        done = call(command, *words)
        assert (done.returncode, done.stdout) == (table.WRONG_USAGE, "")
        assert done.stderr.startswith(f"podnet: {words[1].lstrip('-').partition('=')[0]}: ")


def imported(source: str, package: str) -> Iterator[str]:
    """Yield what a module imports of ours, by the compiler's own reading."""
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))
        todo += ast.iter_child_nodes(node)


def test_the_file_has_the_modules_that_it_imports_and_no_others(built):
    with zipfile.ZipFile(io.BytesIO(built)) as packed:
        sources = {name for name in packed.namelist() if not name.endswith("c")}
    # Of Ansible there is what checks arguments, for the word boot.
    held = {name for name in sources if not name.startswith("ansible/")}
    assert {name.split("/")[1] for name in sources - held} == {"__init__.py", "module_utils"}
    wanted: set[str] = set()
    todo = ["podnet.words.main", *(f"podnet.words.{word}" for word in WORDS)]
    while todo:
        name = todo.pop()
        path = UTILS / ("/".join(name.split(".")[1:]) + ".py")
        if name not in wanted and path.is_file() and path.name != "__init__.py":
            wanted.add(name)
            todo += imported(path.read_text(), name.rpartition(".")[0])
    files = {name.replace(".", "/") + ".py" for name in wanted}
    packages = {f"{Path(name).parent}/__init__.py" for name in files} | {"podnet/__init__.py"}
    assert held == files | packages | {"__main__.py"}


def test_no_word_needs_what_a_node_has_not(command):
    """Nodes have no Ansible but what is in the file, and bcc only where programs are compiled."""
    script = """
import importlib, sys
sys.modules.update(dict.fromkeys(("bcc", "jinja2", "netaddr", "yaml")))
sys.path.insert(0, sys.argv[1])
for word in sys.argv[2:]:
    importlib.import_module(f"podnet.words.{word}")
for name, one in sys.modules.items():
    # What six makes up is in no file of its own.
    if name.startswith("ansible.") and "six.moves" not in name:
        assert one.__file__.startswith(sys.argv[1]), name
"""
    subprocess.run([sys.executable, "-I", "-c", script, command, *WORDS], check=True)


def test_a_start_compiles_nothing(built):
    with zipfile.ZipFile(io.BytesIO(built)) as packed:
        for name in packed.namelist():
            if name.endswith("c"):
                data, source = packed.read(name), packed.read(name[:-1])
                assert data[:4] == importlib.util.MAGIC_NUMBER
                assert data[8:16] == importlib.util.source_hash(source)
                assert marshal.loads(data[16:]).co_filename == name[:-1]


def test_the_file_tells_what_it_is_made_of_and_whether_it_is_whole(built):
    assert built.startswith(f"#!{sys.executable} -I\n".encode())
    assert archive.digest_of(built) == archive.digest()
    for other in (
        built[:-1],
        b"!" + built[1:],
        built.replace(b"Nothing runs", b"Something ru"),
        b"",
    ):
        assert archive.digest_of(other) is None


def complete(*words: str) -> list[str]:
    """Return what bash would offer behind these words."""
    script = f"""{completion.texts()["bash"]}
COMP_WORDS=({" ".join(f"'{word}'" for word in ("podnet", *words))}); COMP_CWORD={len(words)}
_podnet; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_words_options_and_their_values():
    assert complete("") == [*WORDS, "--help"]
    assert complete("dr") == ["drops"]
    for word in table.WORDS:
        named = re.findall(r"--[a-z-]+", main.parser(word).format_help().split("Example:")[0])
        assert set(complete(word.name, "--")) == set(named)
    assert complete("nat", "--protocol", "") == ["tcp", "udp", "icmp"]
    assert complete("nat", "--kind", "s") == ["service"]
    assert complete("drops", "--pod", "") == []  # the shell's own
    assert "#compdef podnet" in completion.texts()["zsh"].splitlines()[0]
