"""Checked settings from config.json, environment and arguments; and the engine built from them."""
