"""LlamaIndex's OpenAI class before the started command.

It asks for an older `openai` than ours, so it gets an environment of its own, which needs a package index.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.serve.endpoint.harness import serving

pytestmark = pytest.mark.slow
PACKAGE = "llama-index-llms-openai-like"
CLIENT = """
import sys
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike

llm = OpenAILike(model="demo", api_base=sys.argv[1], api_key="unused", is_chat_model=True, max_retries=0)
asked = [ChatMessage(role="user", content="hello 你好")]
assert llm.chat(asked).message.content == "hello 你好"
assert "".join(piece.delta or "" for piece in llm.stream_chat(asked)) == "hello 你好"
plain = OpenAILike(model="demo", api_base=sys.argv[1], api_key="unused", is_chat_model=False, max_retries=0)
assert plain.complete("abc", max_tokens=8).text
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("llamaindex")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    done = subprocess.run(
        [str(folder / "bin" / "pip"), "install", "--quiet", PACKAGE], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"{PACKAGE} cannot be installed here")
    return str(folder / "bin" / "python")


def test_llamaindex(python: str, tmp_path: Path) -> None:
    with serving(tmp_path, "demo", "--engine", "fake") as served:
        url = f"http://127.0.0.1:{served.client.port}/v1"
        done = subprocess.run([python, "-c", CLIENT, url], capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
