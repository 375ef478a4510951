"""What payments are, without Django."""
