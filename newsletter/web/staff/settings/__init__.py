"""The settings pages of staff: lists, the partnership, words, dates, keys and periods, all of them data (REQ-89)."""
