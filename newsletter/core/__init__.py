"""The ground every floor stands on: settings, database, clock, errors, addresses, cryptography, tokens, logs."""
