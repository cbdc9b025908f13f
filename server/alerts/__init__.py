"""Alerts: what the server tells its operator by a webhook of alerts.webhook."""
