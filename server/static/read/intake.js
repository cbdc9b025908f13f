// Adds images and documents from the file chooser, drag and drop (including folders), and the clipboard.

const MAX_FOLDER_FILES = 1000;
const IMAGE_NAME = /\.(jpe?g|jfif|png|bmp|gif|webp|tiff?|avif|hei[cf]|pdf)$/i;

export function listenForChosenFiles(input, add) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // lets the same file be chosen again
    if (files.length) add(files);
  });
}

export function listenForPastedFiles(add) {
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    add(files);
  });
}

// The whole window is a drop target; `overlay` is shown while files are dragged over it.
export function listenForDroppedFiles(overlay, add) {
  let depth = 0; // dragenter and dragleave also fire for every child element
  const show = (visible) => overlay.classList.toggle("shown", visible);
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    show(true);
  });
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (!depth) show(false);
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show(false);
    const files = await droppedFiles(event.dataTransfer);
    if (files.length) add(files);
  });
}

// All dropped files, and the files in dropped folders whose extension is that of an image or PDF.
async function droppedFiles(transfer) {
  const dropped = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return dropped;
  const files = [];
  for (const [index, entry] of entries.entries()) {
    if (entry?.isDirectory) await collectImages(entry, files);
    else if (dropped[index]) files.push(dropped[index]);
  }
  return files;
}

async function collectImages(folder, files) {
  const reader = folder.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const entry of entries) {
      if (files.length >= MAX_FOLDER_FILES) return;
      if (entry.isDirectory) await collectImages(entry, files);
      else if (IMAGE_NAME.test(entry.name)) {
        files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
      }
    }
  }
}
