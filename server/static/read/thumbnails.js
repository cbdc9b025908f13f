// Thumbnails for the image list, made one at a time because decoded images take much memory.

const SIDE = 96;

export class Thumbnails {
  #onReady;
  #pending = Promise.resolve();

  constructor(onReady) {
    this.#onReady = onReady;
  }

  make(image) {
    image.isDiscarded = false; // a removed image may come back
    this.#pending = this.#pending.then(() => this.#makeOne(image));
  }

  discard(image) {
    image.isDiscarded = true;
    if (image.thumbnail) URL.revokeObjectURL(image.thumbnail);
  }

  async #makeOne(image) {
    if (image.isDiscarded) return;
    try {
      const blob = await shrink(image.file);
      if (image.isDiscarded) return;
      image.thumbnail = URL.createObjectURL(blob);
      this.#onReady(image);
    } catch {
      // The browser cannot decode the file: no thumbnail.
    }
  }
}

async function shrink(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, SIDE / Math.min(bitmap.width, bitmap.height));
  const width = Math.max(1, Math.round(Math.min(bitmap.width * scale, SIDE * 2)));
  const height = Math.max(1, Math.round(Math.min(bitmap.height * scale, SIDE * 2)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0, bitmap.width * scale, bitmap.height * scale);
  bitmap.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no thumbnail"))));
  });
}
