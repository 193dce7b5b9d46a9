"""The real server is shared with the other folders (tests/redis_fixtures.py)."""
