"""python recognize.py http://127.0.0.1:8888 imgs/sign.jpg [job]: needs only Python 3.8."""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.request


def ask(url, body=None, tries=4):
    """Send a request and parse its JSON; wait and retry while the server is busy."""
    request = urllib.request.Request(url, data=body)
    if body is not None:
        request.add_header("Content-Type", "application/octet-stream")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        problem = json.load(error)["error"]
        if error.code != 503 or tries == 1:
            sys.exit(f"{error.code} {problem['code']}: {problem['message']}")
        time.sleep(int(error.headers["Retry-After"]))
        return ask(url, body, tries - 1)
    except OSError as error:
        reason = getattr(error, "reason", error)
        sys.exit(f"no answer from {url}: {reason}; is the server running?")


def recognize(server, image):
    """Send the image and wait for its text."""
    return ask(f"{server}/ocr", image)


def recognize_as_job(server, image):
    """Start a job and fetch its result later."""
    answer = ask(f"{server}/ocr?block_flag=false", image)
    while "data" not in answer:
        job = answer["job"]
        if job["state"] in ("failed", "cancelled"):
            sys.exit(f"job {job['state']}: {job.get('error')}")
        answer = ask(f"{server}{job['url']}?wait=30")
    return answer


if len(sys.argv) < 3:
    sys.exit("usage: python recognize.py http://127.0.0.1:8888 IMAGE [job]")
server, name = sys.argv[1:3]
run = recognize_as_job if "job" in sys.argv[3:] else recognize
try:
    image = pathlib.Path(name).read_bytes()
except OSError as error:
    sys.exit(f"{name}: {error.strerror}")
for line in run(server, image)["data"]["lines"]:
    print(f"{line['confidence']:.4f} {line['text']}")
