"""Turns a template and what it shows into a page: GOV.UK components, our own frame, one nonce for each request."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader
from markupsafe import Markup

from newsletter.content.dates import in_words, london_date, moment_in_words
from newsletter.rendering import markup
from newsletter.web.assets import TEMPLATES, Assets
from newsletter.web.site import UNNAMED, Site

#: Pages that show or lead to something personal are kept by nobody.
NO_STORE = "no-store"
#: Pages that are the same for everyone; only the reader's own browser keeps them, because each carries its own nonce.
BRIEFLY = "private, max-age=60"


def prose(text: str, heading_level: int = 3) -> Markup:
    """Restricted Markdown as HTML."""
    return markup.to_html(text, heading_level=heading_level, for_mail=False)


@cache
def _environment(assets: Assets) -> Environment:
    """Whatever is compiled in it is compiled once in a process."""
    environment = Environment(
        loader=ChoiceLoader(
            [
                FileSystemLoader(TEMPLATES),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.url
    environment.filters.update(
        in_words=in_words, prose=prose, london_date=london_date, moment=moment_in_words, words_of=markup.words_of
    )
    return environment


class Pages:
    """The one template environment of the pages."""

    def __init__(self, assets: Assets) -> None:
        self._environment = _environment(assets)
        self.last_site = UNNAMED

    def show(
        self,
        request: Request,
        template: str,
        site: Site | None = None,
        *,
        status: int = 200,
        cache: str = NO_STORE,
        headers: Mapping[str, str] | None = None,
        **shown: Any,
    ) -> HTMLResponse:
        """One page. Without a `site` the last one seen is used: the page may be about a database that is away."""
        if site is None:
            site = self.last_site
        else:
            self.last_site = site
        html = self._environment.get_template(template).render(
            site=site, cspNonce=request.state.nonce, path=request.url.path, **shown
        )
        return HTMLResponse(html, status_code=status, headers={"cache-control": cache, **(headers or {})})
