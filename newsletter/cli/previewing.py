"""`newsletter edition preview`: the files that show an edition as readers will get it, personal links included."""

from pathlib import Path

from sqlmodel import Session

from newsletter.core.runtime import Runtime
from newsletter.delivery import preview
from newsletter.editions import moves

PREVIEW_ADDRESS = "preview@example.org"


def write(session: Session, runtime: Runtime, edition_id: int, directory: Path) -> list[Path]:
    """Write `edition.html`, `edition.txt` and `edition.eml`, replacing older ones; their paths.

    What was approved is shown byte for byte; before approval, what would be approved now.
    """
    edition = moves.read(session, edition_id)
    head = preview.letterhead(session, runtime, edition)
    rendered = preview.rendered(session, edition, head)
    message_id = f"<preview-{edition.id}@{runtime.settings.message_domain}>"
    mime = preview.whole_message(
        runtime, edition, head, rendered, to=PREVIEW_ADDRESS, message_id=message_id, signed=False
    )
    slots = preview.slots(runtime, edition)
    directory.mkdir(parents=True, exist_ok=True)
    files = {
        "edition.html": preview.with_pictures(preview.filled(rendered.html, slots), rendered.pictures).encode(),
        "edition.txt": preview.filled(rendered.text, slots).encode(),
        "edition.eml": bytes(mime),
    }
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return [directory / name for name in files]
