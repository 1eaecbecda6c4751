"""What people's verdicts teach the watches, as changes that can be proposed, previewed, applied and undone."""
