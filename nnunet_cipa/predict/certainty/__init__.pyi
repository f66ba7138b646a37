from .certainty import Certainty, Member
from .members import Members
from .options import CertaintyOptions
from .passes import MemberPredictor, tumour_probability

__all__ = ["Certainty", "CertaintyOptions", "Member", "MemberPredictor", "Members", "tumour_probability"]
