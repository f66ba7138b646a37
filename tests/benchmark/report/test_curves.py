import math

import pytest

from nnunet_cipa.nnunet.logs import read_curve

# as nnU-Net 2.8.1 writes it
LOG = """
#######################################################################
Please cite the following paper when using nnU-Net:
#######################################################################

2026-11-21 06:35:04.274955: This split has 16 training and 4 validation cases.
This is the configuration used by this training:
Configuration name: 2d
 {'data_identifier': 'nnUNetPlans_2d', 'batch_size': 12}
2026-11-21 06:35:04.350975: Epoch 0
2026-11-21 06:35:04.351062: Current learning rate: 0.001
2026-11-21 06:35:35.118359: train_loss -0.0017
2026-11-21 06:35:35.118574: val_loss 0.0132
2026-11-21 06:35:35.118624: Pseudo dice [np.float32(0.25), np.float32(0.5), np.float32(nan)]
2026-11-21 06:35:35.118685: Epoch time: 30.77 s
2026-11-21 06:35:35.118725: Yayy! New best EMA pseudo Dice: 0.0
2026-11-21 06:35:36.067838:
2026-11-21 06:35:36.067969: Epoch 1
2026-11-21 06:40:03.270110: Current learning rate: 7e-05
2026-11-21 06:40:31.539934: train_loss nan
2026-11-21 06:40:31.540136: val_loss 1e-05
2026-11-21 06:40:31.540202: Pseudo dice [0.4154]
2026-11-21 06:40:31.540265: Epoch time: 28.0 s
2026-11-21 06:40:31.540265: Epoch 2
2026-11-21 06:40:31.540265: Current learning rate: 7e-05
"""


def test_a_log_of_nnunet(tmp_path):
    (tmp_path / "training_log_2026_11_21_06_35_04.txt").write_text(LOG.replace("\n", " \n"))
    first, second = read_curve(tmp_path).epochs
    assert (first.number, first.train_loss, first.val_loss, first.pseudo_dice) == (0, -0.0017, 0.0132, 0.375)
    assert math.isnan(second.train_loss)
    assert (second.number, second.val_loss, second.pseudo_dice, second.seconds) == (1, 1e-05, 0.4154, 28)
    assert read_curve(tmp_path).seconds == pytest.approx(58.77)


def log(*losses, first=0):
    return "".join(f"x: Epoch {first + n} \nx: train_loss {loss} \n" for n, loss in enumerate(losses))


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        # continued from the checkpoint of epoch 2
        ([log(0.9, 0.8, 0.7, 0.6), log(0.5, 0.4, first=2)], [0.9, 0.8, 0.5, 0.4]),
        # begun again
        ([log(0.9, 0.8, 0.7), log(0.3)], [0.3]),
        # validated again
        ([log(0.9, 0.8), "x: predicting case1 \n"], [0.9, 0.8]),
        (["nothing"], []),
        ([], []),
    ],
)
def test_several_logs(tmp_path, logs, expected):
    for number, text in enumerate(logs):
        (tmp_path / f"training_log_2026_1_{number + 1:02d}_00_00_00.txt").write_text(text)
    assert [epoch.train_loss for epoch in read_curve(tmp_path).epochs] == expected
