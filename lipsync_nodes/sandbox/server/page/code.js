// The request of the form as curl, Python and JSON.
import { $, copy, make } from "./tools.js";

const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

function curl({ endpoint, body, key }) {
  const bearer = key.startsWith("$") ? '"Authorization: Bearer ' + key + '"' : quoted("Authorization: Bearer " + key);
  return ["curl " + location.origin + "/api/v1/" + endpoint.id, "-H " + bearer, "-H 'Content-Type: application/json'",
    "-d " + quoted(JSON.stringify(body))].join(" \\\n  ");
}

function python({ endpoint, body, key }) {
  const fields = Object.entries(body.formState).map(([name, value]) => "    " + name + "=" + JSON.stringify(value) + ",\n").join("");
  const webhook = body.webhook ? ", webhook=" + JSON.stringify(body.webhook) : "";
  const setting = key.startsWith("$") ? "# LIPSYNC_API_KEY is set\n" : "";
  return "from lipsync_nodes import " + endpoint.form + ", LipsyncClient\n\n" + setting
    + "form = " + endpoint.form + "(\n" + fields + ")\n"
    + 'with LipsyncClient(base_url="' + location.origin + '/api/v1") as client:\n'
    + "    job = client.run(form" + webhook + ")\n    print(job.output)";
}

const KINDS = { curl, Python: python, JSON: ({ body }) => JSON.stringify(body, null, 2) };
let kind = "curl";
let last = null;

export function showCode(request = last) {
  last = request;
  if (!last) return;
  $("code").textContent = KINDS[kind](last);
  const tabs = Object.keys(KINDS).map((name) => {
    const tab = make("button", { type: "button", textContent: name, className: "small", onclick: () => { kind = name; showCode(); } });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-selected", String(name === kind));
    return tab;
  });
  document.querySelector(".tabs").replaceChildren(...tabs);
}
$("copy-code").onclick = () => copy($("code").textContent, $("copy-code"));
