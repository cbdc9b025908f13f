// The page at /: wires its components together.

import { onKey } from "../shared/api_key.js";
import { showAllowance } from "./allowance.js";
import { Camera } from "./camera.js";
import { listenForChosenFiles, listenForDroppedFiles, listenForPastedFiles } from "./intake.js";
import { onLanguage, translate, size } from "../shared/language.js";
import { LineList } from "./lines.js";
import { Result } from "./result.js";
import { Session } from "./session.js";
import { startShell } from "../shared/shell.js";
import { Tray } from "./tray.js";
import { UploadQueue } from "./upload_queue.js";
import { Viewer } from "./viewer.js";

const byId = (name) => document.getElementById(name);
const maxBytes = Number(document.documentElement.dataset.maxBodyBytes);
const session = new Session();
const queue = new UploadQueue(session, maxBytes);
const add = (files) => queue.add(files);

new Tray(session, queue, document);
new Viewer(session, document);
new LineList(session, byId("lines"), byId("lines-empty"));
new Result(session, queue, document, maxBytes);

listenForChosenFiles(byId("choose-input"), add);
listenForChosenFiles(byId("camera-input"), add);
listenForPastedFiles(add);
listenForDroppedFiles(byId("drop-overlay"), add);
for (const name of ["choose", "choose-more"]) {
  byId(name).addEventListener("click", () => byId("choose-input").click());
}

const cameraButtons = [byId("camera"), byId("camera-more")];
new Camera(cameraButtons, byId("camera-dialog"), byId("camera-input"), add).showIfAvailable();

session.on("selected", () => {
  document.body.classList.toggle("empty", !session.selected);
  byId("start").hidden = session.selected !== null;
  byId("work").hidden = session.selected === null;
});
onKey((key) => key && queue.retryRefused());
showAllowance(document.querySelectorAll(".allowance"));
onLanguage(() => {
  byId("limits").textContent = translate("limits", { limit: size(maxBytes) });
});
addEventListener("beforeunload", (event) => {
  if (queue.isBusy) event.preventDefault();
});
startShell();
