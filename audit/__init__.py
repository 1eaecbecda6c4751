"""Is what we ship and depend on known to be broken: `make audit`."""
