"""Whatever is typed is either refused with a sentence or says the same, safely, in all three outputs."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.core.errors import InvalidInput
from newsletter.rendering import markup
from tests.newsletter.rendering.reading import Page

EVERYTHING = """# What changed

Some *soft* and **strong** words, and [the *figures*](https://example.org/a_(b)?x=1&y=2).

## Who can help

^ Ring us
any day.

- by [phone](tel:01632-960100)
- by [email](mailto:send@example.org)

3. third
4. fourth

2.5 in 100\\
waited"""


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=60))
@example("*a* _b_ [c](d) `e` <f> \\g ![h](i)")
def test_plain_words_stay_what_they_are(text: str) -> None:
    line = " ".join(text.split())
    try:
        read = markup.to_words(f"It said: “{markup.escape_words(line)}”")
    except InvalidInput:  # a tag, an entity or an address: readers would see it as it stands
        assert re.search(r"<|&|://|www\.|\[\[", line, re.IGNORECASE)
    else:
        assert read == f"It said: “{line}”"


class TestOutputs:
    def test_html_for_a_mail_has_its_styles_inline(self) -> None:
        html = markup.to_html(EVERYTHING, heading_level=4, for_mail=True, link_colour="#00594c")
        assert '<h4 style="' in html
        assert '<h5 style="' in html
        assert "<em>soft</em> and <strong>strong</strong>" in html
        assert (
            '<a href="https://example.org/a_%28b%29?x=1&amp;y=2" style="color:#00594c">the <em>figures</em></a>' in html
        )
        assert "border-left:4px solid #00594c" in html
        assert '<ol start="3"' in html
        assert "2.5 in 100<br/>waited" in html
        assert "class=" not in html

    def test_html_for_a_page_has_classes_and_no_styles(self) -> None:
        html = markup.to_html(EVERYTHING, heading_level=2, for_mail=False)
        assert '<h2 class="govuk-heading-s">What changed</h2>' in html
        assert '<p class="govuk-inset-text">Ring us any day.</p>' in html
        assert 'class="govuk-list govuk-list--bullet"' in html
        assert "style=" not in html

    def test_text_gives_each_address_after_its_words(self) -> None:
        assert markup.to_text(EVERYTHING) == (
            "What changed\n\n"
            "Some soft and strong words, and the figures (https://example.org/a_%28b%29?x=1&y=2).\n\n"
            "Who can help\n\nRing us any day.\n\n"
            "* by phone (01632-960100)\n* by email (send@example.org)\n\n"
            "3. third\n4. fourth\n\n2.5 in 100\nwaited"
        )

    def test_an_address_that_is_its_own_words_is_not_said_twice(self) -> None:
        assert markup.to_text("[send@example.org](mailto:send@example.org)") == "send@example.org"
        assert markup.to_text("[01632 960100](tel:01632960100)") == "01632 960100"

    def test_notify_gets_the_markdown_it_knows(self) -> None:
        assert markup.to_notify(EVERYTHING, heading_level=3) == (
            "## What changed\n\n"
            "Some soft and strong words, and [the figures](https://example.org/a_%28b%29?x=1&y=2).\n\n"
            "## Who can help\n\n^ Ring us any day.\n\n"
            "* by [phone](tel:01632-960100)\n* by [email](mailto:send@example.org)\n\n"
            "3. third\n4. fourth\n\n2\\.5 in 100\nwaited"
        )

    @pytest.mark.parametrize("typed", ["\\# no heading", "\\* no item", "2.5 in 100", "\\^ not inset", "\\- dash"])
    def test_plain_words_do_not_become_marks_in_notify(self, typed: str) -> None:
        assert not re.match(r" *(#|\^|[•*-]|\d+\.)", markup.to_notify(typed))

    def test_no_heading_level_is_left_out(self) -> None:
        page = Page(markup.to_html("### a\n\n##### b\n\n## c\n\n### d", heading_level=4, for_mail=True))
        assert page.headings == [4, 5, 4, 5]

    def test_counted_words_are_those_that_are_read(self) -> None:
        assert markup.count_words("Two **words**, then [three more words](https://example.org/not-counted)") == 6


class TestRefusals:
    @pytest.mark.parametrize(
        ("typed", "line", "advice"),
        [
            ("a\n\n<b>bold</b>", 3, "HTML"),
            ("a <!-- b -->", 1, "HTML"),
            ("a&nbsp;b", 1, "character itself"),
            ("![a](https://example.org/a.png)", 1, "in words"),
            ("> quoted", 1, "start the paragraph with ^"),
            ("a\n---", 2, "heading"),
            ("```\na\n```", 1, "plain paragraph"),
            ("a\n`b`", 2, "without it"),
            ("a\n\n[b](http://example.org)", 3, "https:"),
            ("[b](javascript:alert(1))", 1, "https://, mailto: or tel:"),
            ("[b](/here)", 1, "https://, mailto: or tel:"),
            ("[b](https://user@example.org)", 1, "not whole"),
            ("[b](https://[b)", 1, "not whole"),
            ("[b](mailto:nobody)", 1, "mailto:send@example.org"),
            ("[b](tel:ring-us)", 1, "tel:"),
            ("<https://example.org>", 1, "link words"),
            ("see\nhttps://example.org", 2, "link words"),
            ("see www.example.org", 1, "link words"),
            ("[https://example.org](https://example.org)", 1, "link words"),
            ("[](https://example.org)", 1, "no words"),
            ('[a](https://example.org "title")', 1, "nothing else"),
            ("[a]: https://example.org", 1, "link words"),
            ("- a\n  - b", 2, "one list"),
            ("- # a", 1, "not indent"),
            ("- ^ a", 1, "paragraph of its own"),
            ("- ", 1, "no words"),
            ("#", 1, "no words"),
            ("a\n^ b", 2, "empty line"),
            ("a\n[[leave_url]]", 2, "square brackets"),
            ("[\\[code]]", 1, "square brackets"),
            ("[[**code**]]", 1, "square brackets"),
            ("a\n\x00", 2, "cannot be shown"),
        ],
    )
    def test_it_names_the_line_and_what_to_do(self, typed: str, line: int, advice: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            markup.validate(typed)
        assert str(refused.value).startswith(f"Line {line}: ")
        assert advice in str(refused.value)

    def test_it_refuses_a_book(self) -> None:
        with pytest.raises(InvalidInput, match="Shorten it"):
            markup.validate("a " * 20_000)


PIECES = st.sampled_from(
    ["\n", "\n\n", "    ", "# ", "- ", "1. ", "^ ", "> ", "**", "*", "_", "`", "[", "](", ")", "]", "![", "<", ">"]
    + [
        "</",
        "script",
        "<b ",
        "onload=",
        "style=",
        "<!--",
        "{{",
        "{%",
        "[[",
        "]]",
        "code",
        "leave_url",
        "\\",
        "&",
        "&lt;",
    ]
    + ["&#60;", '"', "'", "www.", "---", "```", "\u00a0", "\u2028", "é", "\r\n", "word", "two words", "javascript:"]
    + ["https://example.org", "http://", "mailto:a@example.org", "tel:1", "[words](https://example.org/)"]
)
TYPED = st.one_of(st.lists(PIECES, max_size=25).map("".join), st.text(max_size=120))


class TestAnyText:
    @given(TYPED)
    @example('**[a](https://example.org/\\"onload=x)**')
    @example("[a](<https://example.org/a b>)")
    def test_it_is_refused_or_safe_everywhere(self, typed: str) -> None:
        try:
            markup.validate(typed)
        except InvalidInput as error:
            refusal = str(error)
        else:
            refusal = ""
        if refusal:
            assert re.match(r"Line \d+: \S|The text is longer", refusal)
            return
        for for_mail in (True, False):
            page = Page(markup.to_html(typed, heading_level=3, for_mail=for_mail, link_colour="#00594c"))
            for tag, attributes in page.elements:
                assert tag in {"p", "ul", "ol", "li", "a", "strong", "em", "br", "h3", "h4", "h5", "h6"}
                assert attributes.keys() <= {"href", "style", "class", "start"}
            assert all(link.startswith(("https://", "mailto:", "tel:")) for link in page.links)
            assert "\u2060" not in page.html or "\u2060" in typed
        for output in (markup.to_text(typed), markup.to_notify(typed)):
            assert not re.search(r"</?[A-Za-z][^<>\n]*>", output)
            assert "[[leave_url]]" not in output
            assert "[[code]]" not in output
        assert len("".join(run.text for run in page.seen).split()) <= markup.count_words(typed)
