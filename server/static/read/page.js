// The page at /: puts its parts together.

import { Camera } from "./camera.js";
import { takeChosen, takeDropped, takePasted } from "./intake.js";
import { onLanguage, say, size } from "../shared/language.js";
import { Lines } from "./lines.js";
import { Result } from "./result.js";
import { Session } from "./session.js";
import { startShell } from "../shared/shell.js";
import { Tray } from "./tray.js";
import { UploadQueue } from "./upload_queue.js";
import { Viewer } from "./viewer.js";

const part = (name) => document.getElementById(name);
const maxBytes = Number(document.documentElement.dataset.maxBodyBytes);
const session = new Session();
const queue = new UploadQueue(session, maxBytes);
const add = (files) => queue.add(files);

new Tray(session, queue, document);
new Viewer(session, document);
new Lines(session, part("lines"), part("lines-empty"));
new Result(session, queue, document, maxBytes);

takeChosen(part("choose-input"), add);
takeChosen(part("camera-input"), add);
takePasted(add);
takeDropped(part("curtain"), add);
for (const name of ["choose", "choose-more"]) {
  part(name).addEventListener("click", () => part("choose-input").click());
}

const cameraButtons = [part("camera"), part("camera-more")];
new Camera(cameraButtons, part("camera-dialog"), part("camera-input"), add).offer();

session.on("chosen", () => {
  document.body.classList.toggle("empty", !session.chosen);
  part("start").hidden = session.chosen !== null;
  part("work").hidden = session.chosen === null;
});
onLanguage(() => {
  part("limits").textContent = say("limits", { limit: size(maxBytes) });
});
addEventListener("beforeunload", (event) => {
  if (queue.isBusy) event.preventDefault();
});
startShell();
