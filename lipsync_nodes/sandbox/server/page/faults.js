// Faults by a button, and the list of the rules that are set.
import { $, control, make } from "./tools.js";
import { T } from "./words.js";

const PRESETS = [
  ["fault429", { action: "status", where: "submit", code: 429, headers: { "Retry-After": "2" } }],
  ["fault503", { action: "status", where: "submit", code: 503 }],
  ["faultLost", { action: "cut_after", where: "submit" }],
  ["faultSlow", { action: "delay", where: "poll", seconds: 5 }],
  ["faultFail", { action: "fail" }],
  ["faultNoOutput", { action: "no_output" }],
  ["faultQueued", { action: "job_status", status: "queued", polls: 3 }],
  ["faultLong", { action: "seconds", seconds: 20 }],
  ["faultTwice", { action: "duplicate", where: "webhook" }],
  ["faultDrop", { action: "drop", where: "webhook" }],
  ["faultCut", { action: "truncate", where: "output" }],
];

// A rule on one line, as `--fault` and the marker of pytest take it.
function line({ action, where, code, headers, count, ...rest }) {
  const { "Retry-After": retry_after, ...others } = headers || {};
  const values = { retry_after, ...rest, headers: Object.keys(others).length ? others : undefined, count };
  const parts = Object.entries(values).filter(([, value]) => value !== undefined);
  const text = (value) => typeof value === "string" ? value : JSON.stringify(value);
  return [(where ? where + ":" : "") + (action === "status" ? code ?? 500 : action),
    ...parts.map(([name, value]) => name + "=" + text(value))].join(",");
}

export function buildPresets() {
  $("presets").replaceChildren(...PRESETS.map(([name, rule]) => {
    const add = async () => showFaults(await control("faults", "POST", rule));
    return make("button", { type: "button", textContent: T[name], title: line(rule), onclick: add });
  }));
}

export function showFaults(rules) {
  const nodes = rules.map(({ number, matched, struck, ...rule }) => {
    const remove = async () => showFaults(await control("faults/" + number, "DELETE"));
    const text = make("span", {}, make("code", { textContent: line(rule) }), " ",
      make("span", { className: "soft", textContent: T.applied + struck }));
    return make("li", {}, text, make("button", { type: "button", className: "small", textContent: T.remove, onclick: remove }));
  });
  const list = $("faults");
  const shown = JSON.stringify(rules);
  if (list.dataset.shown === shown) return;  // a button that is replaced loses the focus
  list.dataset.shown = shown;
  list.replaceChildren(...(nodes.length ? nodes : [make("li", { className: "soft", textContent: T.noFaults })]));
}
