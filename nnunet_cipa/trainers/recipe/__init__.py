"""How a network is trained: augmentation, optimizer, learning rate."""
