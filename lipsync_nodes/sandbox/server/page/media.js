// One medium of the form: shipped with the sandbox, dropped or chosen, a video made here, or a URL.
import { make } from "./tools.js";
import { T } from "./words.js";

const ACCEPTED = { image: "image/*", mask: "image/*", audio: "audio/*", video: "video/*" };
const URL_CHOICE = "url:";

export class Medium {
  constructor(field, title, help, shipped, start, { key, changed }) {
    Object.assign(this, { field, key, changed, url: "", uploads: 0 });
    this.select = make("select", { id: "field-" + field.name, onchange: () => this.show() });
    this.typed = make("input", { type: "url", placeholder: field.example || "https://…", hidden: true, oninput: () => this.show() });
    this.typed.setAttribute("aria-label", title + ": " + T.byUrl);
    this.preview = make("div");
    this.note = make("span", { className: "help", textContent: T.drop });
    const file = make("input", { type: "file", accept: ACCEPTED[field.media] || "", onchange: () => this.take(file.files[0]) });
    file.setAttribute("aria-label", title + ": " + T.choose);
    this.node = make("fieldset", {},
      make("legend", {}, make("label", { htmlFor: this.select.id, textContent: title })),
      make("span", { className: "help", textContent: help }), this.select, this.typed, this.preview,
      make("div", { className: "choose" }, make("label", { className: "file" }, T.choose, file), this.note));
    this.groups = {};
    for (const { name, url } of shipped) this.offer("shipped", name, url);
    this.offer("other", T.byUrl, URL_CHOICE);
    if (!field.required) this.offer("other", T.none, "");
    this.select.value = start || (field.required ? URL_CHOICE : "");
    this.listen();
    this.show();
  }

  offer(group, name, url) {
    if ([...this.select.options].some((option) => option.value === url)) return;
    if (!this.groups[group]) {
      this.groups[group] = make("optgroup", { label: T[group] });
      const order = ["yours", "shipped", "outputs", "other"];
      const after = order.slice(order.indexOf(group) + 1).map((later) => this.groups[later]).find(Boolean);
      this.select.insertBefore(this.groups[group], after || null);
    }
    this.groups[group].append(make("option", { textContent: name, value: url }));
  }

  listen() {
    for (const kind of ["dragenter", "dragover"]) this.node.addEventListener(kind, (event) => {
      event.preventDefault();
      this.node.classList.add("over");
    });
    this.node.addEventListener("dragleave", () => this.node.classList.remove("over"));
    this.node.addEventListener("drop", (event) => {
      event.preventDefault();
      this.node.classList.remove("over");
      this.take(event.dataTransfer.files[0]);
    });
  }

  async take(file) {
    if (!file) return;
    this.note.textContent = T.uploading;
    this.uploads += 1;
    try {
      const answer = await fetch("/files/" + encodeURIComponent(file.name), {
        method: "PUT", headers: { Authorization: "Bearer " + this.key }, body: file,
      });
      const stored = await answer.json();
      if (!answer.ok) throw new Error(stored.error);
      this.offer("yours", stored.name, stored.url);
      this.select.value = stored.url;
      this.note.textContent = T.drop;
      this.show();
    } catch (error) {
      this.note.textContent = error instanceof TypeError ? T.noAnswer : error.message;
    } finally {
      this.uploads -= 1;
    }
  }

  show() {
    const typed = this.select.value === URL_CHOICE;
    this.typed.hidden = !typed;
    this.typed.required = typed && this.field.required;
    const url = typed ? this.typed.value.trim() : this.select.value;
    const changed = url !== this.url;
    this.url = url;
    if (changed) this.preview.replaceChildren(...this.seen());
    if (!typed || this.url || this.select.options.length > 2) this.note.textContent = T.drop;
    else if (this.field.media === "video") this.note.textContent = T.noFilm;
    this.changed();
  }

  // Only what this sandbox has is shown; the page loads nothing from elsewhere.
  seen() {
    if (!this.url.startsWith(location.origin + "/")) return [];
    if (this.field.media === "audio") return [make("audio", { controls: true, preload: "none", src: this.url })];
    if (this.field.media === "video") return [make("video", { controls: true, preload: "metadata", className: "thumb", src: this.url })];
    return [make("img", { className: "thumb", src: this.url, alt: "" })];
  }
}
