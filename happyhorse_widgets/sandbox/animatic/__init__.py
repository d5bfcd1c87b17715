"""How a simulated clip is drawn: cut-out subjects that move on a layered scene, as in an animatic."""
