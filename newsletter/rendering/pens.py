"""Two ways to write a mail without HTML: plain text, and GOV.UK Notify's Markdown, both from one `.txt` template.

A template asks for a heading, a link or a text in the restricted Markdown; the pen in use decides how that looks. So
the two can never say different things. Only `newsletter.rendering.engine` uses this.
"""

from typing import Protocol

from newsletter.rendering import markup


class Pen(Protocol):
    """What a `.txt` template can call."""

    def heading(self, level: int, words: str) -> str: ...

    def link(self, words: str, target: str) -> str: ...

    def item(self, words: str) -> str: ...

    def prose(self, text: str, heading_level: int) -> str: ...

    def line(self, words: str) -> str: ...

    def rule(self) -> str: ...


class PlainPen:
    """Plain text that reads well aloud: underlined main headings, each link's address after its words."""

    def heading(self, level: int, words: str) -> str:
        return f"{words}\n{'-' * min(len(words), 60)}" if level <= 2 else words

    def link(self, words: str, target: str) -> str:
        shown = target.removeprefix("mailto:").removeprefix("tel:")
        return words if shown == words else f"{words}: {shown}"

    def item(self, words: str) -> str:
        return f"* {words}"

    def prose(self, text: str, heading_level: int) -> str:
        return markup.to_text(text)

    def line(self, words: str) -> str:
        return words

    def rule(self) -> str:
        return "-" * 40


class NotifyPen:
    """GOV.UK Notify's Markdown: two levels of heading, links, bullets, a rule."""

    def heading(self, level: int, words: str) -> str:
        return f"{'#' if level <= 2 else '##'} {words}"

    def link(self, words: str, target: str) -> str:
        return markup.notify_link(words, target)

    def item(self, words: str) -> str:
        return f"* {words}"

    def prose(self, text: str, heading_level: int) -> str:
        return markup.to_notify(text, heading_level=heading_level)

    def line(self, words: str) -> str:
        return markup.notify_line(words)

    def rule(self) -> str:
        return "---"
