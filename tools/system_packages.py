"""Install programs of the system that tests need: the one way, and only where it is one harmless command.

That is as root on a system with apt-get. Elsewhere nothing is installed, and whoever called says what is missing.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence

PATIENCE = 300.0
"""Seconds for each of the two steps; a mirror that hangs must not hang the tests."""


def may_install() -> bool:
    """Whether installing is one harmless command here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str]) -> None:
    """Try to install them and say so. Whether it worked is for the caller to see: it looks for what it needs."""
    if not packages or not may_install():
        return
    print(f"--- installing {' '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (("update",), ("install", "-y", "--no-install-recommends", *packages)):
        try:
            subprocess.run(
                ["apt-get", "-q", *words],
                check=False,
                timeout=PATIENCE,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return
