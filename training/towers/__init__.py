"""Image towers made ready to be frozen: published weights in torch, and static int8 graphs of them."""
