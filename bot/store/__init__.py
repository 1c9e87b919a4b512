"""What the bot remembers: reports, verdicts, cards, and what is still to be said."""

from bot.store.lock import lock_state_folder
from bot.store.seed import audit_seed
from bot.store.store import Store
from bot.store.verdicts import ANY, Changed, RawMail

__all__ = ["ANY", "Changed", "RawMail", "Store", "audit_seed", "lock_state_folder"]
