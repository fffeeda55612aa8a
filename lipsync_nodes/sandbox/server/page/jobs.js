// The list of jobs, and their credits in all.
import { $, ago, copy, localise, make } from "./tools.js";
import { T, language } from "./words.js";

function charge(job) {
  if (job.status === "failed") return [T.credits, T.failedCharge];
  if (job.credits === null) return [T.credits, job.status === "processing" ? T.notYet : T.unknownLength];
  return [T.credits, (job.doubt ? T.atMost : "") + job.credits + T.notCharged];
}

function delivery(webhook) {
  if (!webhook.state) return T.waiting;
  if (webhook.state === "delivered") return T.delivered + (webhook.deliveries > 1 ? " × " + webhook.deliveries : "");
  if (webhook.state === "failed") return T.gaveUp + " (" + webhook.tries + T.tries + webhook.last + ")";
  return T[webhook.state] || webhook.state;
}

function facts(job) {
  const rows = [charge(job)];
  const picture = job.picture;
  if (picture.width && job.status === "completed") rows.push([T.video, picture.width + " × " + picture.height + T.comma + picture.seconds.toFixed(1) + T.seconds]);
  if (typeof picture.sync === "number" && job.status === "completed") rows.push([T.sync, picture.sync.toFixed(2) + T.syncHelp]);
  if (job.status === "processing") rows.push([T.progress, job.progress === null ? (job.executionTime ? T.starting : T.waitingSlot) : Math.round(job.progress * 100) + " %"]);
  else rows.push([T.worked, (job.executionTime / 1000).toFixed(1) + T.seconds]);
  if (job.webhook) rows.push([T.webhook, job.webhook.to + " — " + delivery(job.webhook)]);
  return rows;
}

function card(job) {
  const node = $("job").content.firstElementChild.cloneNode(true);
  localise(node);
  node.id = node.dataset.id = job.id;
  node.querySelector(".endpoint").textContent = job.endpoint;
  node.querySelector(".id code").textContent = job.id;
  const button = node.querySelector(".id button");
  button.onclick = () => copy(job.id, button);
  node.querySelector("pre").textContent = JSON.stringify(job.form, null, 2);
  return node;
}

function update(node, job) {
  node.className = "job card " + job.status;
  node.querySelector(".status").textContent = T[job.status] || job.status;
  node.querySelector(".age").textContent = ago(job.age);
  const error = node.querySelector(".error");
  error.hidden = !job.error;
  error.textContent = language === "zh" && job.error_zh || job.error;
  const warning = node.querySelector(".warning");
  warning.hidden = !job.warning;
  if (job.warning) warning.textContent = T.warning + (language === "zh" ? job.warning.message_zh : job.warning.message);
  const bar = node.querySelector("progress");
  bar.hidden = job.status !== "processing";
  if (job.progress === null) bar.removeAttribute("value"); else bar.value = job.progress;
  const rows = facts(job).flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]);
  node.querySelector("dl").replaceChildren(...rows);
  if (job.output) showVideo(node.querySelector(".picture"), job);
}

function showVideo(place, job) {
  if (place.firstChild) return;
  const video = make("video", { controls: true, playsInline: true, preload: "metadata" });
  video.src = "/outputs/" + encodeURIComponent(job.id) + ".mp4#t=0.1";  // the first frame is often black
  video.setAttribute("aria-label", job.endpoint + " " + job.id);
  place.append(video);
}

function empty() {
  const steps = [T.emptyForm, T.emptyOwn, T.emptyCode].map((text) => make("li", { textContent: text }));
  return make("div", { className: "empty" }, make("strong", { textContent: T.emptyTitle }), make("ol", {}, ...steps));
}

function total(jobs) {
  const sum = (status) => {
    const counted = jobs.filter((job) => job.status === status && job.credits);
    return (counted.some((job) => job.doubt) ? T.atMost : "") + counted.reduce((all, job) => all + job.credits, 0);
  };
  $("total").textContent = jobs.length ? T.total + sum("completed") + T.totalMore + sum("processing") : "";
}

let wanted = location.hash.slice(1);  // the id of a job, in a link to it
export function showJobs(jobs) {
  const list = $("jobs");
  const there = new Map([...list.querySelectorAll(".job")].map((node) => [node.dataset.id, node]));
  const nodes = jobs.map((job) => {
    const node = there.get(job.id) || card(job);
    update(node, job);
    return node;
  });
  if (!nodes.length) nodes.push(list.querySelector(".empty") || empty());
  // A video that is moved in the document stops playing, so only what has changed is replaced.
  if (nodes.length !== list.children.length || nodes.some((node, at) => node !== list.children[at])) {
    const kept = new Set(nodes);
    for (const node of [...list.children]) if (!kept.has(node)) node.remove();
    nodes.forEach((node, at) => { if (list.children[at] !== node) list.insertBefore(node, list.children[at] || null); });
  }
  total(jobs);
  const linked = wanted && $(wanted);
  if (linked) {
    linked.scrollIntoView();
    wanted = "";
  }
}
