"""python many_images.py http://127.0.0.1:8888 FOLDER: needs `pip install ocr-server-client`."""

import asyncio
import pathlib
import sys

from ocr_server_client import AsyncOcrClient, OcrClientError

CONCURRENT = 8


async def main(server, folder):
    """Recognize all images of a folder, a few at a time, and write their text next to them."""
    places = asyncio.Semaphore(CONCURRENT)

    async def recognize(ocr, path):
        async with places:
            try:
                result = await ocr.recognize(path, text="paragraphs")
            except OcrClientError as error:
                return f"{path.name}: {error}"
        path.with_suffix(".txt").write_text(result.text + "\n", encoding="utf-8")
        return f"{path.name}: {len(result.lines)} lines"

    images = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
    async with AsyncOcrClient(server) as ocr:
        for line in await asyncio.gather(*(recognize(ocr, path) for path in images)):
            print(line)


if len(sys.argv) != 3:
    sys.exit("usage: python many_images.py http://127.0.0.1:8888 FOLDER")
asyncio.run(main(sys.argv[1], pathlib.Path(sys.argv[2])))
