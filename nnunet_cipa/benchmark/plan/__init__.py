"""From what a user asks for to models and jobs: entries, presets, budget and variants of trainers."""
