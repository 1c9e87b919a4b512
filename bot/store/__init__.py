"""What the bot remembers: reports, verdicts, cards, and what is still to be said."""

from bot.store.lock import lock_state_folder
from bot.store.places import Place, ToFile
from bot.store.refresh import refresh_token
from bot.store.restore import examine_file, restore
from bot.store.seed import audit_seed
from bot.store.store import RESTORED, Store
from bot.store.upkeep import Examined
from bot.store.verdicts import ANY, UNSPOKEN, Changed, RawMail

__all__ = [
    "ANY", "RESTORED", "UNSPOKEN", "Changed", "Examined", "Place", "RawMail", "Store", "ToFile", "audit_seed", "examine_file",
    "lock_state_folder", "refresh_token", "restore",
]  # fmt: skip
