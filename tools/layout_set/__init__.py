"""The layout set: pages whose lines, paragraphs and tables are known, in reading order."""
