"""The peers, with the settings that their authors recommend.

RecTools: its authors published a benchmark of its SASRec on these very files, with configurations and a table of what
they tuned: https://github.com/blondered/transformer_benchmark (configs/paper/loo/s3_vanilla.yaml and ml_1m.yaml; paper:
https://arxiv.org/abs/2508.06450). Validation is on all users; after each epoch recall@10, training ends after 50 epochs
without a better one or 200 in all, and the best weights are kept. Their table names 64 factors for Beauty, their
configuration 256; the configuration is taken. For BERT4Rec they name no settings for these files: it has the defaults
of the library (its docstring and tutorial), with the same session length and the same end of training.

RecBole: SASRec with the defaults of the library (properties/model/SASRec.yaml and properties/overall.yaml: at most 300
epochs, ends after ten without a better MRR@10); LightGCN as tuned by its authors in RecBole-GNN
(https://github.com/RUCAIBox/RecBole-GNN, results/general/ml-1m.md). Neither names settings for Beauty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """A model of another library.

    Attributes:
        title: As the tables call it.
        library: Name of the package; also that of its requirements and of the script that trains it.
        model: Class of the model there.
        settings: What its authors recommend.
        by_data: What they recommend otherwise for a data set, by its name.
    """

    title: str
    library: str
    model: str
    settings: Settings
    by_data: Mapping[str, Settings] = field(default_factory=dict)

    def recommended(self, data: str) -> dict[str, Any]:
        """Give the settings for a data set."""
        return {**self.settings, **self.by_data.get(data, {})}


_UNTIL_BEST: Final[Settings] = {"epochs": 200, "patience": 50, "session_max_len": 50, "lr": 0.001, "batch_size": 128}
_MRR: Final[Settings] = {"valid_metric": "MRR@10", "learner": "adam", "stopping_step": 10, "eval_step": 1}

PEERS: Final[Mapping[str, Peer]] = {
    "rectools-sasrec": Peer(
        "RecTools SASRec, sampled softmax",
        "rectools",
        "SASRecModel",
        {
            **_UNTIL_BEST,
            "n_factors": 256,
            "n_blocks": 1,
            "n_heads": 1,
            "dropout_rate": 0.2,
            "loss": "sampled_softmax",
            "n_negatives": 256,
        },
        {"ml-1m": {"n_factors": 64, "n_blocks": 2, "session_max_len": 200, "dropout_rate": 0.1, "epochs": 100}},
    ),
    "rectools-bert4rec": Peer(
        "RecTools BERT4Rec, softmax",
        "rectools",
        "BERT4RecModel",
        {
            **_UNTIL_BEST,
            "n_factors": 256,
            "n_blocks": 2,
            "n_heads": 4,
            "dropout_rate": 0.2,
            "mask_prob": 0.15,
            "loss": "softmax",
        },
        {"ml-1m": {"session_max_len": 200, "epochs": 100}},
    ),
    "recbole-sasrec": Peer(
        "RecBole SASRec, cross-entropy",
        "recbole",
        "SASRec",
        {
            **_MRR,
            "epochs": 300,
            "learning_rate": 0.001,
            "train_batch_size": 2048,
            "eval_batch_size": 4096,
            "MAX_ITEM_LIST_LENGTH": 50,
            "hidden_size": 64,
            "inner_size": 256,
            "n_layers": 2,
            "n_heads": 2,
            "hidden_dropout_prob": 0.5,
            "attn_dropout_prob": 0.5,
            "hidden_act": "gelu",
            "loss_type": "CE",
            "train_neg_sample_args": None,
        },
        {"ml-1m": {"MAX_ITEM_LIST_LENGTH": 200}},
    ),
    "recbole-lightgcn": Peer(
        "RecBole LightGCN",
        "recbole",
        "LightGCN",
        {
            **_MRR,
            "epochs": 500,
            "learning_rate": 0.002,
            "train_batch_size": 4096,
            "eval_batch_size": 4_096_000,
            "embedding_size": 64,
            "n_layers": 3,
            "reg_weight": 1e-4,
        },
    ),
}
