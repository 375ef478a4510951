"""What the public market pages show, made of rows of history and the feed's latest."""
