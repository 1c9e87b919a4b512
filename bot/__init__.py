"""The upper half: the running bot. A mailbox is read, verdicts are kept, Slack is told.

The floors, bottom up, are drawn in the README and held by tests/test_house.py.
"""

__version__ = "0.1.0"
