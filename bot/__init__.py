"""The upper half: the running bot. A mailbox is read, verdicts are kept, Slack is told.

The floors, bottom up, are drawn in the README and held by tests/test_house.py.
"""

__version__ = "0.1.0"
DEFAULT_POLICY = "planetscale"  # of the policies that come with the bot; the only place that names it
