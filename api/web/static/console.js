// Small comforts of every page; markup comes from the server alone, already escaped.
"use strict";

const parts = new Intl.DateTimeFormat("en", {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  hourCycle: "h23", timeZoneName: "short",
  timeZone: document.documentElement.dataset.zone || undefined,
});
const relatives = new Map();

// The same order everywhere, in the reader's zone: 2026-11-21 12:00:17 GMT+8.
function absolute(at) {
  const told = Object.fromEntries(parts.formatToParts(at).map((part) => [part.type, part.value]));
  return `${told.year}-${told.month}-${told.day} ${told.hour}:${told.minute}:${told.second} ${told.timeZoneName}`;
}

function ago(at, now) {
  const language = document.documentElement.lang || "en";
  if (!relatives.has(language)) relatives.set(language, new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" }));
  const relative = relatives.get(language);
  const seconds = Math.round((at - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 90) return relative.format(seconds, "second");
  if (size < 5400) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 172800) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86400), "day");
}

// What is left until then, counting down: 3:59:08, and below ten minutes 9:08.
function left(at, now) {
  const seconds = Math.max(0, Math.round((at - now) / 1000));
  const two = (count) => String(count).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

function tellTimes(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll("time[data-when]")) {
    const at = new Date(time.dateTime);
    const exact = time.querySelector(".abs");
    const since = time.querySelector(".ago");
    if (exact && exact.dataset.told !== time.dateTime) {
      exact.textContent = absolute(at);
      exact.dataset.told = time.dateTime;
      time.title = at.toISOString();
    }
    if (since) {
      const words = "until" in time.dataset ? left(at, now) : ago(at, now);
      if ("until" in time.dataset) time.classList.toggle("is-short", at - now < 600_000);
      if (since.textContent !== words) since.textContent = words;
    }
  }
}

function openTarget() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  if (!target) return;
  if (target instanceof HTMLDetailsElement) target.open = true;
  target.scrollIntoView({ block: "center" });
}

// A part of the page that is drawn again keeps what its reader had opened, and how far they had scrolled.
const opened = new Map();
const scrolled = new Map();
function remember(event) {
  const one = event.target;
  if (one instanceof HTMLDetailsElement && one.id) opened.set(one.id, one.open);
}
function recall(root) {
  for (const one of root.querySelectorAll("details[id]")) {
    if (opened.has(one.id) && one.open !== opened.get(one.id)) one.open = opened.get(one.id);
  }
  for (const one of root.querySelectorAll("[data-scroll]")) {
    if (scrolled.has(one.dataset.scroll)) one.scrollTop = scrolled.get(one.dataset.scroll);
  }
}
document.addEventListener("toggle", remember, true);
document.addEventListener("scroll", (event) => {
  if (event.target.dataset?.scroll) scrolled.set(event.target.dataset.scroll, event.target.scrollTop);
}, true);

new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) {
      if (node.nodeType === Node.ELEMENT_NODE) {
        tellTimes(node.parentElement || node);
        recall(node);
      }
    }
  }
}).observe(document.documentElement, { childList: true, subtree: true });
tellTimes(document);
setInterval(() => tellTimes(document), 15000);
setInterval(() => { if (document.querySelector("time[data-until]")) tellTimes(document); }, 1000);
addEventListener("load", () => setTimeout(openTarget, 300));
addEventListener("hashchange", openTarget);

document.addEventListener("submit", (event) => {
  // One press is one deed: a second submit of the same form does nothing.
  if (event.target.method === "post" && event.target.dataset.sent) event.preventDefault();
  else if (event.target.method === "post") event.target.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
