from .certainty import Certainty, Member
from .members import Members
from .options import CertaintyOptions
from .passes import flip_logits, tumour_probability
from .watch import MemberWatch

__all__ = ["Certainty", "CertaintyOptions", "Member", "MemberWatch", "Members", "flip_logits", "tumour_probability"]
