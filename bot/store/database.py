"""A database opened: made where it is not there, brought to today's schema, its faults told as sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from classifiers.errors import StoreDamaged, StoreError

HEAD = "0005"  # the newest migration
BUSY = 15.0  # seconds that a command waits for another's write
MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str) -> sa.Engine:
    """An engine on a database with today's schema. Raises StoreError with what to do."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StoreError("state.url is no database URL; write sqlite:///… or postgresql+psycopg://…") from None
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and parsed.database:
        _make_private(Path(parsed.database))
    with told(parsed.database or ""):
        try:
            engine = sa.create_engine(parsed, connect_args={"timeout": BUSY} if sqlite else {"connect_timeout": 10})
        except (ImportError, sa.exc.NoSuchModuleError):
            raise StoreError(
                f"state.url needs the driver of {parsed.drivername}, which is not installed here"
            ) from None
        if sqlite:
            _as_we_like_it(engine)
        _bring_up_to_date(engine)
    return engine


def _make_private(path: Path) -> None:
    """Folder 0700, file 0600, whatever the umask: what lies there is confidential."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.parent.chmod(0o700)
        path.chmod(0o600)
    except OSError as e:
        raise StoreError(f"{path}: cannot be written: {e.strerror}; check state.folder and who owns it") from None


def _as_we_like_it(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = (
            None  # we say BEGIN ourselves: the driver's own begins too late for a read and write
        )
        for pragma in (
            "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", f"busy_timeout={int(BUSY * 1000)}",
        ):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later may not wait for another writer in SQLite: it has to begin as one.
        options = connection.get_execution_options()
        if not options.get("no_transaction"):
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writing") else "BEGIN")


def known_version(connection: sa.Connection) -> str | None:
    """The database's schema; None where it has none yet. Raises StoreError where it is a newer triage's."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
    version = str(row[0]) if row else None
    known = {p.name.split("_")[0] for p in (MIGRATIONS / "versions").glob("*.py")}
    if version is not None and version not in known:
        raise StoreError(
            f"the database was made by a newer triage (schema {version}, this one knows {HEAD}); update triage"
        )
    return version


def _bring_up_to_date(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        if known_version(connection) == HEAD:
            return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def soundness(engine: sa.Engine) -> None:
    """Raises StoreDamaged where SQLite finds its file damaged; PostgreSQL looks after its own."""
    what = engine.url.database or ""
    if engine.dialect.name == "sqlite":
        with told(what), engine.connect() as c:
            found = c.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise StoreDamaged(f"the database {what} is damaged{DAMAGED}")


_SENTENCES = (
    ("is not a database", "is damaged, or no database of triage"),
    ("malformed", "is damaged"),
    ("is full", "cannot grow: no room is left on the disk"),
    ("disk i/o error", "cannot be read or written: the disk fails or is full"),
    ("is locked", "is held by another program for too long; try again"),
    ("readonly", "cannot be written; check who owns it"),
    ("read-only", "cannot be written; check who owns it"),
    ("unable to open", "cannot be opened; check that the folder is there and who owns it"),
    ("connection", "cannot be reached; check state.url and that the server runs"),
)
DAMAGED = (
    ". `triage db restore FILE` puts a copy back. Without one, move it away: the mailbox still holds the mail, and "
    'start = "30d" reads it again'
)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Errors of the database as StoreError, without the statement: its values are mail."""
    try:
        yield
    except sa.exc.SQLAlchemyError as e:
        text = str(getattr(e, "orig", None) or type(e).__name__).lower()
        sentence = next((s for sign, s in _SENTENCES if sign in text), f"failed ({type(e).__name__})")
        if "damaged" in sentence:
            raise StoreDamaged(f"the database {what} {sentence}{DAMAGED}") from None
        raise StoreError(f"the database {what} {sentence}") from None
