PORTAL = "pincali"
"""Whose markup the laboratory serves."""
