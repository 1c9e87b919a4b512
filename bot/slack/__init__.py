"""What the team is shown in Slack, and the line to it."""
