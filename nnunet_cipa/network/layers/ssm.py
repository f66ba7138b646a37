"""The parameters of a selective scan, for one or more directions.

Source: Gu and Dao, Mamba, 2023 (S6); Liu et al., VMamba, NeurIPS 2024 (several directions).
"""

import math

import torch
from torch import nn

from nnunet_cipa.ops import ScanWeights

DT_MIN, DT_MAX, DT_FLOOR = 1e-3, 1e-1, 1e-4


class SelectiveSSM(nn.Module):
    """Selective state space model over K sequences of d channels, each direction with its own parameters.

    dt, B and C are linear in the token; h_t = exp(dt_t A) h_{t-1} + dt_t B_t x_t and y_t = C_t h_t + D x_t with
    dt = softplus(raw dt + bias) and A = -exp(A_logs).

    Parameters
    ----------
    channels : int
        d, the inner width.
    dt_rank : int
        Rank of the projection to dt.
    d_state : int
        N, states per channel.
    directions : int
        K.
    """

    def __init__(self, channels: int, dt_rank: int, d_state: int, directions: int) -> None:
        super().__init__()
        self.dt_rank, self.d_state = dt_rank, d_state
        self.x_proj_weight = nn.Parameter(torch.empty(directions, dt_rank + 2 * d_state, channels))
        self.dt_projs_weight = nn.Parameter(torch.empty(directions, channels, dt_rank))
        self.dt_projs_bias = nn.Parameter(torch.empty(directions, channels))
        self.A_logs = nn.Parameter(torch.empty(directions * channels, d_state))
        self.Ds = nn.Parameter(torch.ones(directions * channels))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Set Mamba's initial values: dt log-uniform in [0.001, 0.1] through its bias, A_logs = log(1..N), D = 1."""
        for weight in self.x_proj_weight:
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
        bound = self.dt_rank**-0.5
        self.dt_projs_weight.uniform_(-bound, bound)
        dt = torch.empty_like(self.dt_projs_bias).uniform_(math.log(DT_MIN), math.log(DT_MAX)).exp_()
        dt.clamp_(min=DT_FLOOR)
        self.dt_projs_bias.copy_(dt + torch.log(-torch.expm1(-dt)))
        self.A_logs.copy_(torch.arange(1, self.d_state + 1).log().expand_as(self.A_logs))
        self.Ds.fill_(1)

    @property
    def weights(self) -> ScanWeights:
        """The parameters as the scan takes them."""
        channels = self.dt_projs_bias.shape[1]
        return ScanWeights(
            self.x_proj_weight,
            self.dt_projs_weight,
            self.dt_projs_bias,
            -torch.exp(self.A_logs).unflatten(0, (-1, channels)),
            self.Ds.unflatten(0, (-1, channels)),
        )
