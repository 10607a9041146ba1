"""Modules that networks are made of, and what remembers something while it trains."""
