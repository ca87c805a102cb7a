"""Keeps a property-listings database in step with portals that never say what changed."""
