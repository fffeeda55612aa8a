// The form. Its endpoints and fields are those of the catalogue, so a new endpoint appears by itself.
import { showCode } from "./code.js";
import { Medium } from "./media.js";
import { $, control, make } from "./tools.js";
import { T, language } from "./words.js";

const zh = language === "zh";
let data = null;
let endpoint = null;
let inputs = {};  // by field name: a Medium, or an element with a value
let films = [];
let refresh = () => {};

export async function loadForm(whenSubmitted) {
  refresh = whenSubmitted;
  data = await control("form");
  endpoint = data.endpoints.find(({ id }) => endpoint && id === endpoint.id)
    || data.endpoints.find((one) => !one.fields.some(({ media }) => media === "video")) || data.endpoints[0];
  build();
}

export function showOutputs(jobs) {
  films = jobs.filter((job) => job.output).slice(0, 20);
  for (const input of Object.values(inputs)) if (input instanceof Medium && input.field.media === "video") offerFilms(input);
}

function offerFilms(medium) {
  const first = !medium.url && films.length && medium.select.options.length < 2 + !medium.field.required;
  for (const job of films) medium.offer("outputs", job.endpoint + " " + job.id.slice(0, 8), job.output);
  if (first && !medium.typed.value) medium.select.value = films[0].output;
  medium.show();
}

const title = (field) => (zh ? field.zh_title : field.title);
const help = (field) => (zh ? field.zh_help : field.help);

function build() {
  inputs = {};
  const chooser = make("select", { id: "endpoint" }, ...data.endpoints.map((one) =>
    make("option", { value: one.id, textContent: zh ? one.zh_title : one.title })));
  chooser.value = endpoint.id;
  chooser.onchange = () => {
    endpoint = data.endpoints.find(({ id }) => id === chooser.value);
    build();
  };
  const plain = endpoint.fields.filter((field) => !field.advanced);
  const more = make("details", {}, make("summary", { textContent: T.more }));
  const inner = make("div", { className: "field" }, ...endpoint.fields.filter((field) => field.advanced).map(fieldNode), webhookNode());
  more.append(inner);
  $("form").replaceChildren(
    make("div", { className: "field" }, make("label", { htmlFor: "endpoint", textContent: T.endpoint }), chooser,
      make("code", { className: "soft", textContent: "POST /api/v1/" + endpoint.id })),
    ...plain.map(fieldNode), more,
    make("button", { className: "go", id: "submit", textContent: T.submit }),
    make("p", { id: "said", role: "status" }));
  for (const input of Object.values(inputs)) if (input instanceof Medium && input.field.media === "video") offerFilms(input);
  changed();
}

function fieldNode(field) {
  if (field.media) return mediaNode(field);
  const input = field.choices.length ? choiceNode(field) : textNode(field);
  input.id = "field-" + field.name;
  input.oninput = changed;
  inputs[field.name] = input;
  return make("div", { className: "field" }, make("label", { htmlFor: input.id, textContent: title(field) }), input,
    make("span", { className: "help", textContent: help(field) }));
}

function mediaNode(field) {
  const kind = field.media;
  const shipped = data.media.filter((one) => one.kind === kind);
  const speakers = endpoint.fields.filter(({ media }) => media === "audio");
  const at = kind === "audio" ? speakers.indexOf(field) % shipped.length : shipped.findIndex(({ people }) => people === Math.min(2, speakers.length));
  const start = field.required && shipped.length ? shipped[Math.max(0, at)].url : "";
  const medium = new Medium(field, title(field), help(field), shipped, start, { key: data.key, changed });
  inputs[field.name] = medium;
  return medium.node;
}

function choiceNode(field) {
  const labels = zh ? field.zh_labels : field.labels;
  const named = (choice) => labels[field.choices.indexOf(choice)] || choice;
  const options = field.choices.map((choice) => make("option", { value: choice, textContent: named(choice) }));
  const unset = field.default === null ? T.unset : T.standard + named(field.default);
  return make("select", {}, ...(field.required ? [] : [make("option", { value: "", textContent: unset })]), ...options);
}

function textNode(field) {
  const placeholder = (zh && field.zh_example) || field.example || "";
  if (field.type === "integer") return make("input", { type: "number", step: 1, min: field.minimum ?? "", max: field.maximum ?? "", required: field.required, placeholder });
  return make(field.multiline ? "textarea" : "input", { required: field.required, placeholder, ...(field.multiline ? { rows: 2 } : {}) });
}

function webhookNode() {
  inputs.webhook = make("input", { type: "url", id: "field-webhook", oninput: changed });
  return make("div", { className: "field" }, make("label", { htmlFor: "field-webhook", textContent: T.webhook }), inputs.webhook,
    make("span", { className: "help", textContent: T.webhookHelp }));
}

// A field that is not set is left out.
function requested() {
  const body = inputs.webhook && inputs.webhook.value ? { webhook: inputs.webhook.value } : {};
  body.formState = {};
  for (const field of endpoint.fields) {
    const input = inputs[field.name];
    const value = input instanceof Medium ? input.url : input ? input.value : "";
    if (value !== "") body.formState[field.name] = field.type === "integer" ? Number(value) : value;
  }
  return { endpoint, body, key: data.shown_key };
}

function changed() {
  if (inputs.webhook) showCode(requested());
}

function say(text, kind) {
  $("said").className = kind;
  $("said").textContent = text;
}

$("form").onsubmit = async (event) => {
  event.preventDefault();
  const button = $("submit");
  button.disabled = true;
  say(T.sending, "soft");
  try {
    const answer = await fetch("/api/v1/" + endpoint.id, {
      method: "POST",
      headers: { Authorization: "Bearer " + data.key, "Content-Type": "application/json" },
      body: JSON.stringify(requested().body),
    });
    const text = await answer.text();
    if (answer.ok) say(T.accepted + JSON.parse(text).id, "good");
    else say(failure(answer, text), "error");
  } catch (_) {
    say(T.noAnswer, "error");
  } finally {
    button.disabled = false;
    refresh();
  }
};

function failure(answer, text) {
  const after = answer.headers.get("Retry-After");
  let error = text;
  try { error = JSON.parse(text).error || text; } catch (_) { /* not JSON */ }
  return answer.status + (after ? " (Retry-After: " + after + ")" : "") + " " + error;
}
