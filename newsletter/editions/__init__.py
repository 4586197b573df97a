"""Editions: chosen from content, checked, approved, frozen, released. Knows nobody who reads them."""
