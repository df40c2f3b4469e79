"""The room `casework` as Django knows it."""

from django.apps import AppConfig


class CaseworkConfig(AppConfig):
    """Cases, probes, requests, candidates, leads, evidence, actions."""

    name = "counterseal.casework"
    label = "casework"
