// What is left of the daily quota, from the RateLimit headers of the last answer.

import { onKey } from "../shared/api_key.js";
import { clockTime, onLanguage, translate } from "../shared/language.js";
import { parseList } from "./structured_fields.js";

const DAY = "day"; // the name of the quota in the headers

let allowance = null; // {left, quota, renewsAt}; null: no daily quota is known
let places = [];

// places: the elements that show it.
export function showAllowance(elements) {
  places = [...elements];
  onKey(() => note(null)); // another key has another quota
  onLanguage(draw);
}

// header: a function from the name of a header to its value, or null.
export function noteAllowance(header) {
  const found = readAllowance(header("RateLimit"), header("RateLimit-Policy"), Date.now());
  if (found) note(found);
}

// draft-ietf-httpapi-ratelimit-headers-11: "day";r=LEFT;t=SECONDS, and in the policy "day";q=QUOTA.
export function readAllowance(limits, policies, now) {
  const { r: left, t: seconds } = parseList(limits ?? "").get(DAY) ?? {};
  if (!Number.isInteger(left)) return null;
  const quota = parseList(policies ?? "").get(DAY)?.q ?? null;
  return { left, quota, renewsAt: Number.isInteger(seconds) ? now + seconds * 1000 : null };
}

function note(found) {
  allowance = found;
  draw();
}

function draw() {
  for (const place of places) {
    place.hidden = !allowance;
    place.classList.toggle("used-up", allowance?.left === 0);
    place.textContent = allowance ? words(allowance) : "";
  }
}

function words({ left, quota, renewsAt }) {
  const counted = translate(quota === null ? "allowance_left" : "allowance", { left, quota });
  if (left > 0 || renewsAt === null) return counted;
  return `${counted} · ${translate("allowance_renews", { time: clockTime(renewsAt) })}`;
}
