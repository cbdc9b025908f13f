// Small pictures for the tray, made one after the other: a decoded picture takes much memory.

const SIDE = 96;

export class Thumbnails {
  #made;
  #chain = Promise.resolve();

  constructor(made) {
    this.#made = made;
  }

  make(picture) {
    this.#chain = this.#chain.then(() => this.#one(picture));
  }

  forget(picture) {
    picture.forgotten = true;
    if (picture.thumbnail) URL.revokeObjectURL(picture.thumbnail);
  }

  async #one(picture) {
    if (picture.forgotten) return;
    try {
      const blob = await small(picture.file);
      if (picture.forgotten) return;
      picture.thumbnail = URL.createObjectURL(blob);
      this.#made(picture);
    } catch {
      // A format that the browser cannot show, or no picture at all: it stays without one.
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
