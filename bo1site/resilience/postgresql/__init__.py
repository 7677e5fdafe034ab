"""Django's PostgreSQL backend with our pool and with time limits on every connection."""
