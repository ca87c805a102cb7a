PORTAL = "pincali"
"""Whose markup the laboratory serves."""


class LaboratoryError(RuntimeError):
    """What a person can do something about, in one line."""
