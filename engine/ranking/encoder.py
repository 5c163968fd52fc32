"""The user encoder of a version, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.errors import ArtefactError
from engine.ranking.card import Card

ENCODER: Final = "encoder.onnx"
_INPUTS: Final = frozenset({"item_vectors", "event_types", "mask"})
_TIMES: Final = "times"
_OUTPUT: Final = "user_vector"

Float32 = npt.NDArray[np.float32]


class UserEncoder:
    """Turns a history into a user vector. Safe to share between threads.

    Args:
        session: An ONNX Runtime session.
        card: What the model's card says of it.
    """

    def __init__(self, session: Any, card: Card) -> None:
        self._session = session
        self.card = card
        inputs = {entry.name: entry.shape for entry in session.get_inputs()}
        if frozenset(inputs) - {_TIMES} != _INPUTS:
            raise _unfit(f"its inputs are {sorted(inputs)}, not {sorted(_INPUTS)} with or without {_TIMES}")
        self._reads_times = _TIMES in inputs
        outputs = {entry.name: entry.shape for entry in session.get_outputs()}
        if _OUTPUT not in outputs:
            raise _unfit(f"it has no output {_OUTPUT}")
        for name, shape in (("item_vectors", inputs["item_vectors"]), (_OUTPUT, outputs[_OUTPUT])):
            if isinstance(shape[-1], int) and shape[-1] != card.dim:
                raise _unfit(f"{name} has the length {shape[-1]}, the card says {card.dim}")

    @classmethod
    def open(cls, folder: Path, card: Card) -> UserEncoder:
        """Load the encoder of a model's folder, for one thread and little memory.

        Raises:
            ArtefactError: It is missing, damaged or does not fit the card.
        """
        import onnxruntime

        path = folder / ENCODER
        if not path.is_file():
            raise ArtefactError(
                f"The encoder of version {card.version} is missing.",
                field=ENCODER,
                value=str(path),
                remedy="Copy the whole folder of the version, or activate another version.",
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime's errors have no common root
            raise _unfit(str(error).splitlines()[0] if str(error) else type(error).__name__) from error
        return cls(session, card)

    def encode(self, item_vectors: Float32, event_types: list[str], times: list[int]) -> Float32:
        """Give the user vector of one history.

        Args:
            item_vectors: e_h of each step, oldest first [L, D]; only the latest `max_history` are read.
            event_types: Type of each step, by name.
            times: Time of each step, epoch ms.

        Returns:
            User vector [D]; zero where the history is empty.
        """
        if len(event_types) == 0:
            return np.zeros(self.card.dim, np.float32)
        steps = item_vectors[-self.card.max_history :]
        types = self._types(event_types[-self.card.max_history :])
        at = np.array(times[-self.card.max_history :], np.int64)
        vector: Float32 = self._run(steps[None], types[None], np.ones((1, len(types)), bool), at[None])[0]
        return vector

    def encode_without_each(
        self, item_vectors: Float32, event_types: list[str], times: list[int], groups: list[list[int]]
    ) -> Float32:
        """Give the user vectors of a history with some steps masked out, for each group of steps.

        Args:
            item_vectors: Oldest first [L, D], at most `max_history`.
            event_types: Type of each step.
            times: Time of each step, epoch ms.
            groups: Places to leave out, one list a row of the answer; at least one step has to stay.

        Returns:
            User vectors [G, D].
        """
        # A masked step would keep its place; taken out instead, the rest closes up as if it had never happened.
        types, at = self._types(event_types), np.array(times, np.int64)
        length = len(types)
        vectors = np.zeros((len(groups), length, self.card.dim), np.float32)
        kinds = np.zeros((len(groups), length), np.int64)
        moments = np.zeros((len(groups), length), np.int64)
        mask = np.zeros((len(groups), length), bool)
        for number, group in enumerate(groups):
            kept = np.delete(np.arange(length), group)
            vectors[number, length - len(kept) :] = item_vectors[kept]
            kinds[number, length - len(kept) :] = types[kept]
            moments[number, length - len(kept) :] = at[kept]
            mask[number, length - len(kept) :] = True
        return self._run(vectors, kinds, mask, moments)

    def _types(self, event_types: list[str]) -> npt.NDArray[np.int64]:
        return np.array([self.card.event_types.get(name, 0) for name in event_types], np.int64)

    def _run(
        self,
        item_vectors: Float32,
        event_types: npt.NDArray[np.int64],
        mask: npt.NDArray[np.bool_],
        times: npt.NDArray[np.int64],
    ) -> Float32:
        feed = {"item_vectors": item_vectors.astype(np.float32, copy=False), "event_types": event_types, "mask": mask}
        if self._reads_times:
            feed[_TIMES] = times
        [vectors] = self._session.run([_OUTPUT], feed)
        return np.asarray(vectors, np.float32)


def _unfit(reason: str) -> ArtefactError:
    return ArtefactError(
        f"The user encoder does not fit: {reason}.", field=ENCODER, remedy="Train the model again with this version."
    )
