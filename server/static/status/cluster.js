// The cluster on the status page: shared servers, nodes, front ends; nothing without a cluster.

import { element } from "../shared/elements.js";
import { duration, number, translate } from "../shared/language.js";
import { fillList } from "./tables.js";

const STATE_CLASSES = { open: "good", closed: "waiting", unavailable: "bad" };
const SERVERS = ["broker", "cache", "state"];

// cluster: of /healthz, or undefined.
export function showCluster(cluster) {
  const section = document.getElementById("cluster");
  section.hidden = !cluster;
  document.getElementById("own-workers").hidden = cluster?.role === "front";
  if (!cluster) return;
  document.getElementById("cluster-servers").replaceChildren(
    ...SERVERS.filter((name) => cluster[name]).map((name) => server(name, cluster[name])),
  );
  const rows = [[translate("cluster_role"), translate(`cluster_role_${cluster.role}`)]];
  if ("leases" in cluster) {
    rows.push([translate("cluster_leases"), number(cluster.leases)]);
    rows.push([translate("cluster_duplicates"), number(cluster.duplicates)]);
  }
  if (cluster.waiting) {
    const { keys, anonymous, jobs } = cluster.waiting;
    rows.push(
      [translate("cluster_waiting"), translate("cluster_waiters", { keys, anonymous, jobs })],
      [translate("cluster_window"), translate("of", { n: number(cluster.sent), limit: number(cluster.window) })],
      [translate("cluster_republished"), number(cluster.republished)],
      [translate("cluster_shared_hits"), number(cluster.shared_hits)],
    );
  }
  fillList(document.getElementById("cluster-details"), rows);
  document.getElementById("cluster-members").hidden = !cluster.nodes;
  document.getElementById("members").replaceChildren(
    ...(cluster.nodes ?? []).map((node) =>
      row("cluster_role_node", node, [
        translate("of", { n: number(node.busy), limit: number(node.slots) }),
        number(node.completed),
        node.mean_seconds ? duration(node.mean_seconds * 1000) : "–",
      ]),
    ),
    ...(cluster.fronts ?? []).map((front) =>
      row("cluster_role_front", front, [number(front.sent), "–", "–"]),
    ),
  );
}

function server(name, { state, problem }) {
  const badge = element(
    "span",
    { class: `badge ${STATE_CLASSES[state] ?? ""}` },
    translate(`cluster_state_${state}`),
  );
  const title = element("span", {}, translate(`cluster_server_${name}`));
  return element("li", problem ? { title: problem } : {}, title, " ", badge);
}

function row(role, member, values) {
  return element(
    "tr",
    {},
    element("td", {}, translate(role)),
    element("td", {}, member.address || member.id),
    ...values.map((value) => element("td", { class: "number" }, value)),
    element("td", {}, member.version),
  );
}
