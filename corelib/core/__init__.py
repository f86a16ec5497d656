"""Storage, the Tensor of slots, tape nodes, and dispatch: what every operation stands on."""
