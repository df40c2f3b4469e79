"""Lets the tests of this folder import the inventories that were made up for them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
