# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m tests.gates [--quick | [--whole] PART…]``: run the parts that are named, or all."""

from __future__ import annotations

import argparse
import sys

from .parts import LONGEST_FIRST, PARTS, QUICK, whole
from .run import run_at_once, run_part, table


def main() -> int:
    """Run; return 0 where nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help=" ".join(("only", *QUICK)))
    parser.add_argument("--whole", action="store_true", help="all there is of the parts")
    given = parser.parse_args()
    names = given.parts
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if given.whole:
        names = [one for name in names for one in whole(name)]
    if names:
        results = [result for name in names for result in run_part(name)]
    else:
        results = run_at_once(QUICK if given.quick else LONGEST_FIRST)
    print(table(results), flush=True)
    return int(any(result.failed for result in results))


if __name__ == "__main__":
    sys.exit(main())
