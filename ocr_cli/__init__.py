"""The command `ocr-server`: main.py finds the subcommand; each module has main(arguments, prog)."""
