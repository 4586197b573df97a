"""What a browser calls itself, in words that somebody recognises their own by: "Firefox on Windows"."""

from fastapi import Request

# The first that stands in the header counts: most browsers name others too.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Windows", "Windows"), ("Mac OS X", "a Mac"),
    ("CrOS", "a Chromebook"), ("Linux", "Linux"),
)  # fmt: skip


def name(request: Request) -> str:
    said = request.headers.get("user-agent", "")
    browser = next((words for mark, words in _BROWSERS if mark in said), "A browser")
    system = next((words for mark, words in _SYSTEMS if mark in said), "")
    return f"{browser} on {system}" if system else browser
