"""What the payments app does when something has happened elsewhere."""
