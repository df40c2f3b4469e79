"""The room `people` as Django knows it."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """Persons, roles, certificates."""

    name = "counterseal.people"
    label = "people"
