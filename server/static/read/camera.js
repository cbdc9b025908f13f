// Takes photos: with the camera app on phones, from the webcam elsewhere.

import { translate } from "../shared/language.js";

const JPEG_QUALITY = 0.92;

export class Camera {
  #buttons;
  #dialog;
  #video;
  #status;
  #add;
  #stream = null;
  #captured = 0;

  constructor(buttons, dialog, phoneInput, add) {
    this.#buttons = buttons;
    this.#dialog = dialog;
    this.#video = dialog.querySelector("video");
    this.#status = dialog.querySelector("[role=status]");
    this.#add = add;
    for (const button of buttons) {
      button.addEventListener("click", () => (isPhone() ? phoneInput.click() : this.#open()));
    }
    dialog.querySelector("#camera-capture").addEventListener("click", () => this.#capture());
    dialog.querySelector("#camera-done").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.#stop());
  }

  // Shows the buttons only if there is a camera.
  async showIfAvailable() {
    const possible = isPhone() || (await hasWebcam());
    for (const button of this.#buttons) button.hidden = !possible;
  }

  async #open() {
    this.#captured = 0;
    this.#status.textContent = translate("camera_starting");
    this.#dialog.showModal();
    try {
      const video = { facingMode: "environment", width: { ideal: 2560 }, height: { ideal: 1440 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video });
      if (!this.#dialog.open) {
        stop(stream);
        return;
      }
      this.#stream = stream;
      this.#video.srcObject = stream;
      await this.#video.play();
      this.#status.textContent = translate("camera_ready");
    } catch (error) {
      this.#status.textContent = translate(
        error.name === "NotAllowedError" ? "camera_blocked" : "camera_unavailable",
      );
    }
  }

  async #capture() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!this.#stream || !width) return;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(this.#video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
    this.#captured += 1;
    this.#status.textContent = translate("camera_captured", { n: this.#captured });
    const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "");
    this.#add([new File([blob], `camera-${time}-${this.#captured}.jpg`, { type: "image/jpeg" })]);
  }

  #stop() {
    if (this.#stream) stop(this.#stream);
    this.#stream = null;
    this.#video.srcObject = null;
  }
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function isPhone() {
  return matchMedia("(pointer: coarse) and (hover: none)").matches;
}

// navigator.mediaDevices exists only on secure pages: https or localhost.
async function hasWebcam() {
  try {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.some((device) => device.kind === "videoinput");
  } catch {
    return false;
  }
}
