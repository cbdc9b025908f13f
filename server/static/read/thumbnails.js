// Small images for the tray, made one after the other: a decoded image takes much memory.

const SIDE = 96;

export class Thumbnails {
  #made;
  #chain = Promise.resolve();

  constructor(made) {
    this.#made = made;
  }

  make(image) {
    this.#chain = this.#chain.then(() => this.#one(image));
  }

  forget(image) {
    image.forgotten = true;
    if (image.thumbnail) URL.revokeObjectURL(image.thumbnail);
  }

  async #one(image) {
    if (image.forgotten) return;
    try {
      const blob = await small(image.file);
      if (image.forgotten) return;
      image.thumbnail = URL.createObjectURL(blob);
      this.#made(image);
    } catch {
      // A format that the browser cannot show, or no image at all: it stays without one.
    }
  }
}

async function small(file) {
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
