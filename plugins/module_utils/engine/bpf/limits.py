# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What BCC does not take, found in the C where the kernel refuses what BCC made of it.

BCC says nothing of these: it hands on bytecode that cannot work, and the verifier objects to an
instruction. So the C is searched only then, and roughly: what is found explains a refusal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .compiler import Source

    #: File and line, and the name found there.
    Found = tuple[str, str]

_ELSE = "or compile the C with clang and give it as object"


def explained(log: list[str], source: Source) -> str:
    """Return a sentence that names the limit and its place in the C, "" where none is found.

    :param log: what the verifier says.
    """
    text = "\n".join(log)
    for objection, find, sentence in _LIMITS:
        if re.search(objection, text):
            for place, name in find(source.main, source.files):
                return f"{place}: {name} {sentence}."
    return ""


def _not_inlined(_main: str, files: Mapping[str, str]) -> Iterator[Found]:
    for file, text in files.items():
        plain = _plain(text)
        for found in re.finditer(r"\b(?:__)?noinline(?:__)?\b[^;{}]*?\b(\w+)\s*\([^;{}]*\{", plain):
            yield f"{file}:{_line(plain, found.start(1))}", found[1]


def _global_variables(_main: str, files: Mapping[str, str]) -> Iterator[Found]:
    """Find variables outside of functions, and static ones in them; constants last."""
    found = [
        (bool(re.search(r"\bconst\b", declaration)), file, line, name)
        for file, text in files.items()
        for declaration, line, name in _variables(_plain(text))
    ]
    for _constant, file, line, name in sorted(found, key=lambda each: each[0]):
        yield f"{file}:{line}", name


def _dialect_in_headers(main: str, files: Mapping[str, str]) -> Iterator[Found]:
    for file, text in files.items():
        for found in re.finditer(rf"\b\w+\.(?:{_CALLS})\s*\(", _plain(text)):
            if file != main:
                yield f"{file}:{_line(text, found.start())}", f"{found[0]})"


#: What the verifier objects to, what may stand in the C, and what to do.
_LIMITS: tuple[tuple[str, Callable[[str, Mapping[str, str]], Iterator[Found]], str], ...] = (
    (
        "last insn is not an exit or jmp|call to invalid destination|unreachable insn",
        _not_inlined,
        "is a function that is not inlined, which BCC does not take: make it static "
        f"__always_inline, {_ELSE}",
    ),
    (
        "invalid mem access '(?:scalar|inv|map_ptr)'",
        _global_variables,
        f"is a global variable, which BCC does not take: keep it in a map, {_ELSE}",
    ),
    (
        "unknown opcode 8d|last insn is not an exit or jmp",
        _dialect_in_headers,
        "is BCC's dialect in a header, which BCC knows in the main file alone: move it there, "
        f"{_ELSE}",
    ),
)

_CALLS = (
    "lookup|lookup_or_init|lookup_or_try_init|update|insert|delete|increment|atomic_increment|"
    "call|push|pop|peek|perf_submit|perf_submit_skb|ringbuf_output|redirect_map"
)
# What ends with a semicolon outside of functions, and functions themselves.
_OUTSIDE = re.compile(r"((?:[^;{}]|\{\s*\})*?)(?:;|\)\s*\{\s*\})")
_STATIC = re.compile(r"(\bstatic\b[^;{}()=]*)[;=]")
_NAME = re.compile(r"\b([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*(?:=|$)")


def _variables(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield declaration, line and name of each variable that outlives a call."""
    outside, inside = _levels(text)
    for pattern, part in ((_OUTSIDE, outside), (_STATIC, inside)):
        for found in pattern.finditer(part):
            declaration = "" if found[0].endswith("}") else found[1].partition("=")[0]
            named = _NAME.search(declaration.rstrip())
            words = re.findall(r"[A-Za-z_]\w*", declaration)
            macro = "}" in declaration and named and named[1].isupper()
            if named and not macro and _is_variable(declaration, words):
                yield declaration, _line(text, found.start(1) + named.start(1)), named[1]


def _is_variable(declaration: str, words: list[str]) -> bool:
    # And no prototype, no definition of a type alone, whatever macro ends it.
    alone = words[0] in ("struct", "union", "enum") and len(words) < 3
    return (
        words[0] not in ("typedef", "extern")
        and len(words) > 1
        and not alone | ("(" in declaration)
    )


def _levels(text: str) -> tuple[str, str]:
    """Return the text with all within braces blanked, and with all outside of them blanked."""
    depth, outside, inside = 0, [], []
    for character in text:
        depth -= character == "}"
        blank = character if character in "\n{};" else " "
        outside.append(character if depth == 0 else "\n" if character == "\n" else " ")
        inside.append(character if depth else blank)
        depth += character == "{"
    return "".join(outside), "".join(inside)


def _plain(text: str) -> str:
    """Blank out comments, texts and lines of the preprocessor; lines keep their numbers."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?m:^[ \t]*#(?:[^\n]*\\\n)*[^\n]*)'
    return re.sub(pattern, blank, text, flags=re.DOTALL)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
