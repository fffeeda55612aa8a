// The request journal.
import { $, make } from "./tools.js";
import { T, language } from "./words.js";

function row(entry) {
  const time = new Date(entry.time * 1000).toLocaleTimeString(language === "zh" ? "zh-CN" : [], { hour12: false });
  const ended = entry.milliseconds !== null;
  const status = make("td", { textContent: entry.status === null ? (ended ? T.cut : T.running) : entry.status });
  if (entry.status >= 400 || (entry.status === null && ended)) status.className = "error";
  return make("tr", {},
    make("td", { textContent: time }),
    make("td", { textContent: entry.method }),
    make("td", { className: "path", textContent: entry.path + (entry.query ? "?" + entry.query : "") }),
    status,
    make("td", { textContent: ended ? Math.round(entry.milliseconds) + " ms" : "" }),
    make("td", { textContent: entry.who || "–" }));
}

export function showRequests(entries) {
  const rows = entries.reverse().map(row);
  const none = make("tr", {}, make("td", { colSpan: 6, className: "soft none", textContent: T.noRequests }));
  $("requests").replaceChildren(...(rows.length ? rows : [none]));
}
