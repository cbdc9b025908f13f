"""The subcommands of `ocr-server`; each module has main(arguments, prog) and leaves a status."""
