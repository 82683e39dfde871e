"""HTTP, batch and command line over ``model``. Nothing here imports torch."""
