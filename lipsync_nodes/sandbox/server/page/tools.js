// Small helpers. Values that others sent are set as text, so that they are never run as code.
import { T } from "./words.js";

export const $ = (id) => document.getElementById(id);

export function make(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

export function localise(root) {
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = T[node.dataset.text];
}

export function ago(seconds) {
  if (seconds < 3) return T.now;
  if (seconds < 90) return Math.round(seconds) + T.s;
  if (seconds < 5400) return Math.round(seconds / 60) + T.m;
  if (seconds < 129600) return Math.round(seconds / 3600) + T.h;
  return Math.round(seconds / 86400) + T.d;
}

// The token is in the address once; then it is kept for this tab and removed from the address.
const given = new URLSearchParams(location.search).get("token");
if (given !== null) {
  sessionStorage.setItem("token", given);
  history.replaceState(null, "", location.pathname + location.hash);
}

export async function control(path, method = "GET", body = undefined) {
  const token = sessionStorage.getItem("token");
  const headers = token ? { Authorization: "Bearer " + token } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch("/sandbox/" + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  $("token").hidden = answer.status !== 401;
  if (!answer.ok) throw Object.assign(new Error(String(answer.status)), { answered: true });
  return answer.status === 204 ? null : answer.json();
}

export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (_) {  // not a secure context, or not allowed
    const area = make("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = T.copied;
  setTimeout(() => { button.textContent = before; }, 1200);
}
