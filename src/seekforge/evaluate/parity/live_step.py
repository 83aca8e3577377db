"""The endpoint against the file that it should serve."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seekforge.core.config import RemoteConfig
from seekforge.core.models import ModelRef, fingerprint
from seekforge.evaluate import predict
from seekforge.evaluate.parity.live import LiveAnswer, LiveEndpoint
from seekforge.evaluate.parity.observed import Observed, shape_of
from seekforge.evaluate.parity.positions import choices
from seekforge.evaluate.parity.task import title_of
from seekforge.evaluate.predict import Prediction, prediction

if TYPE_CHECKING:
    from seekforge.evaluate.parity.chain import Chain

_OURS = re.compile(r"fp_[0-9a-f]{12}")  # of `python -m seekforge.serve.worker`


def observe_live(chain: Chain, seen: Observed, config: RemoteConfig) -> None:
    """Asks the endpoint the test, and leads it along the positions where it takes token ids.

    Raises:
        ModelError: It does not answer at all, or names no model.
    """
    endpoint, asked = LiveEndpoint(config).named(), chain.questions
    seen.source = endpoint.name
    prompts = [record.prompt for record in asked.records]
    answers = endpoint.chat(prompts, asked.max_new_tokens, chain.progress)
    failed = [answer.failure for answer in answers if answer.failure]
    if failed:
        seen.notes.append(f"{len(failed)} of {len(answers)} requests failed: {failed[0]}")
    _compare_prompts(chain, seen, answers)
    _identify(chain, seen, answers)
    found = _predictions(chain, answers)
    predict.save(chain.answers_file(seen.title), found)
    if not failed:
        seen.score = chain.scored(found)
    if why := endpoint.refuses_tokens(chain.positions[0].prefix):
        seen.notes.append(f"next tokens: {why}; answers are compared as texts")
    else:
        seen.choices = choices(endpoint, chain.positions, chain.reference.end_token, chain.progress)
    seen.notes.append("KL: an endpoint gives no distributions")


def _compare_prompts(chain: Chain, seen: Observed, answers: Sequence[LiveAnswer]) -> None:
    """By the token ids that it tells, else by how many there are."""
    reference, records = chain.reference, chain.questions.records
    wanted = [reference.encode(reference.render(record.prompt)) for record in records]
    told = [i for i, answer in enumerate(answers) if answer.prompt_ids is not None]
    bos = reference.tokenizer.bos_token_id
    if told:
        found = [list(answers[i].prompt_ids or ()) for i in told]
        seen.prompts = len(told)
        seen.unequal_prompts = [records[i].id for i, ids in zip(told, found, strict=True) if ids != wanted[i]]
        seen.shape = shape_of([wanted[i] for i in told], found, bos)
        first = next(((wanted[i], ids) for i, ids in zip(told, found, strict=True) if ids != wanted[i]), None)
        if first is not None:
            seen.example = [str(reference.tokenizer.decode(ids))[:400] for ids in first]
        seen.notes.append("prompts: compared by the token ids that the endpoint tells")
        return
    counted = [i for i, answer in enumerate(answers) if answer.prompt_tokens is not None]
    if not counted:
        seen.notes.append("prompts: the endpoint tells neither their tokens nor how many there are")
        return
    gaps = {i: (answers[i].prompt_tokens or 0) - len(wanted[i]) for i in counted}
    seen.prompts, seen.unequal_prompts = len(counted), [records[i].id for i, gap in gaps.items() if gap]
    begins = all(ids[:1] == [bos] for ids in wanted)
    if set(gaps.values()) == {-1} and begins:
        seen.shape = "bos lost"
    elif set(gaps.values()) == {1} and begins:
        seen.shape = "bos twice"
    elif any(gaps.values()):
        seen.shape = "other"
    seen.notes.append("prompts: compared by their number of tokens, which is all that the endpoint tells")


def _identify(chain: Chain, seen: Observed, answers: Sequence[LiveAnswer]) -> None:
    """Our worker's fingerprint is its file's: name, size and both ends."""
    told = {answer.fingerprint for answer in answers if answer.fingerprint and _OURS.fullmatch(answer.fingerprint)}
    if len(told) != 1:
        return
    known = {
        title_of(name): f"fp_{fingerprint(ModelRef(str(path), 'gguf', path))[:12]}"
        for name, path in chain.lineage.files.items()
    }
    served = next((title for title, mark in known.items() if mark in told), None)
    if served is None:
        seen.notes.append("its fingerprint is that of none of these files: another file, or a copy of another name")
    else:
        seen.same_file = served == seen.wanted
        seen.serves = served


def _predictions(chain: Chain, answers: Sequence[LiveAnswer]) -> list[Prediction]:
    return [
        prediction(record, answer.text, answer.failure or answer.finish_reason, chain.questions.labels)
        for record, answer in zip(chain.questions.records, answers, strict=True)
    ]
