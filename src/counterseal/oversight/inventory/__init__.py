"""The federal inventory of AI uses: read it, find the rows about faces, check it, export our own uses.

Plain Python without Django: what comes in is bytes and values, what goes out is values and text.

    inventory = read_inventory(path.read_bytes())
    about_faces(inventory), check(inventory, older), validate(inventory), export_csv(uses)
"""

from counterseal.oversight.inventory.checks import CHECKS, Check, check
from counterseal.oversight.inventory.errors import (
    ExportRefusedError,
    InventoryError,
    UnusableInventoryError,
)
from counterseal.oversight.inventory.export import UseForInventory, export_csv, uses_of
from counterseal.oversight.inventory.faces import FaceRow, Glance, about_faces, glance
from counterseal.oversight.inventory.findings import Finding
from counterseal.oversight.inventory.reading import read_inventory
from counterseal.oversight.inventory.rows import Change, Inventory, Row
from counterseal.oversight.inventory.validate import validate

__all__ = [
    "CHECKS",
    "Change",
    "Check",
    "ExportRefusedError",
    "FaceRow",
    "Finding",
    "Glance",
    "Inventory",
    "InventoryError",
    "Row",
    "UnusableInventoryError",
    "UseForInventory",
    "about_faces",
    "check",
    "export_csv",
    "glance",
    "read_inventory",
    "uses_of",
    "validate",
]
