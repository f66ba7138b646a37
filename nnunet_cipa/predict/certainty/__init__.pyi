from .certainty import Certainty, Member
from .members import Members
from .options import CertaintyOptions
from .passes import MemberPredictor, tumour_probability
from .watch import watch_members

__all__ = [
    "Certainty",
    "CertaintyOptions",
    "Member",
    "MemberPredictor",
    "Members",
    "tumour_probability",
    "watch_members",
]
