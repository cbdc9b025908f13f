// Takes images: with the phone's own camera program, or here from the video of a webcam.

import { say } from "../shared/language.js";

const JPEG_QUALITY = 0.92;

export class Camera {
  #buttons;
  #dialog;
  #video;
  #note;
  #add;
  #stream = null;
  #taken = 0;

  constructor(buttons, dialog, phoneInput, add) {
    this.#buttons = buttons;
    this.#dialog = dialog;
    this.#video = dialog.querySelector("video");
    this.#note = dialog.querySelector("[role=status]");
    this.#add = add;
    for (const button of buttons) {
      button.addEventListener("click", () => (isPhone() ? phoneInput.click() : this.#open()));
    }
    dialog.querySelector("#camera-take").addEventListener("click", () => this.#take());
    dialog.querySelector("#camera-done").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.#stop());
  }

  // The buttons are there only where they lead to a camera.
  async offer() {
    const possible = isPhone() || (await hasWebcam());
    for (const button of this.#buttons) button.hidden = !possible;
  }

  async #open() {
    this.#taken = 0;
    this.#note.textContent = say("camera_starting");
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
      this.#note.textContent = say("camera_ready");
    } catch (error) {
      this.#note.textContent = say(
        error.name === "NotAllowedError" ? "camera_refused" : "camera_failed",
      );
    }
  }

  async #take() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!this.#stream || !width) return;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(this.#video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
    this.#taken += 1;
    this.#note.textContent = say("camera_taken", { n: this.#taken });
    const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "");
    this.#add([new File([blob], `camera-${time}-${this.#taken}.jpg`, { type: "image/jpeg" })]);
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

// Cameras are for pages from https or this machine only; elsewhere there is no mediaDevices.
async function hasWebcam() {
  try {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.some((device) => device.kind === "videoinput");
  } catch {
    return false;
  }
}
