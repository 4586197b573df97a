"""The public pages: where people knock. Each module is one errand; `newsletter.main` puts them together."""
