"""Every table, imported in one place, so that the metadata is whole for migrations, tests and each entry point."""

from sqlmodel import SQLModel

# Each of these is imported for its effect: it declares tables.
import newsletter.content.models
import newsletter.core.installation
import newsletter.core.periods
import newsletter.delivery.models
import newsletter.editions.models
import newsletter.feedback.models
import newsletter.staff.models  # noqa: F401
import subscribers.models  # noqa: F401

metadata = SQLModel.metadata
