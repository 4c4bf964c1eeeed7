// The console by keyboard: / searches, g and a letter goes somewhere, j and k walk a list, ? says so.
"use strict";

const WAYS = { i: "/incidents", a: "/approvals", c: "/chat", d: "/desk", k: "/knowledge", e: "/detectors", r: "/reports", u: "/audit", h: "/settings", n: "/tickets/new" };
let going = 0;

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") !== null || document.querySelector(".q-dialog");
}

function walk(step) {
  const links = [...document.querySelectorAll(".rows .what a, [data-row]")].filter((one) => one.offsetParent !== null);
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))].focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const isGoing = Date.now() - going < 1200;
  going = 0;
  if (isGoing && WAYS[event.key]) location.assign(WAYS[event.key]);
  else if (event.key === "g") going = Date.now();
  else if (event.key === "/") document.querySelector("[data-find]")?.focus();
  else if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
  else if (event.key === "?") document.getElementById("keys")?.showModal?.();
  else return;
  event.preventDefault();
});

// An open dialog keeps the focus: Tab goes round in it. The layer's own guard wakes only once it has been drawn.
const STOPS = 'a[href], button:not([disabled]), input:not([disabled]):not([type="hidden"]), select:not([disabled]), textarea:not([disabled]), [tabindex="0"]';

document.addEventListener("keydown", (event) => {
  if (event.key !== "Tab") return;
  const dialog = [...document.querySelectorAll(".q-dialog")].pop();
  if (!dialog) return;
  const stops = [...dialog.querySelectorAll(STOPS)].filter((one) => one.tabIndex >= 0 && one.offsetParent !== null);
  if (!stops.length) return;
  const at = stops.indexOf(document.activeElement);
  const isOut = !dialog.contains(document.activeElement);
  if (isOut || at === (event.shiftKey ? 0 : stops.length - 1)) {
    event.preventDefault();
    stops[event.shiftKey ? stops.length - 1 : 0].focus();
  }
}, true);

// Whoever leaves a dialog is again where they were.
let before = null;

document.addEventListener("focusin", (event) => {
  if (!event.target.closest(".q-dialog")) before = event.target;
});
new MutationObserver((changes) => {
  if (!changes.some((one) => one.removedNodes.length) || document.querySelector(".q-dialog")) return;
  if (document.activeElement === document.body && before?.isConnected) before.focus({ preventScroll: true });
}).observe(document.body, { childList: true });
