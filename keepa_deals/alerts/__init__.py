"""Telling the world outside how the service is: a dead-man ping and a signed webhook."""
