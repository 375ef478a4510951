"""What people were told, and how it went out."""
