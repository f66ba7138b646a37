"""The trainers that ``-tr`` names: a network, how it samples, and settings."""
