"""Where programs knock: the JSON API under `/api/v1`, for the council's own website and CMS."""
