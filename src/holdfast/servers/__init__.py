"""The laptop's side of servers: setting one up, checking it, rebooting it, knowing them all."""
