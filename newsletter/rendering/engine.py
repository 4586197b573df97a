"""The one engine that turns a mail into HTML (Jinja → MJML → HTML), plain text and GOV.UK Notify's Markdown.

Templates live in `templates/email`. Slot marks such as `[[leave_url]]` pass through untouched, for
`newsletter.rendering.message` to fill in for each recipient. Nothing here knows a database or a recipient.
"""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from mjml import mjml2html

from newsletter.core.errors import InvalidInput, RenderError
from newsletter.rendering import markup
from newsletter.rendering.blocks import FORBIDDEN_CHARACTER, MARK
from newsletter.rendering.colours import palette
from newsletter.rendering.mails import Letterhead, Mail, Rendered
from newsletter.rendering.pens import NotifyPen, Pen, PlainPen

_HERE = Path(__file__).resolve()
_SUBJECT = "Subject: "

#: Mails kept as they were rendered, some 200 kB each.
_KEPT = 16


def templates_directory() -> Path:
    """Where the mail templates are: in the repository, or inside an installed package."""
    in_repository = _HERE.parents[2] / "templates" / "email"
    return in_repository if in_repository.is_dir() else _HERE.parents[1] / "_templates" / "email"


@lru_cache(maxsize=_KEPT)
def render(mail: Mail) -> Rendered:
    """Every form of a mail, with slot marks still in it. Kept for a while: each look at an edition asks for the same.

    Raises `RenderError` naming the template and line when a template is at fault, `InvalidInput` when a text is.
    """
    return _default_engine().render(mail)


@cache
def _default_engine() -> "Engine":
    return Engine(templates_directory())


class Engine:
    """Renders the templates of one directory; templates are read and compiled once."""

    def __init__(self, templates: Path) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(templates),
            autoescape=jinja2.select_autoescape(enabled_extensions=("mjml",), default=False),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters["day"] = day
        self._environment.filters["weekday"] = weekday
        self._environment.filters["telephone"] = telephone

    def render(self, mail: Mail) -> Rendered:
        """As the module's `render`."""
        _refuse_marks(mail)
        subject, text = self.text(mail, PlainPen())
        _, markdown = self.text(mail, NotifyPen())
        html = self.to_html(self.mjml(mail, subject), f"{mail.template}.mjml")
        return Rendered(subject=subject, html=html, text=text, markdown=markdown)

    def text(self, mail: Mail, pen: Pen) -> tuple[str, str]:
        """Subject and body of the `.txt` template, written with a pen."""
        template = f"{mail.template}.txt"
        written = self._fill(template, **_context(mail), pen=pen)
        first, _, body = written.lstrip().partition("\n")
        if not first.startswith(_SUBJECT):
            raise RenderError(f"{template}, line 1: the first line must be “{_SUBJECT}…”", template=template, line=1)
        return first.removeprefix(_SUBJECT).strip(), re.sub(r"\n{3,}", "\n\n", body).strip() + "\n"

    def mjml(self, mail: Mail, subject: str) -> str:
        """The MJML document of a mail."""
        letterhead: Letterhead = mail.letterhead
        colours = palette(letterhead.brand_colour, letterhead.tint_colour)

        def prose(text: str, heading_level: int, colour: str = colours.link) -> Markup:
            return markup.to_html(text, heading_level=heading_level, for_mail=True, link_colour=colour)

        template = f"{mail.template}.mjml"
        filled = self._fill(template, **_context(mail), subject=subject, colours=colours, prose=prose)
        # Between elements a line break means nothing, but it costs bytes; and mjml-python 1.4.2 refuses a space after
        # the last </mj-style> of the head.
        return re.sub(r">(?:\s*\n\s*(?=<)|\s+(?=</?mj))", ">", filled.strip())

    def to_html(self, mjml: str, template: str) -> str:
        """HTML of an MJML document. Raises `RenderError` naming the template when it is not well formed."""
        try:
            return str(mjml2html(mjml))
        except ValueError as error:
            place = re.search(r"at position (\d+)", str(error))
            near = mjml.encode()[: int(place[1])].decode(errors="ignore")[-60:] if place else ""
            hint = f" (after “{near}”)" if near else " (an element is not closed)"
            raise RenderError(f"{template} is not well-formed MJML: {error}{hint}", template=template) from error

    def _fill(self, template: str, **context: Any) -> str:
        try:
            return self._environment.get_template(template).render(context)
        except jinja2.TemplateSyntaxError as error:
            name = error.name or template
            raise RenderError(
                f"{name}, line {error.lineno}: {error.message}", template=name, line=error.lineno
            ) from error
        except jinja2.TemplateNotFound as error:
            name = str(error.name or template)
            raise RenderError(f"There is no template {name} among the mail templates", template=name) from error
        except (jinja2.UndefinedError, jinja2.TemplateRuntimeError, TypeError, ValueError) as error:
            name, line = self._place(error, template)
            raise RenderError(f"{name}, line {line}: {error}", template=name, line=line) from error

    def _place(self, error: BaseException, template: str) -> tuple[str, int | None]:
        """The innermost template and line an error came from: Jinja puts them into the traceback."""
        name, line = template, None
        traceback = error.__traceback__
        while traceback:
            filename = Path(traceback.tb_frame.f_code.co_filename)
            if filename.suffix in (".mjml", ".txt"):
                name, line = filename.name, traceback.tb_lineno
            traceback = traceback.tb_next
        return name, line


def day(value: date) -> str:
    """A date as people write it: 18 December 2023."""
    return f"{value.day} {value:%B %Y}"


def weekday(value: date) -> str:
    """A date with its day of the week: Monday 18 December 2023."""
    return f"{value:%A} {day(value)}"


def telephone(value: str) -> str:
    """The target of a phone link: tel:01865815275."""
    return "tel:" + re.sub(r"[^0-9+]", "", value)


def _context(mail: Mail) -> dict[str, Any]:
    return {"mail": mail, "letterhead": mail.letterhead}


#: The only texts of a mail that may have more than one line.
_LONG_TEXTS = frozenset({"introduction", "body", "said", "did", "help_text", "postal_address"})


def _refuse_marks(mail: Mail) -> None:
    """Refuse content that would be taken for a personal value, or that no mail program could show."""
    for name, text in _texts(mail, ""):
        if MARK.search(text):
            raise InvalidInput("“[[…]]” is kept for personal links. Write it without the square brackets", field=name)
        if FORBIDDEN_CHARACTER.search(text):
            raise InvalidInput("There is a character that cannot be shown in a mail. Type the text again", field=name)
        if name not in _LONG_TEXTS and ("\n" in text or "\r" in text):
            raise InvalidInput(f"The {name.replace('_', ' ')} must be one line. Take the line break out", field=name)
        if name.endswith("_url") and text and not text.startswith(("https://", "http://")):
            raise InvalidInput("A link must start with https://", field=name)


def _texts(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Every text of a mail, with the name of the field it stands in."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item, name)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), field.name)
