"""The command `ocr-server`: main.py selects a subcommand, a module with main(arguments, prog)."""
