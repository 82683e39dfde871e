"""Pictures and servers that several tests need."""
