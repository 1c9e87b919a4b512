"""What a mail server or its line can do wrong, told in a sentence that holds none of its words: they may be mail."""

from __future__ import annotations

import imaplib
import re
import socket
import ssl

FAULTS = (
    imaplib.IMAP4.error,  # also imapclient's ProtocolError, CapabilityError, IllegalStateError
    OSError,  # also TimeoutError, ConnectionError, socket.gaierror, ssl.SSLError
    # imaplib and imapclient take an answer apart without guarding against one that is no IMAP at all.
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)
"""All that a server or a line can make imaplib and imapclient raise."""

CUT = {
    "closed": "the session was closed",
    "deadline": "the operation took too long and was cut; the server or the line is very slow",
}
"""By whom the connection was cut on this side."""

TEMPORARY = frozenset({"UNAVAILABLE", "LIMIT", "INUSE", "SERVERBUG", "THROTTLED", "OVERQUOTA"})
"""Response codes that promise nothing about the next attempt (RFC 5530, and what providers add)."""

_LESS = frozenset({"LIMIT", "THROTTLED", "OVERQUOTA"})

_CODE = re.compile(r"\[([A-Z][A-Z0-9-]{0,30})")


def response_code(error: BaseException) -> str:
    """The response code of a refusal, such as NONEXISTENT; "" where there is none (RFC 3501, 7.1)."""
    found = _CODE.search(str(error)[:200])
    return found[1] if found else ""


def asks_for_less(error: BaseException) -> bool:
    """Whether the server wants fewer connections or commands of us, and not only this one to be repeated."""
    return isinstance(error, imaplib.IMAP4.error) and (
        response_code(error) in _LESS or "too many" in str(error)[:300].lower()
    )


def refuses_login(error: imaplib.IMAP4.error) -> bool:
    """Whether the server refused these credentials, and not us for now, or the command."""
    text = str(error)
    if isinstance(error.__context__, imaplib.IMAP4.abort):  # imapclient makes a LoginError of a lost line too
        return False
    if text.startswith(("LOGIN command error", "AUTHENTICATE command error")):  # BAD
        return False
    # Gmail tells a full house under [ALERT], the code it has for wrong passwords too.
    return response_code(error) not in TEMPORARY and "too many" not in text.lower()


def said_at_login(error: imaplib.IMAP4.error, password: str) -> str:
    """The server's own words at a refused login, for a person to read: no mail was asked for yet. Never the password."""
    text = str(error)
    text = text[2:-1] if text.startswith(("b'", 'b"')) else text
    said = "".join(c for c in text[:200] if c.isprintable()).strip(" .")
    return f": {said}" if said and password not in text else ""


def fault(error: BaseException, cut: str, *, connected: bool) -> str:
    """What happened and what to do. `cut` is a key of CUT, or empty; `connected` whether the login was behind us."""
    if cut:
        return CUT[cut]
    if isinstance(error, OSError):
        return _system_fault(error, connected=connected)
    if not isinstance(error, imaplib.IMAP4.error):
        return f"the server's answer could not be understood ({type(error).__name__}); is this an IMAP server?"
    text = str(error)
    if isinstance(error, imaplib.IMAP4.abort) and ("EOF" in text or "socket error" in text):
        return "the server closed the connection; trying again helps"
    code = f" with [{response_code(error)}]" if response_code(error) else ""
    if isinstance(error, imaplib.IMAP4.abort):
        return f"the server ended the session{code}; trying again later helps"
    return f"the server refused the command{code}, or broke the protocol; trying again later may help"


def _system_fault(error: OSError, *, connected: bool) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate is not trusted: {error.verify_message or 'verification failed'}; "
            "check host, or give the authority that signed it as ca_file"
        )
    while_connecting = (
        (ssl.SSLError, 'no TLS handshake; check port and tls ("implicit" is usually port 993, "starttls" port 143)'),
        (socket.gaierror, "the host name cannot be resolved; check host and this machine's DNS"),
        (ConnectionRefusedError, "connection refused: nothing listens there; check host and port"),
        (TimeoutError, "no answer in time; check host and port, and that no firewall is between"),
        (ConnectionError, "the connection was cut before the login; check host, port and tls"),
        (
            OSError,
            f"unreachable ({error.strerror or type(error).__name__}); check host, port and this machine's network",
        ),
    )
    in_session = (
        (TimeoutError, "the server fell silent; trying again helps"),
        (OSError, "the connection was cut; trying again helps"),
    )
    return next(told for kind, told in (in_session if connected else while_connecting) if isinstance(error, kind))
