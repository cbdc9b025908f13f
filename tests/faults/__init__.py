"""Every row of docs/reliability.md, made for real."""
