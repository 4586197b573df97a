"""The people who write, approve, protect data and run the service: accounts and roles."""
