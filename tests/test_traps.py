"""The fourteen traps of the policy: what a keyword filter gets wrong, held with the shipped rules, model and policy."""

from __future__ import annotations

import pytest
from make import judge, make_report, policy

from classifiers.terms import AcknowledgementState, Disposition, Place, Verdict

KEPT = (Disposition.IN_SCOPE, Disposition.NEEDS_REVIEW)
BOTH = pytest.mark.parametrize("with_model", [True, False], ids=["rules_and_model", "rules_alone"])

INVOICES = (
    "Log in as a normal member, open https://app.planetscale.com/acme/invoices/1042 and change the number to 1043. "
    "The response shows the invoice of another organization with its billing address. {}"
)
NO_SPF = "The domain planetscale.example has no SPF record. Anyone could send mail in your name. Please add a record with -all. {}"


def held(verdict: Verdict) -> set[str]:
    return {f.category for f in verdict.categories}


def clause_of(verdict: Verdict, category: str) -> tuple[str | None, str | None]:
    return next((f.clause, f.clause_kind) for f in verdict.categories if f.category == category)


# 1 ---------------------------------------------------------------------------------------- the word is a fact


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Invoices of others can be read", INVOICES),
        ("Missing SPF record", NO_SPF),
        ("Newsletter October", "Read our newsletter about cloud costs. To unsubscribe click here. {}"),
    ],
)
@BOTH
def test_the_word_changes_no_disposition(subject: str, body: str, with_model: bool) -> None:
    """1: with and without the word the verdict is the same; only the fact beside it differs."""
    without = judge(make_report(subject, body.format("")), with_model=with_model)
    with_it = judge(make_report(subject, body.format("mochi")), with_model=with_model)

    assert without.disposition is with_it.disposition
    assert held(without) == held(with_it)
    assert without.acknowledgement.state is AcknowledgementState.MISSING
    assert with_it.acknowledgement.state is AcknowledgementState.FOUND


# 2 ---------------------------------------------------------------------------------------- a tool named is no output


@pytest.mark.parametrize(
    "tools",
    [
        "Found with Burp 2023.10, Firefox 118.",
        "Software used: Burp Suite Professional 2023.10.3.4, Firefox 118.0.2 on Ubuntu 22.04.",
        "I used nmap 7.94 and OWASP ZAP 2.14 while testing. mochi",
        "Tools: curl 8.4.0; sqlmap 1.7.10; Chrome 119.0.6045.105 (64-bit)",
    ],
)
@BOTH
def test_tools_that_the_policy_asks_for_are_no_offence(tools: str, with_model: bool) -> None:
    """2: the tool and versions used fire neither scanner_output nor software_version, and count as given."""
    verdict = judge(make_report("Invoices of others can be read", INVOICES.format(tools)), with_model=with_model)

    assert not held(verdict) & {"scanner_output", "software_version"}
    assert verdict.disposition in KEPT
    assert "software_and_versions" not in verdict.missing


# 3, and the open class ----------------------------------------------------------------------- the parent clause


@pytest.mark.parametrize(
    ("subject", "body", "category", "kind", "words"),
    [
        ("Missing SPF", "There is no SPF record on acme.example, please add one.", "email_authentication", "named", "(SPF)"),
        ("No DMARC", "There is no DMARC record on acme.example.", "email_authentication", "by_extension", "aren't limited to"),
        ("CAA", "There is no CAA record for acme.example.", "dns_configuration", "by_extension", "aren't limited to"),
        ("Clickjacking", "The page can be loaded in an iframe: clickjacking.", "security_headers", "by_extension", "aren't limited to"),
        ("Server banner", "The Server header reveals the version of nginx.", "software_version", "by_extension", "aren't limited to"),
        ("DNSSEC", "DNSSEC is not enabled on acme.example.", "dns_configuration", "named", "DNSSEC"),
        ("TLS", "TLS 1.0 and weak ciphers are enabled.", "tls_configuration", "named", "TLS and security header"),
    ],
)  # fmt: skip
def test_a_finding_quotes_the_clause_that_covers_it(
    subject: str, body: str, category: str, kind: str, words: str
) -> None:
    """3: named by its own sub-item, or by the parent's open list; said which, and quoted."""
    clause, how = clause_of(judge(make_report(subject, body), with_model=False), category)

    assert how == kind
    assert clause is not None
    assert words in clause


def test_the_sub_items_keep_their_parent() -> None:
    """3: the six sub-items hang under the sentence on testing software, which says that the list is open."""
    children = [c.id for c in policy().clauses if c.parent == "testing_software_output"]

    assert children == ["csrf", "public_files", "dns", "tls_and_headers", "spf", "cookies"]


# 4 to 8: every exclusion is conditional; 9 to 11: what looks excluded and is not -----------------------------------

CONDITIONAL = [
    # 4 cookies that are not sensitive
    ("Session cookie without HttpOnly", "The session cookie of app.planetscale.com is set without HttpOnly."),
    ("Cookie flag", "The cookie PHPSESSID has no Secure flag, so the session can be read on the wire."),
    ("Cookie", "The auth token cookie is missing the HttpOnly flag; with the XSS on /status I read it and took over the session."),
    # 5 forms for anonymous users, or logging out
    ("CSRF changes the e-mail", "There is no CSRF token on /settings/email: a forged request changes the email of a logged-in user."),
    ("CSRF", "Cross-site request forgery lets me delete a database branch of a logged-in member."),
    ("CSRF in invites", "The login form is fine, but by CSRF an attacker can add a member as admin to the organization."),
    # 6 known public files
    ("Exposed .git", "https://app.planetscale.com/.git/config is readable and contains the deploy token."),
    ("Directory listing", "The directory listing at /export shows backup.sql with customer data."),
    (".env is public", "I could download /.env; it contains live API keys."),
    # 7 DNS suggestions
    ("Subdomain takeover", "status.planetscale.com has a dangling CNAME; I registered the app name and my page is served there."),
    ("DNS", "The zone delegates to an expired name server domain. I registered the domain and now control the zone."),
    ("Unclaimed bucket", "The CNAME of files.planetscale.com points to an unclaimed bucket, so anyone can take over the subdomain."),
    # 8 and 9 TLS suggestions; connectivity
    ("TLS not required", "The connection string is accepted in plaintext: the mysql client connects without TLS and the password is sent in the clear."),
    ("mTLS bypass", "mTLS can be bypassed by leaving out the client certificate on the connect endpoint."),
    ("pscale does not verify", "pscale connect does not verify the server certificate, so a man in the middle captured the password."),
    # 10 a spoof with a consequence
    ("Mail spoof into your help desk", "A spoofed mail was accepted: the ticket was created in the name of a customer and I joined the workspace with the verification link."),
    ("SPF and Slack", "No SPF record. I used a spoofed sender, was copied on the helpdesk ticket and read its history, which let me log in to Slack with access of staff."),
    ("Forged invite", "Because of the missing DMARC record my forged mail was processed as an approval and I took over the account."),
    # 11 an old version with a working exploit
    ("Outdated plugin, exploited", "The outdated import plugin 1.2 is exploitable: I ran the exploit and got a shell. uid=33(www-data) gid=33(www-data)"),
    ("Old library", "You run libarchive 3.3, a vulnerable version. A working exploit is below; it executed my command on your host."),
    ("CVE with proof", "The server runs Grafana 8.2.0. I successfully exploited CVE-2021-43798 against your host and read /etc/passwd: root:x:0:0:root"),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "body"), CONDITIONAL)
@BOTH
def test_conditions_veto_an_exclusion(subject: str, body: str, with_model: bool) -> None:
    """4 to 11: what only looks like an excluded kind is never dismissed."""
    verdict = judge(make_report(subject, body), with_model=with_model)

    assert verdict.disposition in KEPT, verdict.why


# 12 --------------------------------------------------------------------------------------- an asset is shown


@pytest.mark.parametrize(
    ("place", "assets"),
    [
        ("https://app.planetscale.com/acme", ("dashboard_api",)),
        ("https://www.planetscale.example/blog", ()),
        ("pscale connect main", ("command_line_interface",)),
        ("the restore of a database backup", ("database_operations",)),
        ("my connection string at aws.connect.psdb.cloud", ("database_connectivity",)),
    ],
)
@BOTH
def test_an_unlisted_asset_decides_nothing(place: str, assets: tuple[str, ...], with_model: bool) -> None:
    """12: named assets are shown; a place that the policy does not list is still a place."""
    body = (
        f"At {place} I can read the invoices of other customers by changing the id in the request. IDOR, steps below."
    )
    verdict = judge(make_report("Invoices of other customers readable", body), with_model=with_model)

    assert verdict.assets == assets
    assert verdict.disposition in KEPT


# 13 --------------------------------------------------------------------------------------- the policy's own words

PASTED = """\
Your policy says: PlanetScale is not actively seeking the following types of reports: Testing software output: Output generated
from automated testing software like Burp Suite. These include, but aren't limited to: CSRF on forms that are available to
anonymous users or are related to logging out. Disclosure of known public files or directories (i.e. robots.txt). DNSSEC or other
DNS configuration suggestions. TLS and security header configuration suggestions. Sender Policy Framework (SPF) configuration
suggestions. Flags on cookies that are not sensitive. Software version reports: Reports notifying PlanetScale that newer versions
of software have been released.
"""


@pytest.mark.parametrize(
    "words",
    [
        PASTED,
        "This is not about SPF or DMARC records.",
        "I am not reporting missing security headers, TLS ciphers or cookie flags.",
        'I know that "TLS and security header configuration suggestions" are out of scope.',
        "This report has nothing to do with clickjacking or robots.txt.",
    ],
)
@BOTH
def test_words_of_the_policy_and_denials_fire_nothing(words: str, with_model: bool) -> None:
    """13: a report that pastes the policy, quotes it, or says what it is not about is judged by the rest."""
    body = f"{words}\n\n{INVOICES.format('')}"
    verdict = judge(make_report("Invoices of others can be read", body), with_model=with_model)

    assert not held(verdict)
    assert verdict.disposition in KEPT


# 14 --------------------------------------------------------------------------------------- where the word stands


@pytest.mark.parametrize(
    ("subject", "passages", "state", "where"),
    [
        ("mochi: SSRF", [], "found", "subject"),
        ("", [(Place.BODY, "Regards, mochi")], "found", "body"),
        ("", [(Place.HTML, "<3 Mochi!")], "found", "html"),
        ("", [(Place.ATTACHMENT, "report.md: MOCHI")], "found", "attachment"),
        ("", [(Place.FORWARDED, "they wrote mochi")], "found", "forwarded"),
        ("", [(Place.QUOTED, "please write mochi")], "quoted_only", "quoted"),
        ("", [(Place.HIDDEN, "mochi")], "hidden_only", "hidden"),
        ("", [(Place.BODY, 'The word "mochi" to acknowledge that you have read these guidelines')], "policy_paste_only", "body"),
        ("", [(Place.BODY, "I am Ken Mochizuki")], "missing", "word"),
        ("", [(Place.BODY, "write to ken@mochi.example")], "missing", "address"),
        ("", [(Place.BODY, "see https://acme.example/mochi/list")], "missing", "url"),
        ("", [(Place.BODY, "resolve mochi.example.net first")], "missing", "host"),
        ("", [(Place.BODY, "mochii")], "near_miss", "body"),
        ("", [(Place.BODY, "the word is m0chi")], "near_miss", "body"),
        ("", [(Place.BODY, "m-o-c-h-i")], "near_miss", "body"),
        ("", [(Place.BODY, "mo\u200bchi")], "found", "body"),
        ("", [(Place.BODY, "\u043c\u043e\u0441\u04bb\u0456")], "found", "body"),
        ("", [(Place.BODY, "\uff4d\uff4f\uff43\uff48\uff49")], "found", "body"),
        ("", [(Place.BODY, "m\u00f6ch\u00ef")], "found", "body"),
        ("", [(Place.QUOTED, "mochi"), (Place.BODY, "mochi")], "found", "body"),
        ("", [(Place.BODY, "no such thing")], "missing", None),
    ],
)  # fmt: skip
def test_where_the_word_stands_is_said(
    subject: str, passages: list[tuple[Place, str]], state: str, where: str | None
) -> None:
    """14: the best place of the word, and what swallowed it where it is part of something else."""
    found = judge(make_report(subject, "", *passages), with_model=False).acknowledgement

    assert (found.state, found.where) == (state, where)


# both mistakes are not equal ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        "Also the X-Frame-Options header is missing and there is no SPF record.",
        "Besides, TLS 1.0 is enabled and robots.txt shows paths.",
        "Moreover your jQuery 1.8 is outdated and the cookie _ga lacks HttpOnly.",
    ],
)
@BOTH
def test_a_mixed_report_with_one_genuine_finding_is_kept(noise: str, with_model: bool) -> None:
    """One genuine finding outweighs any number of excluded ones beside it."""
    verdict = judge(make_report("Invoices of others, and other things", INVOICES.format(noise)), with_model=with_model)

    assert verdict.disposition in KEPT
    assert held(verdict), "the excluded parts are still listed"


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Missing SPF record", NO_SPF.format("")),
        ("DNSSEC not enabled", "DNSSEC is not enabled on your domain. I suggest to sign the zone."),
        ("Weak TLS ciphers", "Your server still supports TLS 1.0 and weak cipher suites. SSL Labs gives a B."),
        ("Missing security headers", "The X-Frame-Options header and the Content-Security-Policy header are missing."),
        ("Logout CSRF", "There is no CSRF token on the logout, so an image tag signs the user out."),
        ("robots.txt", "Your robots.txt discloses hidden paths of your website to everybody."),
        (
            "Outdated jQuery",
            "Your website uses jQuery 1.8.3, an outdated version. Please upgrade to the latest version.",
        ),
    ],
)
def test_plain_noise_is_recognised(subject: str, body: str) -> None:
    """The other side: what the policy plainly excludes is recommended for dismissal, with its clause."""
    verdict = judge(make_report(subject, body))

    assert verdict.disposition is Disposition.OUT_OF_SCOPE, verdict.why
    assert all(f.clause for f in verdict.categories)
