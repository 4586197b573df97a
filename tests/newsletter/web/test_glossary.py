"""The glossary on the web."""

import re

from newsletter.content import glossary
from tests.newsletter.content.conftest import term_draft
from tests.newsletter.web.conftest import Door


def test_words_stand_from_a_to_z_with_links_to_each_letter(door: Door) -> None:
    assert "There are no words here yet" in door.get("/glossary").text
    with door.runtime.db.transaction() as session:
        for term in ("EHCP", "annual review", "SEND", "16-19"):
            glossary.write(session, term_draft(term=term, expansion="" if term == "annual review" else "x & y"[:1]))
    page = door.get("/glossary").text
    assert re.findall(r'href="#letter-([^"]+)"', page) == ["0-9", "A", "E", "S"]
    for letter in ("0-9", "A", "E", "S"):
        assert f'id="letter-{letter}"' in page
    places = [page.index(words) for words in ("<dt>16-19: x", "<dt>annual review</dt>", "<dt>EHCP", "<dt>SEND")]
    assert places == sorted(places)
