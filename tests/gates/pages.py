# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m tests.gates.pages``: the docs as HTML in ``.build/docs``; a warning is an error.

What they are made from is put together in ``.build/pages``: the pages, the README, and the
reference that antsibull-docs makes of modules, roles and plugins.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

from .parts import BUILD, ROOT

SOURCES, OUTPUT = BUILD / "pages", BUILD / "docs"
REFERENCE = SOURCES / "reference"


def _collect() -> None:
    """Lay all pages into one folder; those that the index does not name stand at its end."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for page in pages:
        text = re.sub(r"\]\((docs|\.\.)/", "](", page.read_text())
        text = text.replace("](README.md", "](index.md")  # which holds it
        (SOURCES / page.name).write_text(text)
    for picture in (ROOT / "docs").glob("*.png"):
        shutil.copy(picture, SOURCES)
    shutil.copytree(ROOT / "docs/awx", SOURCES / "awx")  # what a page lets readers take
    for page in (ROOT / "docs/site").glob("*.*"):
        shutil.copy(page, SOURCES)
    index = SOURCES / "index.md"
    named = index.read_text().split()
    more = sorted(page.stem for page in pages if page.stem not in (*named, "README"))
    if more:
        lines = ["", "```{toctree}", ":hidden:", ":caption: More", "", *more, "```", ""]
        index.write_text(index.read_text() + "\n".join(lines))


def main() -> int:
    """Build; return 0 where there was nothing to complain of."""
    for folder in (SOURCES, OUTPUT):
        shutil.rmtree(folder, ignore_errors=True)
    REFERENCE.mkdir(parents=True)
    _collect()
    for command in (
        (
            *("antsibull-docs", "collection", "--use-current", "--squash-hierarchy"),
            *("--fail-on-error", "--no-add-antsibull-docs-version"),
            *("--dest-dir", str(REFERENCE), "podnet.fabric"),
        ),
        ("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", str(SOURCES), str(OUTPUT)),
    ):
        done = subprocess.run(command, cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    print(f"{OUTPUT / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
