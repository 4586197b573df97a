"""The pages of updates: their list, the one form for both wordings, drafts, and putting away."""
