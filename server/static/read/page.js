// The page at /: wires its components together.

import { onKey } from "../shared/api_key.js";
import { showAllowance } from "./allowance.js";
import { Camera } from "./camera.js";
import { listenForChosenFiles, listenForDroppedFiles, listenForPastedFiles } from "./intake.js";
import { onLanguage, translate } from "../shared/language.js";
import { dropKept } from "./documents.js";
import { DocumentExports } from "./document_exports.js";
import { HitMarks } from "./hit_marks.js";
import { Languages } from "./languages.js";
import { limitValues } from "./limits.js";
import { LineList } from "./lines.js";
import { PageBar } from "./page_bar.js";
import { PageSearch } from "./page_search.js";
import { PageStrip } from "./page_strip.js";
import { listenForPhoneTabs } from "./phone_tabs.js";
import { Reading } from "./reading.js";
import { Result } from "./result.js";
import { sampleImage } from "./sample.js";
import { ServerExports } from "./server_exports.js";
import { Session } from "./session.js";
import { startShell } from "../shared/shell.js";
import { Tray } from "./tray.js";
import { TrayTotals } from "./tray_totals.js";
import { UploadQueue } from "./upload_queue.js";
import { Viewer } from "./viewer.js";
import { Views } from "./views.js";

const byId = (name) => document.getElementById(name);
const session = new Session();
const queue = new UploadQueue(session);
const add = (files) => queue.add(files);

new Tray(session, queue, byId("tray-list"));
new TrayTotals(session, queue, document);
new Viewer(session, queue, document);
new LineList(session, byId("lines"), byId("lines-empty"));
new Result(session, queue, document);
new Reading(session, queue, document);
new ServerExports(session, byId("more-exports"));
new Views(session, document);
new PageBar(session, document);
new PageStrip(session, byId("page-strip"), byId("page-list"));
new PageSearch(session, document);
new HitMarks(session, byId("sheet-text"), byId("lines"));
new DocumentExports(session, byId("document-exports"));
listenForPhoneTabs(byId("phone-tabs"), byId("work"));
new Languages(byId("languages"), byId("languages-list"));

listenForChosenFiles(byId("choose-input"), add);
listenForChosenFiles(byId("camera-input"), add);
listenForPastedFiles(add);
listenForDroppedFiles(byId("drop-overlay"), add);
for (const name of ["choose", "choose-more"]) {
  byId(name).addEventListener("click", () => byId("choose-input").click());
}
if (matchMedia("(hover: none)").matches) {
  // Nothing can be dropped or pasted on a phone.
  byId("start-title").dataset.text = "start_title_touch";
  byId("start-hint").hidden = true;
}
byId("try-sample").addEventListener("click", async () => add([await sampleImage()]));

const cameraButtons = [byId("camera"), byId("camera-more")];
new Camera(cameraButtons, byId("camera-dialog"), byId("camera-input"), add).showIfAvailable();

session.on("selected", () => {
  document.body.classList.toggle("empty", !session.selected);
  byId("start").hidden = session.selected !== null;
  byId("work").hidden = session.selected === null;
});
session.on("removed", ({ image }) => dropKept(image));
addEventListener("pagehide", () => session.images.forEach(dropKept));
onKey((key) => key && queue.retryRefused());
showAllowance(document.querySelectorAll(".allowance"));
onLanguage(() => {
  const limits = translate("limits", limitValues());
  byId("limits").textContent = limits;
  byId("drop-limits").textContent = limits;
  byId("choose-more").title = limits;
  byId("limits-scaled").textContent = translate("limits_scaled", limitValues());
});
addEventListener("beforeunload", (event) => {
  if (queue.isBusy || session.hasUnsaved) event.preventDefault();
});
startShell();
