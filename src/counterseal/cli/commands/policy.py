"""`counterseal policy`: what the packs say, prove and change."""

from counterseal.cli.command import Ordered
from counterseal.cli.commands.policy_change import register as register_change
from counterseal.cli.commands.policy_prove import register as register_prove
from counterseal.cli.commands.policy_say import register as register_say

policy = Ordered("policy", help="The packs of policies: what is in force, what it guarantees, what changes.")

register_say(policy)
register_prove(policy)
register_change(policy)
