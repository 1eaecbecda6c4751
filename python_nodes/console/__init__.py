"""The console: what pages for people show of the panels' rows, and the templates and files that draw it."""
