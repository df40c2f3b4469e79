"""`counterseal policy`: what the packs say, prove and change."""

from counterseal.cli.command import Ordered
from counterseal.cli.commands.policy_prove import register as register_prove

policy = Ordered("policy", help="The packs of policies: what they guarantee.")

register_prove(policy)
