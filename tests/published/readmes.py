# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m tests.published.readmes``: write the variables of each role into its README.

They come from the role's argument specs; all above that heading is written by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parent.parent.parent
ROLES = sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
HEADING = "## Variables\n"


def render(role: Path) -> str:
    """Return what the README of a role is to be: its own words, then its variables."""
    written = (role / "README.md").read_text().partition(HEADING)[0]
    return written + HEADING + "".join(f"\n{line}" for line in _variables(role)) + "\n"


def _variables(role: Path) -> Iterator[str]:
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
    yield f"`ansible-doc -t role podnet.fabric.{role.name}` says all that there is to say of them."
    tables = {name: spec["options"] for name, spec in specs.items() if spec.get("options")}
    if not tables:
        yield ""
        yield "There are none."
    for name, options in tables.items():
        yield ""
        if name != "main":
            yield f"With `tasks_from: {name}`:"
            yield ""
        yield "| variable | default | meaning |"
        yield "|---|---|---|"
        for variable, option in options.items():
            yield f"| `{variable}` | {_default(option)} | {_meaning(option)} |"


def _default(option: Mapping[str, Any]) -> str:
    if option.get("required"):
        return "required"
    if option.get("default") is None:
        return ""
    shown = yaml.safe_dump(option["default"], default_flow_style=True, width=1000)
    return f"`{shown.removesuffix('...' + chr(10)).strip()}`"


def _meaning(option: Mapping[str, Any]) -> str:
    """Return the first paragraph of what the spec says, its markup turned into Markdown's."""
    said = option["description"]
    first = said if isinstance(said, str) else said[0]
    plain = re.sub(r"\b[BCEIMOPV]\(([^()#]*)(?:#\w+)?\)", r"`\1`", first)
    return " ".join(plain.split()).replace("|", "\\|")


def main() -> None:
    """Write all of them."""
    for role in ROLES:
        (role / "README.md").write_text(render(role))


if __name__ == "__main__":
    main()
