"""Plain words, as somebody pasted them, written as restricted Markdown that says the same: nothing in them is a mark,
and a web address that stands by itself gets the words beside it.

Only letters and signs that nobody sees are taken out. `newsletter.rendering.from_html` does the same for HTML.
"""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from newsletter.core.errors import InvalidInput
from newsletter.rendering import markup

#: The most words of a sentence that become the words of the link beside them.
MOST_LINK_WORDS = 8
_LONGEST_ADDRESS = 500
_LONGEST_SHOWN = 60

#: Kept of the signs that nobody sees: they join letters in some languages, and pictures.
_JOINERS = "\u200c\u200d"
_ADDRESS = re.compile(r"(?:\bhttps?://|\bwww\.|\bmailto:)[^\s<>\"]+", re.IGNORECASE)
_SCHEMES = re.compile(r"\b(?:https?://|www\.)+", re.IGNORECASE)
_STARTS_BLOCK = re.compile(r"#{1,6}(?=\s|$)|[-+](?=[\s-]|$)|>|~(?=~~)|\^|(?<=^)\d{1,9}(?=[.)])")
_ENDS_PHRASE = re.compile(r"[.,;:!?]\s|[()\[\]<>|•]")
_CLOSING = {"<": ">", "(": ")"}
_EDGES = " \t\"'“”‘’«»()[]<>&!*_`\\-–—:;,.|"


def seen(text: str) -> str:
    """The text with plain line ends, and without what nobody sees: control characters, soft hyphens, marks that turn
    the direction of writing."""
    text = re.sub("\r\n|[\r\x0b\x0c\x85\u2028\u2029]", "\n", text)
    return "".join(each for each in text if each in "\n\t" or each in _JOINERS or _is_seen(each))


def one_line(text: str) -> str:
    """The words on one line, as a title has them."""
    return re.sub(r"\[(?=\[)", "[ ", " ".join(seen(text).split()))


def written(text: str) -> str:
    """The words, on one line, to stand as a paragraph or as an item of a list."""
    text = " ".join(seen(text).split())
    return _first_that_can_be_read(_with_links(text), _plain(text))


def written_with_links(runs: Sequence[tuple[str, str]]) -> str:
    """The same for words of which it is known where they lead: words and an address, empty for none."""
    out: list[str] = []
    for words, address in ((re.sub(r"\s+", " ", seen(words)), address) for words, address in runs):
        target = _target(address) if address else None
        made = _link(words, target) if target else ""
        if made:
            before, after = words[: words[:1].isspace()], " " if words[-1:].isspace() else ""
            joins = not before and "".join(out[-2:])[-1:] in tuple("![<&")
            out += [" " if joins else before, made, after]
        elif words:
            out.append(_plain(words))
    return _first_that_can_be_read("".join(out), _plain(seen("".join(words for words, _ in runs))))


def _first_that_can_be_read(*lines: str) -> str:
    """The first of these that is restricted Markdown; the last when none is."""
    for line in lines:
        line = " ".join(line.split())
        if found := _STARTS_BLOCK.match(line):
            line = f"{found[0]}\\{line[found.end() :]}" if found[0].isdigit() else f"\\{line}"
        if not _problem(line):
            break
    return line


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Cn", "Co")


def _with_links(text: str) -> str:
    out, place, last = [], 0, ""
    for found in _ADDRESS.finditer(text):
        address = _trimmed(found[0])
        before, end = text[place : found.start()], found.start() + len(address)
        target = _target(address)
        if target is None:
            continue
        shut = _CLOSING.get(before.rstrip()[-1:], "")
        after = text[end:].lstrip()
        words, rest = "", before
        if found_words := re.search(r"\[([^\[\]]+)\]\($", before):
            words, rest = found_words[1], before[: found_words.start()]
            end += text[end:].startswith(")")
        elif shut and after.startswith(shut):
            rest = before.rstrip()[:-1]
            end = len(text) - len(after) + 1
            if target == last and not rest.strip():  # "www.example.org <https://www.example.org>"
                place = end
                continue
            words, rest = _split_off(rest, target)
        elif before.rstrip().endswith(":"):
            words, rest = _split_off(before.rstrip()[:-1], target)
            rest = rest if words else before
        made = (words and _link(words, target)) or _link(_shown(target), target)
        if not made:
            continue
        out += [_plain(rest), "" if rest.endswith((" ", "(", "“", "‘")) or not rest else " ", made]
        place, last = end, target
        if text[place : place + 1] not in ("", " ", ".", ",", ";", ")", "!", "?", "”", "’"):
            out.append(" ")
    return "".join([*out, _plain(text[place:])])


def _split_off(text: str, target: str) -> tuple[str, str]:
    """The last few words of a text, when they can be those of a link, and what stands before them."""
    starts = max((found.end() for found in _ENDS_PHRASE.finditer(text)), default=0)
    if (last := text.split(" ")[-1]) and last == _shown(target):  # "send@example.org <mailto:send@example.org>"
        starts = len(text) - len(last)
    words = text[starts:]
    if len(words.split()) > MOST_LINK_WORDS or not re.search(r"\w", words):
        return "", text
    return words, f"{text[:starts]} "


def _link(words: str, target: str) -> str:
    words = _plain(words.strip(_EDGES)).replace("]", "\\]")
    made = f"[{words}]({target})"
    return made if words and not _problem(made) else ""


def _plain(text: str) -> str:
    """Words in which nothing is a mark, HTML, or an address by itself."""
    text = _SCHEMES.sub(" ", text)
    text = re.sub(r"\[(?=\[)", "[ ", text)
    text = re.sub(r"<(?=[A-Za-z/!])", "< ", text)
    text = re.sub(r"&(?=#?[A-Za-z0-9]+;)", "& ", text)
    return markup.escape_words(text)


def _trimmed(address: str) -> str:
    """Without what belongs to the sentence around it."""
    while address:
        if address[-1] in ".,;:!?'’”»*_|]" or (address[-1] == ")" and address.count(")") > address.count("(")):
            address = address[:-1]
        else:
            break
    return address


def _target(address: str) -> str | None:
    """The address as a link has it; None where it is not one that readers should be sent to."""
    if address.lower().startswith("www."):
        address = f"https://{address}"
    if not address.lower().startswith(("https://", "mailto:")) or len(address) > _LONGEST_ADDRESS:
        return None
    target = quote(address, safe="/?#:@!$&*+,;=%~-._")
    return None if _problem(f"[a]({target})") else target


def _shown(target: str) -> str:
    """What stands for an address that has no words beside it: where it leads, as briefly as can be."""
    if target.lower().startswith("mailto:"):
        return target[7:].partition("?")[0]
    parts = urlsplit(target)
    host = (parts.hostname or "").removeprefix("www.")
    whole = f"{host}{parts.path.rstrip('/')}"
    return whole if len(whole) <= _LONGEST_SHOWN else host


def _problem(text: str) -> bool:
    try:
        markup.validate(text)
    except InvalidInput:
        return True
    return False
