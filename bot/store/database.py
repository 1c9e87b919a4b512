"""A database opened: made where it is not there, brought to today's schema, its faults told as sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from classifiers.errors import StoreDamaged, StoreError

HEAD = "0008"  # the newest migration
BUSY = 15.0  # seconds that a command waits for another's write
IDLE = 5.0  # seconds that PostgreSQL lets a transaction wait for its client; ours ask nobody else meanwhile
WRITING = 7_416_117_325  # PostgreSQL's lock that writers take; any number that others on this database do not use
MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str, password: str = "") -> sa.Engine:
    """An engine on a database with today's schema. Raises StoreError with what to do."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StoreError("state.url is no database URL; write sqlite:///… or postgresql+psycopg://…") from None
    with told(parsed.database or ""):
        try:
            engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _server(parsed, password)
        except (ImportError, sa.exc.NoSuchModuleError):
            raise StoreError(
                f"state.url needs the driver of {parsed.drivername}, which is not installed here; "
                'for PostgreSQL: pip install "security-triage-bot[postgresql]"'
            ) from None
        try:
            _bring_up_to_date(engine)
        except BaseException:
            engine.dispose()
            raise
    return engine


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database:
        _make_private(Path(url.database))
    engine = sa.create_engine(url, connect_args={"timeout": BUSY})
    _as_we_like_it(engine)
    return engine


def _server(url: sa.URL, password: str) -> sa.Engine:
    """PostgreSQL: one writer at a time, as SQLite has it. So what is looked at before a write still holds when it is written.

    A copy of the bot that is stopped in the middle of a write holds up the others for as long as the server lets it idle.
    """
    settings = (
        f"-c lock_timeout={int(BUSY * 1000)} -c idle_in_transaction_session_timeout={int(IDLE * 1000)} -c timezone=UTC"
    )
    engine = sa.create_engine(
        url.set(password=password or None),
        pool_pre_ping=True,  # a connection that the server dropped is found out before it is used
        connect_args={"connect_timeout": 10, "application_name": "triage", "options": settings},
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("writing"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITING})")

    return engine


def _make_private(path: Path) -> None:
    """Folder 0700, file 0600, whatever the umask: what lies there is confidential.

    A database that is there is not opened: closing it would take from this process every lock that SQLite holds on it
    (POSIX), so that another program could throw away the log in which our last transactions stand.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
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
    ("no space left", "cannot grow: no room is left on the disk"),
    ("lock timeout", "is held by another program for too long; try again"),
    ("password authentication failed", "refuses the login; check state.url and state.password"),
    ("no password supplied", "wants a password; name where it is read from in state.password"),
    ("permission denied", "may not be changed by this user: it has to own the tables; check state.url"),
    ("does not exist", "is not there, or its user is not; make it (createdb), and check state.url"),
    ("is not a database", "is damaged, or no database of triage"),
    ("malformed", "is damaged"),
    ("is full", "cannot grow: no room is left on the disk"),
    ("disk i/o error", "cannot be read or written: the disk fails or is full"),
    ("is locked", "is held by another program for too long; try again"),
    ("readonly", "cannot be written; check who owns it"),
    ("read-only", "cannot be written; check who owns it"),
    ("unable to open", "cannot be opened; check that the folder is there and who owns it"),
    ("connection", "cannot be reached; check state.url and that the server runs"),
    ("server closed", "cannot be reached; check state.url and that the server runs"),
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
