"""The room `oversight` as Django knows it."""

from django.apps import AppConfig


class OversightConfig(AppConfig):
    """Services, uses, duties, disclosures, and the rows of log and vault."""

    name = "counterseal.oversight"
    label = "oversight"
