"""From what a user calls the models of a comparison to candidates that can be asked, nothing loaded yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from seekforge.cli.answering import remote
from seekforge.cli.models import find
from seekforge.compress.stage import gguf_file
from seekforge.core import artifacts
from seekforge.core.artifacts import Artifact
from seekforge.core.config import Environment, PriceConfig, validate
from seekforge.core.config.endpoint import is_url
from seekforge.core.errors import ConfigError, DataError, ModelError
from seekforge.core.files import read_json
from seekforge.core.models import fingerprint, resolve
from seekforge.core.progress import Progress
from seekforge.core.tracking import is_alias
from seekforge.evaluate.decisions import decide
from seekforge.evaluate.predict import Prediction, load
from seekforge.evaluate.side_by_side.answers import Asking, Candidate
from seekforge.evaluate.side_by_side.asking import Answerer

_NAMED = re.compile(r"([^=/:@]+)=(.+)")
_FORMATS = ("Q8_0", "Q4_0", "F16")


@dataclass(frozen=True, slots=True)
class Opening:
    """What candidates are made with.

    Attributes:
        asking: How they will be asked.
        machine: Where runs and converted models are.
        progress: Told of conversions.
        api_key_file: The key that endpoints ask for.
        saved: Whether a run stands for the answers that it saved; else for its model.
    """

    asking: Asking
    machine: Environment
    progress: Progress
    api_key_file: Path | None
    saved: bool


def candidates(references: Sequence[str], opening: Opening, prices: Sequence[str], currency: str) -> list[Candidate]:
    """One for each reference, with a name of its own.

    Args:
        references: As the user wrote them, `NAME=` before one where it shall have that name.
        opening: What they are made with.
        prices: `0.10` for all that were not priced otherwise, `NAME=2.50` for one.
        currency: Of the prices.

    Raises:
        InputError: One leads to nothing that can be asked.
    """
    found: list[Candidate] = []
    for text in references:
        name, reference = _named(text)
        one = _candidate(reference, opening)
        taken = {other.name for other in found}
        wanted = name or one.name
        names = (wanted if n == 1 else f"{wanted}~{n}" for n in range(1, len(references) + 1))
        found.append(replace(one, name=next(n for n in names if n not in taken)))
    return _priced(found, prices, currency)


def _named(text: str) -> tuple[str, str]:
    match = _NAMED.fullmatch(text)
    return ("", text) if match is None or Path(text).exists() else (match[1].strip(), match[2])


def _priced(found: Sequence[Candidate], prices: Sequence[str], currency: str) -> list[Candidate]:
    said: dict[str, PriceConfig] = {}
    for text in prices:
        name, _, price = text.rpartition("=")
        try:
            said[name] = validate(PriceConfig, {"per_device_hour": float(price), "currency": currency}, "--price")
        except ValueError as error:
            raise ConfigError(
                f"'{price}' is no price of an hour", where="--price", mend="0.10, or NAME=2.50"
            ) from error
    if unknown := sorted(said.keys() - {"", *(one.name for one in found)}):
        known = ", ".join(one.name for one in found)
        raise ConfigError(f"no model is called '{unknown[0]}'", where="--price", mend=f"Known: {known}")
    priced = [replace(one, price=said.get(one.name) or said.get("") or one.price) for one in found]
    if len(currencies := {one.price.currency for one in priced if one.price}) > 1:
        what = f"prices in {' and '.join(sorted(currencies))} cannot be compared"
        raise ConfigError(what, where="--price", mend="Give all of them in one: --price, --currency")
    return priced


def _candidate(reference: str, opening: Opening) -> Candidate:
    if is_url(reference):
        return _endpoint(reference, opening)
    path = Path(reference).expanduser()
    if path.suffix == ".jsonl":
        return Candidate(_stem(path), reference, ready=_decided(read_predictions(path), opening.asking.labels))
    if is_alias(reference):
        loadable = find(reference, "openvino", opening.machine, opening.progress)
        return replace(_gguf(Path(loadable.model), reference, opening), name=reference, price=loadable.price)
    if (path / "run.json").is_file():
        return _run(path, reference, opening)
    if (path / artifacts.MANIFEST).is_file():
        return _artifact(artifacts.load(path.resolve()), reference, opening)
    ref = resolve(reference)
    if path.suffix == ".gguf":
        return _gguf(path, reference, opening)
    name = path.name if ref.kind == "folder" else reference
    start = _transformers(reference, None, opening)
    return Candidate(name, reference, f"transformers {fingerprint(ref)}", start)


def _run(path: Path, reference: str, opening: Opening) -> Candidate:
    """A run by the answers that its evaluation saved, or by the model that it served, or compressed, or trained."""
    name = path.resolve().name
    saved = path / "evaluate" / "predictions-tuned.jsonl"
    price = _price(path / "serve" / artifacts.MANIFEST)
    if opening.saved and saved.is_file():
        return Candidate(name, reference, ready=_decided(read_predictions(saved), opening.asking.labels), price=price)
    for stage in ("compress", "train"):
        if (path / stage / artifacts.MANIFEST).is_file():
            made = _artifact(artifacts.load((path / stage).resolve()), reference, opening, _served(path))
            return replace(made, name=name, price=price)
    raise ModelError("this run has trained no model", where=reference, mend="Give a run that went on to train")


def _artifact(made: Artifact, reference: str, opening: Opening, wanted: str | None = None) -> Candidate:
    if made.kind == "gguf":
        formats = (wanted, *_FORMATS) if wanted else _FORMATS
        file = next((f for name in formats if (f := gguf_file(made.folder, name)).is_file()), None)
        if file is None:
            raise ModelError("no GGUF file in the artifact", where=reference, mend="Run its recipe again")
        return replace(_gguf(file, reference, opening), name=made.folder.name)
    if made.kind == "adapter":
        base = str(read_json(made.file("base.json"))["model"])
        start = _transformers(base, made.folder, opening)
        identity = f"transformers {fingerprint(resolve(base))} {made.content_hash}"
        return Candidate(made.folder.name, reference, identity, start)
    raise ModelError(f"a {made.kind} artifact is no model", where=reference, mend="Give its run, or a model")


def _served(run: Path) -> str | None:
    manifest = run / "serve" / artifacts.MANIFEST
    return str(read_json(manifest)["config"]["format"]) if manifest.is_file() else None


def _price(manifest: Path) -> PriceConfig | None:
    if not manifest.is_file():
        return None
    return validate(PriceConfig, read_json(manifest)["config"]["price"], str(manifest))


def _gguf(path: Path, reference: str, opening: Opening) -> Candidate:
    asking, cache = opening.asking, opening.machine.cache

    def start() -> Answerer:
        from seekforge.engines.openvino import OpenVinoEngine
        from seekforge.evaluate.side_by_side.asking import StreamAnswerer

        return StreamAnswerer(OpenVinoEngine(path, cache=cache), asking.max_new_tokens, asking.concurrency)

    return Candidate(path.stem, reference, f"openvino {fingerprint(resolve(str(path)))}", start)


def _transformers(model: str, trained: Path | None, opening: Opening) -> Callable[[], Answerer]:
    asking = opening.asking

    def start() -> Answerer:
        from seekforge.engines.transformers import TransformersEngine
        from seekforge.engines.weights import hf_folder
        from seekforge.evaluate.side_by_side.asking import BatchAnswerer

        folder = hf_folder(resolve(model), opening.machine, opening.progress)
        if trained is None:
            engine = TransformersEngine(folder, batch_size=asking.concurrency)
        else:
            engine = TransformersEngine.tuned(folder, trained, batch_size=asking.concurrency)
        return BatchAnswerer(engine, asking.max_new_tokens, asking.concurrency)

    return start


def _endpoint(reference: str, opening: Opening) -> Candidate:
    """`http://host:port#MODEL`; the endpoint's only model where none is named."""
    from seekforge.engines.chat.remote import RemoteChat, models_of
    from seekforge.evaluate.side_by_side.asking import EndpointAnswerer

    url, _, model = reference.partition("#")
    asking = opening.asking
    config = remote(url, model or "?", opening.api_key_file, asking.concurrency, asking.max_new_tokens, reference)
    if not model:
        known = models_of(config)
        if len(known) != 1:
            mend = f"Name one: {url}#{known[0] if known else 'MODEL'}"
            raise ConfigError(f"the endpoint has {len(known)} models", where=url, mend=mend)
        config = config.model_copy(update={"model": known[0]})
    chat = RemoteChat(config)

    def start() -> Answerer:
        chat.check()
        return EndpointAnswerer(chat)

    return Candidate(config.model, reference, f"endpoint {config.url} {config.model}", start)


def read_predictions(path: Path) -> tuple[Prediction, ...]:
    """Answers as `evaluate/predict.py` saves them.

    Raises:
        DataError: No such file, no answers in it, a line that is none, or an id twice.
    """
    mend = "Give a predictions-*.jsonl that an evaluation or a comparison wrote"
    if not path.is_file():
        raise DataError("no such file of answers", where=str(path), mend=mend)
    found = tuple(load(path))
    if not found:
        raise DataError("no answers in the file", where=str(path), mend=mend)
    return found


def _decided(saved: tuple[Prediction, ...], labels: Sequence[str]) -> tuple[Prediction, ...]:
    """With the decisions that their texts hold by these labels; as they were saved where there are none."""
    return tuple(replace(p, decision=decide(p.text, labels)) for p in saved) if labels else saved


def _stem(path: Path) -> str:
    """`base` for `predictions-base.jsonl`."""
    return path.stem.removeprefix("predictions-") or path.stem
