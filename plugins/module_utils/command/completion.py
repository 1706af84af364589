# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What completes the words of the command in shells, made of their table: no shell asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import names
from .table import WORDS

if TYPE_CHECKING:
    from .table import Option, Word

_BASH = """# Made by {mark}: completes podnet.
_podnet() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} choices=
    if [ "$COMP_CWORD" -eq 1 ]; then
        choices="{words} --help"
    else
        case "${{COMP_WORDS[1]}} $before" in
{cases}
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}}
complete -o default -F _podnet podnet
"""
_ZSH = """#compdef podnet
# Made by {mark}.
if (( CURRENT == 2 )); then
    local -a words=(
{words}
    )
    _describe word words
else
    case $words[2] in
{cases}
    esac
fi
"""


def texts() -> dict[str, str]:
    """Return the files, by shell."""
    return {"bash": _bash(), "zsh": _zsh()}


def _options(word: Word) -> list[Option]:
    return [option for option in word.options if option.name.startswith("--")]


def _names(word: Word) -> list[str]:
    named = [option.name for option in _options(word)]
    return [*named, *(["--json"] if word.json else []), "--help"]


def _bash() -> str:
    cases = []
    for word in WORDS:
        for option in _options(word):
            if "choices" in option.more:
                listed = " ".join(option.more["choices"])
                cases.append(f"""            "{word.name} {option.name}") choices="{listed}" ;;""")
            elif option.more.get("action") != "store_true":
                cases.append(f"""            "{word.name} {option.name}") ;;""")
        cases.append(f"""            "{word.name} "*) choices="{" ".join(_names(word))}" ;;""")
    words = " ".join(word.name for word in WORDS)
    return _BASH.format(mark=names.MARK, words=words, cases="\n".join(cases))


def _zsh() -> str:
    words = "\n".join(f"        '{word.name}:{word.what}'" for word in WORDS)
    cases = "\n".join(
        f"        {word.name}) compadd -- {' '.join(_names(word))} ;;" for word in WORDS
    )
    return _ZSH.format(mark=names.MARK, words=words, cases=cases)
