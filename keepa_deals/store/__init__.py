"""The database: every statement this program sends, and nobody else's."""
