"""What every page shares: colours, tables and templates."""
