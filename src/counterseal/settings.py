"""Django's settings. Django is the shell (storage, migrations), not the architecture.

One home folder holds everything of an installation: $COUNTERSEAL_HOME, or `counterseal-home` here.
"""

import os
from pathlib import Path

HOME = Path(os.environ.get("COUNTERSEAL_HOME", "counterseal-home"))

INSTALLED_APPS = ["counterseal.people", "counterseal.casework", "counterseal.oversight"]
DATABASE = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": str(HOME / "counterseal.sqlite3"),
    "OPTIONS": {
        # A writer waits its turn instead of failing half-way: the lock is taken at BEGIN.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # FULL: an acknowledged commit survives a power cut. secure_delete: erased bytes are overwritten.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA foreign_keys=ON;"
        ),
    },
}
DATABASES = {"default": DATABASE}  # `bootstrap` puts another in its place where office.toml names one
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(HOME / "vault"), "file_permissions_mode": 0o600},
    }
}
SECRET_KEY = ""  # nothing is signed by Django: the ledger has its own keys
