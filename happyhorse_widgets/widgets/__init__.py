"""What a person sees in the notebook."""
