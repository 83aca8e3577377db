"""lm-evaluation-harness as a program in its own environment, told everything by one YAML file.

Source: https://github.com/EleutherAI/lm-evaluation-harness/blob/main/docs/config_files.md
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seekforge.core.command import lines
from seekforge.core.config import RemoteConfig
from seekforge.core.config.environment import child_environment
from seekforge.core.errors import EngineError
from seekforge.core.files import disk_errors, sha256_json, write_text
from seekforge.core.progress import Progress
from seekforge.engines.install import Installed
from seekforge.evaluate.harness import samples
from seekforge.evaluate.harness.samples import Outcome

ENGINE = "lm-eval"
_FAILED = "lm-evaluation-harness failed"
_BAR = re.compile(r"(?P<what>[^:]*): +\d+%\|.*\| (?P<done>\d+)/(?P<of>\d+) \[")  # as tqdm draws it
# One traceback follows the other, one a request; the end of the last says less than the error that is named.
_CAUSE = re.compile(r"(?:\w+\.)*\w+(?:Error|Exception)(?:: .*|$)")
_ANSWERING = ("Requesting API", "Running generate_until requests")


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A Hugging Face folder that the harness loads itself (its backend `hf`), on the CPU.

    Attributes:
        folder: The model.
        dtype: `bfloat16` or `float32`.
        batch_size: Prompts at once.
    """

    folder: Path
    dtype: str
    batch_size: int


Model = RemoteConfig | LocalModel


def run(
    task_file: Path,
    model: Model,
    installed: Installed,
    folder: Path,
    progress: Progress,
    total: int,
    *,
    resume: bool = True,
) -> Outcome:
    """Runs one task and reads what came of it.

    Args:
        task_file: From `task.write`.
        model: An endpoint, or a folder to load.
        installed: The harness's environment.
        folder: Where its configuration, its log, its samples and its answers so far go.
        progress: Told how many answers there are.
        total: How many there will be.
        resume: Keep answers as they come, and take up those of a run that was cut off.

    Raises:
        EngineError: It failed; the message has its last lines, `harness.log` all of them.
    """
    output, config = folder / "output", folder / "lm_eval.yaml"
    with disk_errors(folder):
        shutil.rmtree(output, ignore_errors=True)  # an older run's samples are not this one's
        folder.mkdir(parents=True, exist_ok=True)
    import yaml

    write_text(config, yaml.safe_dump(settings(task_file, model, folder, resume=resume), allow_unicode=True))
    command = [str(installed.executable("python")), "-m", "lm_eval", "run", "--config", str(config)]
    _follow(command, _variables(installed, model, folder), folder, progress, total)
    found = samples.read(output, task_file.stem)
    shutil.rmtree(folder / "cache", ignore_errors=True)  # the next run asks anew: the model may be another by then
    shutil.rmtree(folder / "datasets", ignore_errors=True)
    return found


def settings(task_file: Path, model: Model, folder: Path, *, resume: bool) -> dict[str, Any]:
    """The harness's configuration as a tree."""
    asked = _endpoint(model) if isinstance(model, RemoteConfig) else _local(model)
    return {
        "tasks": [str(task_file)],
        **asked,
        "apply_chat_template": True,
        "output_path": str(folder / "output"),
        "log_samples": True,
        # Its cache knows questions only: another model, or another address, needs another.
        "use_cache": str(folder / "cache" / sha256_json([asked, task_file.read_text("utf-8")])[:16])
        if resume
        else None,
    }


def _endpoint(config: RemoteConfig) -> dict[str, Any]:
    arguments = {
        "model": config.model,
        "base_url": f"{config.url}/v1/chat/completions",
        "num_concurrent": max(2, config.concurrency),  # its way with one at a time is another, without a limit of time
        "max_retries": config.attempts,
        "timeout": int(config.seconds),
    }
    return {"model": "local-chat-completions", "model_args": arguments}


def _local(model: LocalModel) -> dict[str, Any]:
    arguments = {"pretrained": str(model.folder), "dtype": model.dtype, "add_bos_token": False}
    return {"model": "hf", "model_args": arguments, "batch_size": model.batch_size, "device": "cpu"}


def _variables(installed: Installed, model: Model, folder: Path) -> Mapping[str, str]:
    """Nothing is fetched, nothing is told to anybody, and no key of the user's goes where it does not belong."""
    file = model.api_key_file if isinstance(model, RemoteConfig) else None
    key = file.read_text(encoding="ascii").strip() if file else "none"  # our runner has checked it
    ours = {
        "OPENAI_API_KEY": key,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(folder / "datasets"),
        "PYTHONUTF8": "1",
    }
    inherited = child_environment(
        installed.folder, DO_NOT_TRACK="1", HF_HUB_DISABLE_TELEMETRY="1", TRANSFORMERS_VERBOSITY="error"
    )
    inherited.pop("TQDM_DISABLE", None)  # its bars are what we count by
    return {**inherited, **ours}


def _follow(command: list[str], variables: Mapping[str, str], folder: Path, progress: Progress, total: int) -> None:
    """Runs it, keeps what it says, and counts its answers by its own bar."""
    log = folder / "harness.log"
    counted, cause = 0, ""
    with disk_errors(log), log.open("w", encoding="utf-8") as file, progress.task(ENGINE, total) as task:
        try:
            for line in lines(command, variables, str(log), _FAILED, bars=_BAR):
                file.write(line + "\n")
                cause = line if _CAUSE.match(line) else cause
                if (step := _BAR.match(line)) is not None and step["what"] in _ANSWERING:
                    done = total - int(step["of"]) + int(step["done"])  # an earlier attempt's are not in its bar
                    task.advance(done - counted)
                    counted = done
        except EngineError as error:
            mend = "Run the same command again: what was answered is kept"
            raise EngineError(f"{_FAILED}: {cause}" if cause else error.what, where=str(log), mend=mend) from error
