"""Evidence for the IGTV paper's order of rows and its ablations, on phantoms that breathe: docs/evidence.md."""
