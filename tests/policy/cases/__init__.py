# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All cases: 230 as cyclonus counts them, 48 of Kubernetes' own suite, and the write-up's."""

from __future__ import annotations

from . import kubernetes, peers, policies, ports, upstream, write_up

CYCLONUS = [*peers.CASES, *ports.CASES, *policies.CASES, *upstream.CASES]
CASES = [*CYCLONUS, *kubernetes.CASES, *write_up.CASES]
