"""What follows from what django-allauth tells by its signals: audit, events, notifications, clearance."""
