"""CIPA: VMamba encoder, CRM, DCIM, channel-aware decoder, and the names of their tensors in released files."""
