"""The recipe of the bundle that ships."""
