"""What is kept outside the database."""
