"""Alerts: what the server tells its operator by the webhook of the setting alerts.webhook."""
