"""Shipped model artefacts, as package data."""
