// Shows on the nodes what ComfyUI does not show by itself: the price, choices and examples in the user's language, and
// how a job ended after the run. The nodes work without it.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

// A job id fits into a node of this width.
const NARROWEST = 360;
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
    api.addEventListener("lipsync.ended", ({ detail }) => lastLines.set(detail.node, detail.text));
    api.addEventListener("executed", ({ detail: { node, output } }) => {
      if (output?.job_id && output.text?.length) lastLines.set(node, output.text.at(-1));
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
