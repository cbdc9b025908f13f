"""What server/function.py is made of: HTTP as events of AWS, and the server next to the handler."""
