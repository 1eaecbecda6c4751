"""What every endpoint shares: who calls, request models, problems and idempotency."""
