"""A trained model: what its folder or zip says of the data it was made for, and its weights."""
