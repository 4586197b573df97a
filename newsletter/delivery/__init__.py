"""Where editions meet people: the ledger, opening an edition, sending, and the letters of the service itself."""
