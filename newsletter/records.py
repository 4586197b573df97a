"""`newsletter privacy records`: the papers that a data protection officer starts from, filled in from live settings.

Each is Markdown, to be read, corrected and signed by people; nothing here is legal advice.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import newsletter
from newsletter.content.dates import in_words, london_date
from newsletter.core.errors import WrongState
from newsletter.core.runtime import Runtime
from newsletter.web import notice
from newsletter.web.assets import first_directory

_PACKAGE = Path(newsletter.__file__).parent
_TEMPLATES = first_directory(_PACKAGE.parent / "templates" / "records", _PACKAGE / "_templates" / "records")


def write(runtime: Runtime, directory: Path) -> list[Path]:
    """Write one file for each template; the files. Nothing is overwritten, because people go on writing in them.

    Raises `WrongState` when one of them is there already, or there is no partnership yet.
    """
    environment = Environment(  # Markdown for people, not a page
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,  # noqa: S701
    )  # fmt: skip
    environment.filters["in_words"] = in_words
    with runtime.db.reading() as session:
        facts = notice.read(session, runtime)
    if facts.partnership is None:
        raise WrongState("There is no partnership yet. Enter it first, or run “newsletter demo” to load a sample one.")
    today = london_date(runtime.clock.now())
    files = {directory / name: name for name in sorted(environment.list_templates())}
    existing = [file.name for file in files if file.exists()]
    if existing:
        raise WrongState(f"{', '.join(existing)} exists already in {directory}. Choose another directory.")
    texts = {
        file: environment.get_template(name).render(notice=facts, partnership=facts.partnership, today=today)
        for file, name in files.items()
    }
    directory.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    return list(texts)
