"""What each topic registers when the platform starts; every module here has `register()`."""
