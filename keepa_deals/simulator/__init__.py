"""A local stand-in for Keepa: a seeded market, watched the way Keepa watches, served the way Keepa answers.

Nothing here is used by the service, and nothing here uses the service: the two meet over HTTP only.
"""
