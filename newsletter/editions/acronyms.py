"""Acronyms that an edition uses and does not explain: its glossary writes out those that it knows (REQ-53)."""

import re
from collections.abc import Iterator

#: What readers meet most; the first use must say what it stands for.
ACRONYMS = {
    "EHCP": "education, health and care plan",
    "EHC": "education, health and care",
    "SENCO": "special educational needs coordinator",
    "PCF": "parent carer forum",
    "DfE": "Department for Education",
    "CQC": "Care Quality Commission",
    "ICB": "integrated care board",
    "CAMHS": "child and adolescent mental health services",
    "SENDIASS": "special educational needs and disabilities information, advice and support service",
    "SIAB": "strategic improvement and assurance board",
}

#: Better known than what they stand for, or no acronyms at all.
_KNOWN = frozenset({"NHS", "SEND", "SEN", "UK", "GP", "TV", "PDF", "BSL", "BBC", "DVD", "ID", "IT", "OK", "FAQ", "A-Z"})

_CANDIDATE = re.compile(r"(?<![\w@./&’'-])([A-Z][A-Za-z]?[A-Z]{1,6}|[A-Z]{2,8})(?=s?(?![\w@&’'-]|\.\w))")
_CAPITAL_WORD = re.compile(r"[A-Z]{2,}(?:[\s,]+[A-Z]{2,})+")


def unexplained(text: str) -> Iterator[str]:
    """A sentence for each acronym whose first use in the text is not explained there."""
    flat = " ".join(text.split())
    folded = flat.casefold()
    for acronym, meaning in ACRONYMS.items():
        used = re.search(rf"\b{acronym}s?\b", flat) if acronym in flat else None
        if used is not None and not 0 <= folded.find(meaning.casefold()) <= used.end() + 2:
            yield f"“{acronym}” is not explained where it is first used: write “{meaning} ({acronym})”."
    # Words in capitals are found by others; several in a row are shouting and no acronyms.
    calm = _CAPITAL_WORD.sub(lambda match: "—" * len(match[0]), flat)
    seen: set[str] = set()
    for found in _CANDIDATE.finditer(calm):
        acronym = found[1]
        if acronym in seen or acronym in ACRONYMS or acronym in _KNOWN:
            continue
        seen.add(acronym)
        before, after = calm[: found.start()], calm[found.end() :]
        if not (before.endswith("(") or re.match(r"s?\s*\(", after)):
            yield (
                f"“{acronym}” is not explained where it is first used: write out what it stands for, or add it to the "
                "glossary."
            )
