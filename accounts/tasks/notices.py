"""Sending what people are told."""
