"""openai: a chat completion, with and without a stream."""

import base64
from pathlib import Path

from cases import run
from openai import OpenAI


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
    (model,) = client.models.list()
    image = base64.b64encode(Path(file).read_bytes()).decode()
    parts = [
        {"type": "text", "text": "Read the text."},
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{image}"}},
    ]
    given = {"model": model.id, "messages": [{"role": "user", "content": parts}]}
    answer = client.chat.completions.create(**given)
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    chunks = client.chat.completions.create(**given, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert streamed == choice.message.content
    return streamed


run(read)
