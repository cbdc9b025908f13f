"""How each kind of model is asked, and what its answers mean."""
