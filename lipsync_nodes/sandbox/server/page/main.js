// Puts the page together, and keeps it up to date.
import { buildPresets, showFaults } from "./faults.js";
import { loadForm, showOutputs } from "./form.js";
import { showJobs } from "./jobs.js";
import { showRequests } from "./requests.js";
import { $, control, copy, localise } from "./tools.js";
import { T, language, switchLanguage } from "./words.js";

let timer = 0;
let formLoaded = false;

async function refresh() {
  clearTimeout(timer);
  let pause = 4000;
  try {
    if (!formLoaded) {
      await loadForm(refresh);
      formLoaded = true;
    }
    const [jobs, rules, requests] = await Promise.all(["jobs", "faults", "requests?limit=50"].map((path) => control(path)));
    showJobs(jobs);
    showOutputs(jobs);
    showFaults(rules);
    showRequests(requests);
    $("lost").hidden = true;
    if (jobs.some((job) => job.status === "processing")) pause = 800;
  } catch (error) {
    $("lost").hidden = Boolean(error.answered);
    if (!error.answered && !(error instanceof TypeError)) console.error(error);
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, document.hidden ? 10000 : pause);
}

async function reset() {
  if (!confirm(T.sure)) return;
  await control("reset", "POST");
  formLoaded = false;  // the media for demos are stored again
  refresh();
}

document.documentElement.lang = language;
document.title = T.title;
localise(document);
const base = location.origin + "/api/v1";
$("base").textContent = base;
$("copy-base").onclick = () => copy(base, $("copy-base"));
$("language").onclick = switchLanguage;
$("reset").onclick = reset;
$("token").onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").querySelector("input").value);
  refresh();
};
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
buildPresets();
refresh();
