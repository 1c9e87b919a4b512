"""A Dovecot of our own: private, on loopback, as root or as anybody, gone afterwards."""

from __future__ import annotations

import base64
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from certificates import make_certificates

BINARY = Path("/usr/sbin/dovecot")

CONFIGURATION = """
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/log
instance_name = triage-{port}
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{base}/server.pem
ssl_key = <{base}/server.key
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
mail_home = {base}/mail/%u
mail_location = maildir:~/Maildir
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
first_valid_gid = 0
mail_fsync = never
mailbox_idle_check_interval = 1 secs
auth_failure_delay = 0
auth_mechanisms = plain login{oauth_mechanisms}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
  mailbox Concepten {{
    special_use = \\Drafts
  }}
}}
{oauth}passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}/mail/%u
}}
service imap-login {{
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
# Without its listener nobody counts failed logins, so none delays the next.
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
protocol imap {{
  imap_idle_notify_interval = 1 secs
  mail_max_userip_connections = 0
}}
"""


OAUTH = """passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {base}/oauth2.conf
}}
"""
INTROSPECTION = """introspection_mode = post
introspection_url = {url}
username_attribute = username
active_attribute = active
active_value = true
"""


class Dovecot:
    """`with Dovecot() as d:` an IMAP server at 127.0.0.1, d.port (plain and STARTTLS) and d.tls_port, with one user.

    Its certificate is for localhost and 127.0.0.1, signed by an authority of its own: d.ca_file. With `introspection`, a
    URL, it takes access tokens of which that says that they are good (RFC 7662).
    """

    def __init__(
        self, user: str = "security@example.com", password: str = 'p\u00e4 "ss\\', introspection: str = ""
    ) -> None:
        self.user, self.password = user, password
        self.introspection = introspection
        self.base = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.port, self.tls_port = _free_ports(2)
        self._uid = self._gid = 0
        self.ca_file = self.base / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None
        self._delivered = 0

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self.start()
        except BaseException:
            shutil.rmtree(self.base, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    def start(self) -> None:
        """Starts it, or starts it again with the mail it had; returns when it greets."""
        self._process = subprocess.Popen(
            [BINARY, "-F", "-c", self._configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 10
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                    if s.recv(4) == b"* OK":
                        return
            except OSError:
                time.sleep(0.01)
        self.stop()
        raise RuntimeError("dovecot did not start: " + self.log())

    def stop(self) -> None:
        """Ends it and every session. The mail stays until the end of `with`."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def deliver(self, raw: bytes, folder: str = "INBOX", received: float | None = None) -> None:
        """Puts a mail into the folder as a delivery agent does; `received` (seconds since 1970) becomes its INTERNALDATE."""
        self._delivered += 1
        maildir = self.maildir(folder)
        name = f"{1_000_000_000 + self._delivered}.M{self._delivered}.example"  # Dovecot numbers them in this order
        tmp = maildir / "tmp" / name
        tmp.write_bytes(raw)
        if received is not None:
            os.utime(tmp, (received, received))
        self._hand_over(tmp)
        tmp.rename(maildir / "new" / name)

    def deliver_many(self, raw: bytes, count: int, received: float) -> None:
        """The same mail that often into INBOX, by one file with many names: for when nobody reads them."""
        self.deliver(raw, received=received)
        new = self.maildir() / "new"
        (first,) = new.iterdir()
        for _ in range(count - 1):
            self._delivered += 1
            os.link(first, new / f"{1_000_000_000 + self._delivered}.M{self._delivered}.example")

    def remove_all(self, folder: str = "INBOX") -> None:
        """Takes every mail out of the folder, as another session would."""
        self._doveadm("expunge", "-u", self.user, "mailbox", folder, "all")

    def remove(self, uid: int, folder: str = "INBOX") -> None:
        self._doveadm("expunge", "-u", self.user, "mailbox", folder, "uid", str(uid))

    def remove_first(self, folder: str) -> None:
        """A person removes the oldest mail there is; none where there is none."""
        self._doveadm("expunge", "-u", self.user, "mailbox", folder, "1")

    def move_first(self, folder: str, to: str) -> None:
        """A person moves the oldest mail there is to another folder; none where there is none."""
        self._doveadm("move", "-u", self.user, to, "mailbox", folder, "1")

    def create(self, folder: str) -> None:
        self._doveadm("mailbox", "create", "-u", self.user, folder)

    def flag(self, flags: str, folder: str = "INBOX") -> None:
        """A person gives every mail these flags."""
        self._doveadm("flags", "add", "-u", self.user, flags, "mailbox", folder, "all")

    def move(self, folder: str, to: str) -> None:
        """A person moves every mail."""
        self._doveadm("move", "-u", self.user, to, "mailbox", folder, "all")

    def delete(self, folder: str) -> None:
        self._doveadm("mailbox", "delete", "-u", self.user, folder)

    def expire_certificate(self) -> None:
        """From its next start on its certificate is one that was good until yesterday."""
        make_certificates(self.base, good=False)

    def set_uidvalidity(self, number: int, folder: str = "INBOX") -> None:
        self._doveadm("mailbox", "update", "-u", self.user, "--uid-validity", str(number), folder)

    def flags(self, folder: str = "INBOX") -> list[str]:
        """The flags of each mail, as the server tells them to somebody else; \\Recent left out, no client sets that."""
        told = self._doveadm("-f", "flow", "fetch", "-u", self.user, "flags", "mailbox", folder, "all")
        return [line.removeprefix("flags=").replace("\\Recent", "").strip() for line in told.splitlines()]

    def mails(self, folder: str) -> list[bytes]:
        """What lies in a folder, oldest first."""
        path = self.maildir(folder)
        return [p.read_bytes() for p in sorted([*path.glob("new/*"), *path.glob("cur/*")], key=lambda p: p.name)]

    def maildir(self, folder: str = "INBOX") -> Path:
        """The folder's Maildir; made where it is not there yet."""
        home = self.base / "mail" / self.user
        path = home / "Maildir"
        path = path if folder == "INBOX" else path / f".{folder.replace('/', '.')}"
        parts = [path / part for part in ("tmp", "new", "cur")]
        for part in parts:
            part.mkdir(parents=True, exist_ok=True)
        self._hand_over(home, home / "Maildir", path, *parts)
        return path

    def log(self) -> str:
        """What it had to say."""
        log = self.base / "log"
        return log.read_text() if log.exists() else ""

    @property
    def _configuration(self) -> Path:
        return self.base / "dovecot.conf"

    def _doveadm(self, *arguments: str) -> str:
        command = ["doveadm", "-c", str(self._configuration), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise RuntimeError(f"doveadm {arguments[0]}: {done.stderr}")
        return done.stdout

    def _hand_over(self, *paths: Path) -> None:
        if os.getuid() == 0:
            for path in paths:
                os.chown(path, self._uid, self._gid)

    def _prepare(self) -> None:
        self.base.chmod(0o755)
        for name in ("run", "state", "mail"):
            (self.base / name).mkdir()
        make_certificates(self.base)
        (self.base / "users").write_text(
            f"{self.user}:{{PLAIN.b64}}{base64.b64encode(self.password.encode()).decode()}::::::\n"
        )
        me = pwd.getpwuid(os.getuid())
        # Mail processes refuse to be root; everything else must be us where we are not.
        internal, login = ("dovecot", "dovenull") if me.pw_uid == 0 else (me.pw_name, me.pw_name)
        mail = pwd.getpwnam(internal)
        self._uid, self._gid = mail.pw_uid, mail.pw_gid
        (self.base / "oauth2.conf").write_text(INTROSPECTION.format(url=self.introspection))
        self._configuration.write_text(
            CONFIGURATION.format(
                oauth=OAUTH.format(base=self.base) if self.introspection else "",
                oauth_mechanisms=" xoauth2 oauthbearer" if self.introspection else "",
                base=self.base,
                port=self.port,
                tls_port=self.tls_port,
                internal=internal,
                login=login,
                group=grp.getgrgid(mail.pw_gid).gr_name,
                uid=mail.pw_uid,
                gid=mail.pw_gid,
            )
        )
        self._hand_over(self.base / "mail")
        self.maildir()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()
