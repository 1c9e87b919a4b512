"""After a verdict the mailbox shows it, where that is wished: by a keyword, or by the folder a mail lies in.

What holds is shown, so a correction, or a word taken back, undoes what was done for the verdict before. Nobody's own order is
fought: a mail that is not where it was left was moved by a person, and stays there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal

from bot.mail.filing import FilingMailbox
from bot.ports import FolderState
from bot.store import Place, Store, ToFile
from classifiers.errors import FolderRefused, LoginRefused, MailboxError

log = logging.getLogger("triage")
FIRST = "filing:first:"  # the beat of the first look: what was decided before is left as it lies
BACK_OFF = (timedelta(seconds=10), timedelta(minutes=30))
LEFT = timedelta(minutes=1)  # until mail that was not where it should be is looked for again


@dataclass(frozen=True, slots=True, kw_only=True)
class Cabinet:
    """An account's mailbox, and how it is kept in order."""

    open: Callable[[], FilingMailbox]
    mode: Literal["keywords", "move"]
    folders: Mapping[str, str]  # by disposition; what is not named stays, or goes back, where it was found


class Filing:
    """Keeps the accounts' mailboxes in order. One thread at a time."""

    def __init__(
        self,
        store: Store,
        cabinets: Mapping[str, Cabinet],
        *,
        now: Callable[[], datetime],
        steady: Callable[[], datetime],
        say: Callable[[str, str], object],
    ) -> None:
        self._store, self._cabinets, self._now, self._steady, self._say = store, cabinets, now, steady, say
        self._not_before = dict.fromkeys(cabinets, steady())
        self._failures = dict.fromkeys(cabinets, 0)

    def tick(self) -> None:
        """Does what is to be done, in each mailbox. Raises StoreError alone."""
        for account, cabinet in self._cabinets.items():
            if (first := self._store.last_beat(FIRST + account)) is None:
                self._store.beat(FIRST + account, self._now())
            elif self._not_before[account] <= self._steady() and (todo := self._store.to_file(account, first)):
                self._file_all(account, cabinet, todo)

    def _file_all(self, account: str, cabinet: Cabinet, todo: tuple[ToFile, ...]) -> None:
        box, left, refused = cabinet.open(), len(todo), None
        try:
            box.connect()
            for folder, mails in groupby(sorted(todo, key=lambda f: f.place.folder), lambda f: f.place.folder):
                for mail in mails:
                    try:
                        left -= self._file(box, cabinet, box.select(folder), mail)
                    except FolderRefused as e:  # others may go elsewhere
                        refused = e
        except MailboxError as e:
            self._put_off(account, e)
        else:
            if refused is not None:
                self._put_off(account, refused)
            else:
                self._failures[account] = 0
                self._not_before[account] = self._steady() + (LEFT if left else timedelta())
        finally:
            box.close()

    def _put_off(self, account: str, error: MailboxError) -> None:
        first, most = BACK_OFF
        wait = most if isinstance(error, LoginRefused) else min(most, first * 2 ** min(self._failures[account], 8))
        self._not_before[account] = self._steady() + wait  # refused, it must not lock the account
        self._failures[account] += 1
        log.warning("filing.put_off", extra={"account": account, "what": str(error)})
        if isinstance(error, FolderRefused):
            self._say(f"Mailbox {account} cannot be kept in order: {error}", f"filing:{account}:{error}"[:200])

    # ------------------------------------------------------------------------------------------ one mail

    def _file(self, box: FilingMailbox, cabinet: Cabinet, state: FolderState, mail: ToFile) -> bool:
        """Whether nothing is left to be done."""
        if state.uidvalidity != mail.place.uidvalidity and state.folder == mail.origin:
            return False  # numbers mean something else now; reading finds it anew
        if (place := _place(box, state, mail)) is not None:
            box.select(place.folder)
            if cabinet.mode == "keywords":
                box.mark(place.uid, mail.disposition)
            elif (target := cabinet.folders.get(mail.disposition.value, mail.origin)) != place.folder:
                place = self._move(box, mail, place, target)
            self._store.moved(mail.report_id, place)
        self._store.filed(mail.report_id, mail.verdict_id)
        log.info("report.filed", extra={"report": mail.key[:8], "mode": cabinet.mode})
        return True

    def _move(self, box: FilingMailbox, mail: ToFile, place: Place, target: str) -> Place:
        """Where it lies then. The store knows before the server does: the answer may be lost."""
        after = box.last_uid(target)
        self._store.begin_move(mail.report_id, target, after)
        box.move(place.uid, target)
        return _found(box, target, after, mail.key) or place


def _place(box: FilingMailbox, state: FolderState, mail: ToFile) -> Place | None:
    """Where it lies: as it was left, or where a move brought it whose answer was lost. None: a person has it."""
    if state.uidvalidity != mail.place.uidvalidity:
        return _found(box, state.folder, 0, mail.key)
    if box.holds(mail.place.uid):
        return mail.place
    return _found(box, mail.target, mail.target_uid, mail.key) if mail.target else None


def _found(box: FilingMailbox, folder: str, after: int, key: str) -> Place | None:
    state, uid = box.find(folder, after, key)
    return Place(folder, state.uidvalidity, uid) if uid is not None else None
