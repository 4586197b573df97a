"""What can go wrong, as a tree; each message is a sentence that a person can act on.

    NewsletterError
    ├─ InvalidInput(message, field)   NotFound   NotAllowed   WrongState   TooMany(retry_after_s)
    ├─ InvalidToken ─ ExpiredToken
    ├─ RenderError(template, line)
    └─ ProviderRefused                the account itself is refused: stop, and tell a person
    ConfigurationError                outside the tree, so that no handler swallows it

Errors carry evidence (ids, states), never an email address. Nothing here knows HTTP: `newsletter.web.problems`
alone turns them into status codes, `newsletter.cli` into exit codes.
"""


class NewsletterError(Exception):
    """The action was not carried out; the message says why and how to mend it."""

    #: Whether what was written before it was raised is kept (`Database.transaction`). Almost never.
    keeps_work = False


class InvalidInput(NewsletterError):
    """Something typed cannot be used. `field` names the field it belongs to, where there is one."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFound(NewsletterError):
    """There is no such thing."""


class NotAllowed(NewsletterError):
    """This person may not do this."""


class WrongState(NewsletterError):
    """The thing exists but is not in a state in which this can be done."""


class TooMany(NewsletterError):
    """A limit was reached; the same request may succeed after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class InvalidToken(NewsletterError):
    """The link is damaged, made up, or meant for another page."""


class ExpiredToken(InvalidToken):
    """The link was genuine and is too old. `list_id` and `subject_id` say what it was for."""

    def __init__(self, message: str, *, list_id: int, subject_id: int) -> None:
        super().__init__(message)
        self.list_id = list_id
        self.subject_id = subject_id


class RenderError(NewsletterError):
    """A template or a text could not be turned into a mail or page."""

    def __init__(self, message: str, *, template: str, line: int | None = None) -> None:
        super().__init__(message)
        self.template = template
        self.line = line


class ProviderRefused(NewsletterError):
    """The mail provider refuses us as a whole (credentials, sender, quota): sending stops until a person acts."""


class ConfigurationError(Exception):
    """The product cannot start or go on with these settings; the message names the setting and the cure."""
