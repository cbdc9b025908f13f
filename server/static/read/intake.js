// How images come in: chosen, dropped (folders too), pasted.

const MOST_OF_A_FOLDER = 1000;
const IMAGE_NAME = /\.(jpe?g|png|bmp|gif|webp|tiff?)$/i;

export function takeChosen(input, add) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // the same file can be chosen again
    if (files.length) add(files);
  });
}

export function takePasted(add) {
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    add(files);
  });
}

// The whole window takes drops; `curtain` is shown meanwhile.
export function takeDropped(curtain, add) {
  let depth = 0; // enter and leave come for every element below, too
  const show = (visible) => curtain.classList.toggle("shown", visible);
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    show(true);
  });
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (!depth) show(false);
  });
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show(false);
    const files = await droppedFiles(event.dataTransfer);
    if (files.length) add(files);
  });
}

// Whatever was dropped itself, and of folders what is named like an image.
async function droppedFiles(transfer) {
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const files = [];
  for (const [index, entry] of entries.entries()) {
    if (entry?.isDirectory) await collect(entry, files);
    else if (plain[index]) files.push(plain[index]);
  }
  return files;
}

async function collect(folder, files) {
  const reader = folder.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const entry of entries) {
      if (files.length >= MOST_OF_A_FOLDER) return;
      if (entry.isDirectory) await collect(entry, files);
      else if (IMAGE_NAME.test(entry.name)) {
        files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
      }
    }
  }
}
