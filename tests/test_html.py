"""HTML: what a reader sees, what is hidden, whose words they are."""

from __future__ import annotations

import pytest

from bot.mail.html import read
from classifiers.terms import Place


def seen(source: str) -> str:
    """The visible text, whoever wrote it."""
    return "\n".join(text for place, text in read(source)[0] if place is not Place.HIDDEN)


def by_place(source: str) -> list[tuple[str, str]]:
    return [(place.value, text) for place, text in read(source)[0]]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two<br><br>Three", "One\nTwo\n\nThree"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("<ul><li>One<li>Two</ul>", "One\nTwo"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("one \n\t two", "one two"),
        ("<pre>GET /\n  Host</pre>", "GET /\n  Host"),
        ("m<b>o</b>chi", "mochi"),
        ("mo<span style='display:none'>x</span>chi", "mochi"),  # a reader sees one word
        ("mo<!-- no text -->chi", "mochi"),
        ("&lt;script&gt; &amp;amp;", "<script> &amp;"),
        ("<title>t</title><style>s</style><script>s</script><template>t</template>x", "x"),
        ("<a href='https://x.example/a'>here</a>", "here (https://x.example/a)"),
        ("<a href='https://x.example/'>x.example</a>", "x.example"),  # the text says it already
        ("<a href='mailto:a@x.example'>write</a>", "write"),
        ("<textarea>kept</textarea>", "kept"),
        ("plain text, no tag", "plain text, no tag"),
        ("", ""),
    ],
)
def test_visible_text(source: str, expected: str) -> None:
    """Blocks are lines, cells are words apart, links show where they lead."""
    assert seen(source) == expected


HIDDEN = [
    "<p style='display:none'>mochi</p>",
    "<p style='DISPLAY : NONE !important'>mochi</p>",
    "<div style='display:none'><p style='display:block'>mochi</p></div>",  # nothing inside comes back
    "<p hidden>mochi</p>",
    "<p style='visibility:hidden'>mochi</p>",
    "<p style='opacity:0'>mochi</p>",
    "<p style='opacity:0.01'>mochi</p>",
    "<p style='font-size:0'>mochi</p>",
    "<p style='font-size:1px'>mochi</p>",
    "<p style='font:0/0 a'>mochi</p>",
    "<p style='color:#fff'>mochi</p>",
    "<p style='color:#fefefe'>mochi</p>",
    "<p style='color:rgb(255, 255, 255)'>mochi</p>",
    "<p style='color:transparent'>mochi</p>",
    "<p style='color:rgba(0,0,0,0)'>mochi</p>",
    "<font color=white>mochi</font>",
    "<table bgcolor='#000'><tr><td><font color=black>mochi</font></td></tr></table>",
    "<div style='background:#123456'><p style='color:#123457'>mochi</p></div>",
    "<p style='position:absolute;left:-9999px'>mochi</p>",
    "<p style='text-indent:-9999px'>mochi</p>",
    "<p style='height:0;overflow:hidden'>mochi</p>",
    "<p style='max-height:0px;overflow:hidden'>mochi</p>",
    "<p style='width:0;overflow:hidden'>mochi</p>",
    "<p style='transform:scale(0)'>mochi</p>",
    "<p style='clip:rect(0, 0, 0, 0)'>mochi</p>",
    "<p style='mso-hide:all'>mochi</p>",
    "<noscript>mochi</noscript>",
    "<style>.x{display:none}</style><p class=x>mochi</p>",
    "<style>p.x, #y {color:white}</style><p class=x>mochi</p>",
    "<style>#y{font-size:0}</style><p id=y>mochi</p>",
    "<style>/* a */ em{visibility:hidden}</style><em>mochi</em>",
    "<style><!-- .x{display:none} --></style><p class=x>mochi</p>",
]


@pytest.mark.parametrize("source", HIDDEN)
def test_hidden_text_is_kept_apart(source: str) -> None:
    """Neither lost nor taken for what a reader saw."""
    assert by_place("<p>before</p>" + source) == [("html", "before"), ("hidden", "mochi")]


@pytest.mark.parametrize(
    "source",
    [
        "<p style='display:block'>mochi</p>",
        "<div style='font-size:0'><span style='font-size:14px'>mochi</span></div>",  # how newsletters close gaps
        "<div style='visibility:hidden'><p style='visibility:visible'>mochi</p></div>",
        "<p style='font-size:0.9em'>mochi</p>",
        "<p style='opacity:1'>mochi</p>",
        "<p style='background:#007;color:#fff'>mochi</p>",  # a button
        "<table bgcolor=#000000><tr><td><font color=white>mochi</font></td></tr></table>",
        "<div style='background:url(x.png)'><p style='color:#fff'>mochi</p></div>",  # nobody knows what is behind
        "<style>table td.a {background:#000}</style><p style='color:#fff'>mochi</p>",  # a rule that we do not understand
        "<style>p.a span {color:#eee}</style><p style='background:#000'>mochi</p>",
        "<style>@media print {.x{display:none} .y{display:none}}</style><p class='x y'>mochi</p>",
        "<style>.x:hover{display:none}</style><p class=x>mochi</p>",
        "<p style='height:0'>mochi</p>",  # it overflows, visibly
        "<p style='position:absolute;left:-2px'>mochi</p>",
    ],
)
def test_visible_text_is_not_taken_for_hidden(source: str) -> None:
    """Where we cannot know, a reader sees it."""
    assert by_place(source) == [("html", "mochi")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "<div>mine</div><div class=gmail_quote><div class=gmail_attr>On Monday X wrote:</div><blockquote>theirs</blockquote></div>",
            [("html", "mine"), ("quoted", "On Monday X wrote:\n\ntheirs")],
        ),
        (
            "<p>top</p><blockquote type=cite>theirs</blockquote><p>bottom</p>",
            [("html", "top"), ("quoted", "theirs"), ("html", "bottom")],
        ),
        ("<div class=gmail_quote>---------- Forwarded message ---------<br>report</div>", [("forwarded", "---------- Forwarded message ---------\nreport")]),
        ("<p>mine</p><div id=divRplyFwdMsg>From: x</div><div>theirs</div>", [("html", "mine"), ("quoted", "From: x\ntheirs")]),
        ("<blockquote style='margin:0 0 0 40px; border: none'>indented</blockquote>", [("html", "indented")]),
        ("<blockquote>old<p hidden>mochi</p></blockquote>", [("quoted", "old"), ("hidden", "mochi")]),
    ],
)  # fmt: skip
def test_whose_words(source: str, expected: list[tuple[str, str]]) -> None:
    """Quotations by their mark-up, in order; an indent is no quotation."""
    assert by_place(source) == expected


@pytest.mark.parametrize(
    ("source", "cut"),
    [
        ("<p>" + "a" * 255_000, False),
        ("<p>" + "a" * 257_000, True),
        ("<br>" * 20_000, False),
        ("<br>" * 20_001, True),
        ("<img src='data:image/png;base64," + "A" * 400_000 + "'>x", False),  # pictures do not count
    ],
)
def test_large_html_is_cut(source: str, cut: bool) -> None:
    """And said to be: more tags than these take lexbor seconds."""
    assert read(source)[1] is cut


def test_text_behind_a_picture_is_read() -> None:
    """A picture written into the HTML does not push the text over the limit."""
    assert seen("<img src='data:image/png;base64," + "A" * 400_000 + "'><p>mochi</p>") == "mochi"
