"""The only composers: read the store, call a stage, write the result."""
