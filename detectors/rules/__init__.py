"""Rules: from observed and expected to a statistic and an alarm."""
