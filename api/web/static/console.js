// Makes a page follow what happens; every page works without it. Markup comes from the server alone, already escaped.
"use strict";

const language = document.documentElement.lang;
const parts = new Intl.DateTimeFormat("en", {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  hourCycle: "h23", timeZoneName: "short",
});
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

// The same order everywhere, in the reader's zone: 2026-11-21 12:00:17 GMT+8.
function absolute(at) {
  const told = Object.fromEntries(parts.formatToParts(at).map((part) => [part.type, part.value]));
  return `${told.year}-${told.month}-${told.day} ${told.hour}:${told.minute}:${told.second} ${told.timeZoneName}`;
}

function ago(at, now) {
  const seconds = Math.round((at - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 90) return relative.format(seconds, "second");
  if (size < 5400) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 172800) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86400), "day");
}

function tellTimes(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[data-when]")) {
    const at = new Date(time.dateTime);
    const [exact, since] = time.querySelectorAll(".abs, .ago");
    if (exact && exact.dataset.told !== time.dateTime) {
      exact.textContent = absolute(at);
      exact.dataset.told = time.dateTime;
      time.title = at.toISOString();
    }
    if (since) since.textContent = ago(at, now);
  }
}

function openTarget() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView({ block: "center" });
  }
}

// A section that a person is typing in, or has opened something in, keeps what they did.
function isBusy(section) {
  if (section.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return true;
  return [...section.querySelectorAll("input:not([type=hidden]), textarea")].some((field) =>
    field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
}

function withoutAges(html) {
  return html.replace(/<span class="ago">[^<]*<\/span>/g, "");
}

class Incident {
  constructor(root) {
    this.root = root;
    this.known = new Map();
    this.timer = 0;
    this.loading = false;
    this.again = false;
    this.follow();
  }

  follow() {
    const source = new EventSource(this.root.dataset.events);
    source.onopen = () => this.mark("live");
    source.onerror = () => this.mark("lost");
    source.onmessage = () => this.soon();
    addEventListener("pagehide", () => source.close());
  }

  mark(state) {
    this.state = state;
    const mark = this.root.querySelector(".livemark");
    if (!mark) return;
    mark.dataset.state = state;
    mark.textContent = state === "live" ? mark.dataset.liveWords : mark.dataset.lostWords;
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), 150);
  }

  async load() {
    if (this.loading) { this.again = true; return; }
    this.loading = true;
    try {
      const answer = await fetch(this.root.dataset.live, { credentials: "same-origin", redirect: "error" });
      if (answer.ok) this.show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      this.mark("lost");
    } finally {
      this.loading = false;
      if (this.again) { this.again = false; this.soon(); }
    }
  }

  show(fresh) {
    const columns = { main: ".main-column", side: ".side-column" };
    for (const [, selector] of Object.entries(columns)) this.place(fresh, selector);
    for (const section of fresh.querySelectorAll("[data-section]")) {
      const name = section.dataset.section;
      const html = withoutAges(section.outerHTML);
      const old = this.root.querySelector(`[data-section="${name}"]`);
      if (!old || this.known.get(name) === html || isBusy(old)) continue;
      this.known.set(name, html);
      const open = new Set([...old.querySelectorAll("details[open]")].map((one) => one.id));
      const scroll = old.querySelector(".timeline")?.scrollTop ?? 0;
      old.replaceWith(section);
      for (const one of section.querySelectorAll("details")) if (open.has(one.id)) one.open = true;
      const line = section.querySelector(".timeline");
      if (line) line.scrollTop = scroll;
      tellTimes(section);
    }
    this.mark(this.state ?? "live");
  }

  // Sections that were not there before (a lesson, the alerts) come in at their place; those that are gone, go.
  place(fresh, selector) {
    const mine = this.root.querySelector(selector);
    const theirs = [...(fresh.querySelector(selector)?.children ?? [])];
    const wanted = new Set(theirs.map((one) => one.dataset.section));
    for (const one of [...mine.children]) if (one.dataset.section && !wanted.has(one.dataset.section) && !isBusy(one)) one.remove();
    let before = null;
    for (const one of theirs.reverse()) {
      const name = one.dataset.section;
      let own = mine.querySelector(`:scope > [data-section="${name}"]`);
      if (!own) {
        own = document.createElement("div");
        own.dataset.section = name;
        mine.insertBefore(own, before);
      }
      before = own;
    }
  }
}

// Lists follow too: asked for again while somebody looks, and shown when something in them has changed.
class List {
  constructor(root) {
    this.root = root;
    this.known = withoutAges(root.innerHTML);
    setInterval(() => this.load(), 5000);
  }

  async load() {
    if (document.hidden || document.activeElement?.matches("input, select")) return;
    try {
      const headers = { Accept: "text/html" };
      const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error", headers });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const list = fresh.querySelector("[data-list]");
      const nav = fresh.querySelector(".bar nav");
      if (nav) document.querySelector(".bar nav")?.replaceWith(nav);
      if (!list || withoutAges(list.innerHTML) === this.known) return;
      this.known = withoutAges(list.innerHTML);
      this.root.replaceChildren(...list.childNodes);
      tellTimes(this.root);
    } catch {
      // The next round asks again; the page that is shown stays as it is.
    }
  }
}

const list = document.querySelector("[data-list]");
if (list) new List(list);
tellTimes(document);
setInterval(() => tellTimes(document), 15000);
openTarget();
addEventListener("hashchange", openTarget);
const live = document.getElementById("live");
if (live) new Incident(live);
for (const form of document.querySelectorAll("form.filters")) {
  for (const choice of form.querySelectorAll("select")) choice.addEventListener("change", () => form.requestSubmit());
}
document.addEventListener("submit", (event) => {
  // One press is one vote: a second submit of the same form does nothing.
  if (event.target.method === "post" && event.target.dataset.sent) event.preventDefault();
  else if (event.target.method === "post") event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
