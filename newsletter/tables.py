"""Every table, imported in one place, so that the metadata is whole for migrations, tests and each entry point."""

from sqlmodel import SQLModel

import subscribers.models  # noqa: F401

metadata = SQLModel.metadata
