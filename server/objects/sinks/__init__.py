"""Where results of objects go."""
