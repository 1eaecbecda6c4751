"""The worker that n8n calls, and the command line."""
