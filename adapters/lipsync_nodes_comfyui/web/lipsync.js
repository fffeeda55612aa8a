// Shows on the nodes what ComfyUI does not show by itself: the price, choices and examples in the user's language, how a
// job ended after the run, and room for what a check found. The nodes work without it.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

// A job id fits into a node of this width.
const NARROWEST = 360;
const LETTERS = 40; // of a line there; a Chinese one counts as two
const LINE = 20; // pixels
const ENDS = ["execution_success", "execution_error", "execution_interrupted"];

function language() {
  return String(app.extensionManager?.setting?.get("Comfy.Locale") ?? "en").startsWith("zh") ? "zh" : "en";
}

function textsOf(node, name) {
  const { required = {}, optional = {} } = node.constructor.nodeData?.input ?? {};
  return (required[name] ?? optional[name])?.[1]?.lipsync?.[language()];
}

function translate(widget, { labels, placeholder }) {
  if (Object.keys(labels).length) widget.options.getOptionLabel = (value) => labels[value] ?? value ?? "";
  if (!placeholder) return;
  widget.options.placeholder = placeholder;
  if (widget.element) widget.element.placeholder = placeholder;
}

function addPrice(node, widget, prices) {
  if (!Object.keys(prices).length || !window.LGraphBadge) return;
  const badge = () => new window.LGraphBadge({ text: prices[widget.value] ?? "", fgColor: "#fff", bgColor: "#2b5d34" });
  node.badges.push(badge);
}

function widen(node) {
  const computeSize = node.computeSize;
  node.computeSize = function (...given) {
    const size = computeSize.apply(this, given);
    size[0] = Math.max(size[0], NARROWEST);
    return size;
  };
  if (node.size[0] < NARROWEST) node.setSize([NARROWEST, node.size[1]]);
}

function linesOf(text) {
  const letters = (line) => [...line].reduce((sum, letter) => sum + (letter > "\u2e7f" ? 2 : 1), 0);
  return text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(letters(line) / LETTERS)), 0);
}

// The frontend gives a text the room of two lines. What a check found needs more.
function makeRoom(nodeId, text) {
  const node = app.graph.getNodeById(nodeId);
  const widget = node?.widgets?.find((widget) => widget.name === "$$node-text-preview");
  if (!widget || !node.comfyClass?.startsWith("Lipsync") || linesOf(text) <= 2) return;
  const height = LINE * (linesOf(text) + 1);
  widget.options.getMinHeight = () => height;
  node.setSize([node.size[0], Math.max(node.size[1], node.computeSize()[1])]);
}

// The frontend may remove the lines of a run when it ends, and shows none for a node whose outputs were cached. The last
// line of each node is shown again after the run.
const lastLines = new Map();

function showAgain() {
  for (const [nodeId, text] of lastLines) api.dispatchCustomEvent("progress_text", { nodeId, text });
  lastLines.clear();
}

app.registerExtension({
  name: "lipsync_nodes.look",
  setup() {
    api.addEventListener("execution_start", () => lastLines.clear());
    api.addEventListener("progress_text", ({ detail: { nodeId, text } }) => setTimeout(() => makeRoom(nodeId, text)));
    api.addEventListener("lipsync.ended", ({ detail }) => lastLines.set(detail.node, detail.text));
    api.addEventListener("executed", ({ detail: { node, output } }) => {
      if ((output?.job_id || output?.report) && output.text?.length) lastLines.set(node, output.text.at(-1));
    });
    for (const end of ENDS) api.addEventListener(end, () => setTimeout(showAgain));
  },
  nodeCreated(node) {
    const shown = (node.widgets ?? []).map((widget) => [widget, textsOf(node, widget.name)]);
    for (const [widget, texts] of shown) {
      if (!texts) continue;
      translate(widget, texts);
      addPrice(node, widget, texts.prices);
    }
    if (shown.some(([, texts]) => texts)) widen(node);
  },
});
