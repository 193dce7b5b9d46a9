"""Keepa Deals: spends a small Keepa budget by itself to find deals, judge them and keep them true."""

__version__ = "0.1.0"
