from .catalogue import CHECKS, Check, find_warnings

__all__ = ["CHECKS", "Check", "find_warnings"]
