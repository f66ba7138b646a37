"""Commands in processes of their own, and a pool of workers."""
