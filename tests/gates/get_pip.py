# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stands in for the script by which ansible-test gets pip: what Python brings along will do."""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys

#: ansible-test's own, and gone from the pip that Python brings.
UNKNOWN = ("--no-setuptools", "--no-wheel")

ensurepip.bootstrap()
# ensurepip leaves this pointing to /dev/null; the machine's own settings name its package index.
os.environ.pop("PIP_CONFIG_FILE", None)
arguments = [word for word in sys.argv[1:] if word not in UNKNOWN]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
